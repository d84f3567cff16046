"""Limits on size and rate, checked before anything is read or done.

Rates are counted by the `limits` library in a sliding window: in Redis where one is configured, so that several
machines share the count, and in memory otherwise or while Redis is away.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, TypeVar

import structlog
from flask import Flask, Request, Response, current_app, g, request
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter

from referral_service.kit.clock import SystemClock, monotonic_seconds
from referral_service.kit.concurrency.fibers import elsewhere
from referral_service.kit.errors import BodyTooLarge, NotFound, Problem, RateLimited

API_BODY_BYTES_MAX = 64 * 1024
HOOK_BODY_BYTES_MAX = 1024 * 1024
# A megabyte by a bad telephone line.
BODY_SECONDS_MAX = 15.0
URL_BYTES_MAX = 2048
HEADER_BYTES_MAX = 16 * 1024
# How long an unreachable Redis is left alone before it is tried again.
REDIS_REST_SECONDS = 10

# The library counts in real time, whatever the service's clock shows.
_CLOCK = SystemClock()

View = TypeVar("View", bound=Callable[..., Any])
log = structlog.get_logger(__name__)


class BodyTooSlow(Problem):
    code, status = "body_too_slow", 408
    title = "The body of this request did not arrive in time."
    remedy = f"Send the same request again, with all of its body within {BODY_SECONDS_MAX:.0f} seconds."


class UrlTooLong(Problem):
    code, status = "url_too_long", 414
    title = "The address of this request is too long."
    remedy = f"Keep path and query within {URL_BYTES_MAX} bytes."


class HeadersTooLarge(Problem):
    code, status = "headers_too_large", 431
    title = "The headers of this request are too large."
    remedy = f"Keep all headers together within {HEADER_BYTES_MAX // 1024} KiB."


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `amount` in any `seconds`."""

    name: str
    amount: int
    seconds: int

    def item(self) -> RateLimitItem:
        return RateLimitItemPerSecond(self.amount, self.seconds, namespace=f"referral:{self.name}")


API_CALLS = Limit("api", amount=100, seconds=1)
CODE_LOOKUPS = Limit("code-lookups", amount=30, seconds=60)
BAD_SIGNATURES = Limit("bad-signatures", amount=60, seconds=60)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands in a limit after this request."""

    limit: Limit
    remaining: int
    reset_seconds: int


class Limits:
    """Counts what callers do. `charge` is the only thing a room needs."""

    def __init__(self, *, enabled: bool, redis_url: str | None = None) -> None:
        self._enabled = enabled
        self._memory = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared: SlidingWindowCounterRateLimiter | None = None
        self._shared_rests_until = 0.0
        if redis_url is not None and enabled:
            storage: Storage = storage_from_string(redis_url, socket_timeout=0.2, socket_connect_timeout=0.2)  # type: ignore[assignment]
            self._shared = SlidingWindowCounterRateLimiter(storage)

    def charge(self, limit: Limit, who: str) -> None:
        """Count one act of `who`; raise RateLimited where it is one too many. Tells the answer's headers."""
        if not self._enabled:
            return
        allowed, standing = self._hit(limit, who)
        g.rate_standing = standing
        if not allowed:
            raise RateLimited(retry_after_seconds=standing.reset_seconds)

    def _hit(self, limit: Limit, who: str) -> tuple[bool, Standing]:
        if self._shared is not None and monotonic_seconds() >= self._shared_rests_until:
            try:
                shared = self._shared
                return elsewhere(lambda: self._hit_in(shared, limit, who))
            # Whatever a broken network makes the client raise: to count in memory beats refusing to serve.
            except Exception as error:  # noqa: BLE001
                self._shared_rests_until = monotonic_seconds() + REDIS_REST_SECONDS
                log.warning("rate_limits_fall_back_to_memory", error=type(error).__name__)
        return self._hit_in(self._memory, limit, who)

    def _hit_in(self, counter: SlidingWindowCounterRateLimiter, limit: Limit, who: str) -> tuple[bool, Standing]:
        item = limit.item()
        allowed = counter.hit(item, who)
        window = counter.get_window_stats(item, who)
        seconds = max(1, ceil(window.reset_time - _CLOCK.now().timestamp()))
        return allowed, Standing(limit, window.remaining, min(seconds, 2 * limit.seconds))


def client_address() -> str:
    """Return the address to count a public caller by: an IPv6 caller owns a whole /64, so that is what is counted."""
    text = request.remote_addr or "unknown"
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return text


def body_limit(bytes_max: int) -> Callable[[View], View]:
    """Allow this view's body another size than the API's 64 KiB; the outermost decorators copy the mark."""

    def decorator(view: View) -> View:
        view.body_bytes_max = bytes_max  # type: ignore[attr-defined]
        return view

    return decorator


def header_bytes(environ: Mapping[str, Any]) -> int:
    """Return the size of a request's headers, of a WSGI environment."""
    return sum([len(name) + len(value) for name, value in environ.items() if name[:5] == "HTTP_"])


def check_size(asked: Request) -> None:
    """Refuse a request whose address, headers or announced body are too large; nothing has been read yet."""
    environ = asked.environ
    if "\0" in asked.path:
        # No id holds one, and PostgreSQL could not even be asked for it.
        raise NotFound
    if len(environ.get("PATH_INFO", "")) + len(environ.get("QUERY_STRING", "")) > URL_BYTES_MAX:
        raise UrlTooLong
    if header_bytes(environ) > HEADER_BYTES_MAX:
        raise HeadersTooLarge
    view = current_app.view_functions.get(asked.endpoint or "")
    bytes_max = getattr(view, "body_bytes_max", API_BODY_BYTES_MAX)
    size = asked.content_length
    if size is None and asked.method not in {"GET", "HEAD"}:
        # A body in chunks announces no length. werkzeug would cut it off at the limit in silence, so it is read here,
        # with room for the one byte that is too many.
        asked.max_content_length = bytes_max + 1
        size = len(asked.get_data(cache=True))
    if size is not None and size > bytes_max:
        raise BodyTooLarge(f"Send at most {bytes_max // 1024} KiB in one request.")


def add_rate_headers(response: Response) -> Response:
    """Tell the caller where he stands, in the fields of draft-ietf-httpapi-ratelimit-headers-10."""
    standing: Standing | None = g.get("rate_standing")
    if standing is not None:
        limit = standing.limit
        response.headers["RateLimit-Policy"] = f'"{limit.name}";q={limit.amount};w={limit.seconds}'
        response.headers["RateLimit"] = f'"{limit.name}";r={standing.remaining};t={standing.reset_seconds}'
    return response


def install(app: Flask) -> None:
    """Check sizes before each request, and say the standing after it."""

    @app.before_request
    def check() -> None:
        # Not by the proxy, which would look for the request each time that it is asked something.
        check_size(request._get_current_object())  # type: ignore[attr-defined]

    app.after_request(add_rate_headers)
