"""Who may call what: every view declares it with `requires` or `public`, and a house test sees that none forgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar, cast

from flask import g, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.kit.clock import Clock
from referral_service.kit.db.engines import Database
from referral_service.kit.errors import Forbidden, Unauthorized
from referral_service.kit.http.caller import Caller, current_caller, set_caller
from referral_service.kit.http.edge import service
from referral_service.kit.http.limits import API_CALLS
from referral_service.kit.http.openapi import mark
from referral_service.kit.ttl_cache import TtlCache
from referral_service.tenants.models import ApiKey, App
from referral_service.tenants.scopes import Scope
from referral_service.tenants.secrets import digest_of, is_secret
from referral_service.tenants.tenant import Tenant, tenant_from

__all__ = ["Scope", "act_for", "business_now", "current_key_id", "current_tenant", "public", "requires"]

View = TypeVar("View", bound=Callable[..., Any])
# A key revoked by another process still works here for this long.
CACHE_SECONDS = 5
CACHE_ENTRIES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Principal:
    """A key that was found: whose it is and what it may do. `tenant` is None for the operator's."""

    key_id: str
    scopes: frozenset[str]
    expires_at: datetime | None
    tenant: Tenant | None


@dataclass(frozen=True, slots=True)
class Access:
    """What a view declares: a scope, or why it is public."""

    scope: Scope | None
    why_public: str | None = None


class KeyDirectory:
    """Finds keys by their digest, and remembers the live apps' for five seconds."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._cache: TtlCache[bytes, Principal] = TtlCache(entries_max=CACHE_ENTRIES_MAX, ttl_seconds=CACHE_SECONDS)

    def find(self, secret: str) -> Principal:
        """Return whose key this is; raise Unauthorized for one that is unknown, revoked or expired."""
        digest = digest_of(secret)
        loaded: list[Principal] = []

        def load() -> Principal:
            loaded.append(self._database.read(lambda session: _load(session, digest)))
            return loaded[0]

        principal = self._cache.get_or_load(digest, load)
        if not loaded and principal.tenant is not None and principal.tenant.is_test:
            # A test app's clock may have been advanced by another process a moment ago.
            principal = load()
        if principal.expires_at is not None and principal.expires_at <= self._clock.now():
            raise Unauthorized("This API key has expired. Use a newer one.")
        return principal

    def forget(self, digest: bytes) -> None:
        """Look this key up anew the next time."""
        self._cache.forget(digest)


def requires(scope: Scope, *, limited: bool = True) -> Callable[[View], View]:
    """Let only keys in that hold this scope. Calls count towards the key's rate unless `limited` is False."""

    def decorator(view: View) -> View:
        @wraps(view)
        def authenticated(*args: Any, **kwargs: Any) -> Any:
            principal = _authenticate()
            # Counted before the scope is looked at: refusals cost work too.
            if limited:
                service().limits.charge(API_CALLS, principal.key_id)
            if not scope.granted_by(principal.scopes):
                raise Forbidden(f"This call needs a key with the scope {scope}.")
            return view(*args, **kwargs)

        authenticated.access = Access(scope)  # type: ignore[attr-defined]
        idempotent = getattr(view, "honours_idempotency_key", False)
        mark(authenticated, scope=str(scope), limited=limited, idempotent=idempotent)
        return authenticated  # type: ignore[return-value]

    return decorator


def public(why: str) -> Callable[[View], View]:
    """Declare that a view asks for no key, and why that is safe."""

    def decorator(view: View) -> View:
        @wraps(view)
        def unauthenticated(*args: Any, **kwargs: Any) -> Any:
            return view(*args, **kwargs)

        unauthenticated.access = Access(None, why)  # type: ignore[attr-defined]
        mark(unauthenticated, limited=getattr(view, "rate_limited", False))
        return unauthenticated  # type: ignore[return-value]

    return decorator


def current_tenant() -> Tenant:
    """Return the tenant whose key calls, or for which a public view said that it acts."""
    tenant: Tenant | None = g.get("tenant")
    if tenant is None:
        raise Forbidden("This call needs the key of an app.")
    return tenant


def current_key_id() -> str:
    """Return the id of the key that calls: the actor of what is recorded."""
    return current_caller().key_id


def act_for(tenant: Tenant) -> None:
    """Make this the current tenant, in a view that knows it by a signature instead of a key."""
    g.tenant = tenant


def business_now() -> datetime:
    """Return what the current tenant's clock shows."""
    return current_tenant().business_time(service().clock.now())


def _authenticate() -> Principal:
    header = request.headers.get("Authorization")
    if header is None:
        raise Unauthorized
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not is_secret(secret.strip()):
        raise Unauthorized
    principal = cast(KeyDirectory, service().keys).find(secret.strip())
    set_caller(Caller(app_id=principal.tenant.app_id if principal.tenant else 0, key_id=principal.key_id))
    g.tenant = principal.tenant
    return principal


def _load(session: Session, digest: bytes) -> Principal:
    found = session.execute(
        select(ApiKey, App).outerjoin(App, App.id == ApiKey.app_id).where(ApiKey.sha256 == digest)
    ).one_or_none()
    if found is None:
        raise Unauthorized("This API key is not known here.")
    key = found[0]
    # An operator's key has none.
    app: App | None = found[1]
    if key.revoked_at is not None:
        raise Unauthorized("This API key has been revoked. Use a newer one.")
    return Principal(
        key_id=key.id,
        scopes=frozenset(key.scopes),
        expires_at=key.expires_at,
        tenant=None if app is None else tenant_from(app),
    )
