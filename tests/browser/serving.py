"""Serves WSGI applications to a real browser: on a free port of this machine, in threads of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any

from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HOST = "127.0.0.1"


class _Quiet(WSGIRequestHandler):
    """Says nothing, and keeps no connection open that would outlive the test."""

    protocol_version = "HTTP/1.0"
    # A browser connects ahead, and may never ask.
    timeout = 10

    def log(self, *_: Any) -> None:
        return None


@contextmanager
def served(make: Callable[[str], WSGIApplication], *, host: str = HOST) -> Iterator[str]:
    """Serve what `make` returns for its own address (`http://127.0.0.1:…`), and yield that address.

    Each port is an origin of its own for the browser; `host` may be any name that leads to this machine.
    """
    made: list[WSGIApplication] = []
    server = make_server(HOST, 0, lambda environ, start: made[0](environ, start), threaded=True, request_handler=_Quiet)
    url = f"http://{host}:{server.server_port}"
    made.append(make(url))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name=f"serving {url}")
    thread.start()
    try:
        yield url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
