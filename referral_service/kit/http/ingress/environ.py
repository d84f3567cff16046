"""From RSGI to WSGI: a request's scope as an environment (PEP 3333), and an application's answer in one piece.

Granian's own protocol is https://github.com/emmett-framework/granian/blob/master/docs/spec/RSGI.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_HEADERS_MAX = 1024
_WITHOUT_PREFIX = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
_OF_EVERY_REQUEST = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    # Whoever reads the body reads all that came, announced or not.
    "wsgi.input_terminated": True,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}


class Headers(Protocol):
    """A request's headers, by names in small letters; one that was sent twice is there twice."""

    def items(self) -> list[tuple[str, str]]: ...


class Scope(Protocol):
    """What an RSGI server tells of a request, without its body. `path` is decoded, addresses end in `:port`."""

    @property
    def http_version(self) -> str: ...
    @property
    def scheme(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query_string(self) -> str: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def authority(self) -> str | None: ...
    @property
    def server(self) -> str: ...
    @property
    def client(self) -> str: ...


class Answer(NamedTuple):
    """An HTTP answer, whole."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def environ_of(scope: Scope) -> WSGIEnvironment:
    """Return the request as a WSGI environment; its body is for the caller to put in as `wsgi.input`."""
    host, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        **_OF_EVERY_REQUEST,
        "REQUEST_METHOD": scope.method,
        "PATH_INFO": _as_latin_1(scope.path),
        "QUERY_STRING": _as_latin_1(scope.query_string),
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "SERVER_NAME": _bare(host),
        "SERVER_PORT": port,
        "REMOTE_ADDR": _bare(scope.client.rpartition(":")[0]),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(),
    }
    for name, value in scope.headers.items():
        key = _key_of(name)
        if key is None:
            continue
        known = environ.get(key)
        environ[key] = value if known is None else f"{known}{'; ' if key == 'HTTP_COOKIE' else ','}{value}"
    if scope.authority is not None:
        environ.setdefault("HTTP_HOST", scope.authority)
    return environ


def answer_of(application: WSGIApplication, environ: WSGIEnvironment) -> Answer:
    """Call an application, and return all that it answers."""
    said: list[Any] = []
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], _error: Any = None) -> Callable[[bytes], object]:
        said[:] = int(status[:3]), headers
        return written.append

    chunks = application(environ, start_response)
    try:
        written.extend(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    status, headers = said
    return Answer(status, headers, b"".join(written))


@lru_cache(maxsize=_HEADERS_MAX)
def _key_of(header: str) -> str | None:
    """Return a header's key in an environment; None for one with an underscore, which would pass for another's."""
    if "_" in header:
        return None
    return _WITHOUT_PREFIX.get(header) or "HTTP_" + header.upper().replace("-", "_")


def _as_latin_1(text: str) -> str:
    """Return bytes as WSGI has them: each as the character of the same number."""
    return text if text.isascii() else text.encode().decode("latin-1")


def _bare(host: str) -> str:
    return host.strip("[]")
