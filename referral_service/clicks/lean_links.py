"""Share links answered ahead of Flask: what nearly every visit is, and nothing else.

A person opens a link that somebody else has opened within the last seconds: the answer is made from memory, in a tenth
of the time that Flask takes to route one request. Everything else goes to Flask, and views.py is the whole truth of it:
other methods, bots, prefetches, deep links, codes that are new here, wrong or closed, hosts and bodies that are odd,
headers that are too large. Both ways answer, count and log alike; tests/clicks/test_lean_links.py compares them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from referral_service.clicks.bots import PERSON, kind_of_visit
from referral_service.clicks.follow_link import ShareLinks, Visit
from referral_service.clicks.views import FOLLOW_ROUTE, LINK_HEADERS
from referral_service.codes.links import CHANNEL_PATTERN
from referral_service.config import Settings
from referral_service.kit.clock import monotonic_seconds
from referral_service.kit.http import access_log
from referral_service.kit.http.envelope import Count
from referral_service.kit.http.headers import of_every_answer
from referral_service.kit.http.ingress.environ import Answer
from referral_service.kit.http.limits import HEADER_BYTES_MAX, header_bytes

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PREFIX = FOLLOW_ROUTE.partition("<")[0]
# With a channel or without: any other query is for Flask to read.
_QUERY = re.compile(rf"(?:ch=({CHANNEL_PATTERN}))?")
# What Flask takes for a name without a doubt.
_HOST = re.compile(r"(?:[A-Za-z0-9-]{1,63}\.){0,20}[A-Za-z0-9-]{1,63}(?::[0-9]{1,5})?")
_HOSTS_MAX = 256


class LeanLinks:
    """A WSGI application in front of another: answers plain visits of known share links, passes on the rest."""

    def __init__(self, behind: WSGIApplication, links: ShareLinks, settings: Settings, count: Count) -> None:
        self._behind = behind
        self._links = links
        self._headers = [*of_every_answer(settings).items(), *LINK_HEADERS.items(), ("Content-Length", "0")]
        self._count = count

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = self.answer(environ)
        if answer is None:
            return self._behind(environ, start_response)
        start_response("302 FOUND", answer.headers)
        return [answer.body]

    def answer(self, environ: WSGIEnvironment) -> Answer | None:
        """Answer a plain visit of a known link, at once; None for whatever else it is."""
        path: str = environ.get("PATH_INFO", "")
        if not path.startswith(_PREFIX):
            return None
        began = monotonic_seconds()
        location = self._location(path[len(_PREFIX) :], environ)
        if location is None:
            return None
        request_id = access_log.request_id_of(environ.get(_in_environ(access_log.REQUEST_ID), ""))
        headers = [("Location", location), *self._headers, (access_log.REQUEST_ID, request_id)]
        seconds = monotonic_seconds() - began
        self._count(method="GET", route=FOLLOW_ROUTE, status=302, seconds=seconds)
        access_log.write_line(method="GET", route=FOLLOW_ROUTE, status=302, seconds=seconds, request_id=request_id)
        return Answer(302, headers, b"")

    def _location(self, signed_code: str, environ: WSGIEnvironment) -> str | None:
        """Return where a plain visit of a known link leads, and keep the click; None for whatever else it is."""
        query = _QUERY.fullmatch(environ.get("QUERY_STRING", ""))
        if query is None or not _is_plain(environ) or kind_of_visit("GET", _Headers(environ)) != PERSON:
            return None
        try:
            return self._links.follow_known(signed_code, Visit(PERSON, query[1]))
        # Nothing is kept of a click that fails. Flask will meet the same error, and knows how to answer it.
        except Exception:  # noqa: BLE001
            return None


class _Headers:
    """The headers of a WSGI environment."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._environ = environ

    def get(self, key: str, /) -> str | None:
        return self._environ.get(_in_environ(key))


def _is_plain(environ: WSGIEnvironment) -> bool:
    """Whether nothing about the request is odd: a GET without a body, of a host that is one."""
    return (
        environ["REQUEST_METHOD"] == "GET"
        and environ.get("CONTENT_LENGTH", "") in ("", "0")
        and "HTTP_TRANSFER_ENCODING" not in environ
        and _is_host(environ.get("HTTP_HOST", ""))
        and header_bytes(environ) <= HEADER_BYTES_MAX
    )


@lru_cache(maxsize=_HOSTS_MAX)
def _is_host(text: str) -> bool:
    return _HOST.fullmatch(text) is not None


@cache
def _in_environ(header: str) -> str:
    """The key of a header in a WSGI environment (PEP 3333)."""
    return "HTTP_" + header.upper().replace("-", "_")
