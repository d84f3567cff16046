"""The web server: granian, one worker process with threads for SQLite, several for PostgreSQL.

granian's own process only starts and watches the others; the application, its one writer on SQLite, and the worker's
thread live together in the process that serves.
"""

from __future__ import annotations

import errno
import ipaddress
import multiprocessing
import os
import signal
import socket
import threading
from contextlib import suppress
from functools import partial
from multiprocessing.connection import wait
from typing import Any

import click
import httpx
import structlog
from flask import Flask
from granian.constants import Interfaces
from granian.errors import FatalError
from granian.log import LogLevels
from granian.server import Server

from referral_service.app import close, create_app
from referral_service.cli.answers import CommandFailed, ExitCode
from referral_service.cli.logs import configure_logs
from referral_service.config import Settings
from referral_service.kit.http import wiring
from referral_service.kit.http.wiring import Service
from referral_service.worker import run_worker

# granian counts open connections here, idle ones included: fewer would lock out newcomers while others only wait.
CONNECTIONS_MAX = 1024
BACKLOG = 1024
# Longer than any request may take, shorter than what orchestrators wait before they kill (compose.yaml: 30 s).
STOP_SECONDS_MAX = 25
READY_SECONDS_MAX = 60
_READY_PAUSE_SECONDS = 0.05
# Standard output belongs to what commands answer.
_LOGGING: dict[str, Any] = {
    "handlers": {
        name: {"formatter": formatter, "class": "logging.StreamHandler", "stream": "ext://sys.stderr"}
        for name, formatter in (("console", "generic"), ("access", "access"))
    }
}
log = structlog.get_logger(__name__)


def local_url(settings: Settings) -> str:
    """Return the address under which this machine reaches the service."""
    host = settings.host
    # A name is no address, and stays as it is.
    with suppress(ValueError):
        if ipaddress.ip_address(host).is_unspecified:
            host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


class Announcer:
    """Prints something once the service answers: once only, however many processes serve or are replaced."""

    def __init__(self, url: str, announcement: str) -> None:
        self._url = url
        self._announcement = announcement
        # Of the kind that granian starts its processes with: others could not be handed on to them.
        method = multiprocessing.get_start_method()
        self._turn = multiprocessing.get_context(method if method == "fork" else "spawn").Semaphore(1)

    def announce(self) -> None:
        """Wait for the service, then print, unless another process does or did."""
        if not self._turn.acquire(block=False):
            return
        pause = threading.Event()
        for _ in range(int(READY_SECONDS_MAX / _READY_PAUSE_SECONDS)):
            try:
                with httpx.Client(trust_env=False) as http:
                    http.get(self._url, timeout=1)
                    break
            except httpx.TransportError:
                pause.wait(_READY_PAUSE_SECONDS)
        click.echo(self._announcement)


def serve_until_stopped(settings: Settings, *, workers: int, with_worker: bool, announcement: str = "") -> None:
    """Serve until SIGTERM or SIGINT; requests that have begun are finished. Nothing of the database may be open here.

    `announcement` goes to standard output once requests are answered. Raises CommandFailed.
    """
    demand_free_port(settings)
    server = Server(
        "referral_service.wsgi:application",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=settings.threads,
        backlog=BACKLOG,
        backpressure=CONNECTIONS_MAX,
        websockets=False,
        workers_kill_timeout=STOP_SECONDS_MAX,
        # A process that died is replaced; granian gives up where it dies again at once.
        respawn_failed_workers=True,
        log_level=LogLevels.error,
        log_dictconfig=_LOGGING,
    )
    announcer = Announcer(f"{local_url(settings)}/healthz", announcement) if announcement else None
    loader = partial(load_application, settings, with_worker=with_worker, announcer=announcer)
    try:
        server.serve(target_loader=loader, wrap_loader=False)
    except FatalError as error:
        raise CommandFailed(f"The web server could not start: {error}.", code="server_failed") from None
    except SystemExit as ended:
        if ended.code:
            raise CommandFailed("The web server's processes died: see the log.", code="server_failed") from None


def demand_free_port(settings: Settings) -> None:
    """Raise CommandFailed where somebody listens already: granian would share the port with another of its kind."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
            # Two that are bound but do not listen yet would not see each other.
            probe.listen(1)
        except OSError as error:
            said = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            raise CommandFailed(
                f"Port {settings.port} on {settings.host} {said}. Choose another, such as PORT={settings.port + 1}.",
                code="port_unavailable",
                exit_code=ExitCode.CONFIGURATION,
            ) from None


def load_application(settings: Settings, *, with_worker: bool, announcer: Announcer | None) -> Flask:
    """Make the application, in the process that serves it, with the threads that accompany it."""
    for number in (signal.SIGTERM, signal.SIGINT):
        # Until granian listens for them, a stop means an end at once: nothing has begun yet.
        signal.signal(number, signal.SIG_DFL)
    configure_logs(settings.log_level)
    app = create_app(settings)
    stop = threading.Event()
    companions = [threading.Thread(target=_work, args=(app, stop), name="worker")] if with_worker else []
    for thread in companions:
        thread.start()
    threading.Thread(target=_close_at_the_end, args=(app, stop, companions), name="closer").start()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_stop_without, args=(parent.sentinel,), name="orphan-watch", daemon=True).start()
    if announcer is not None:
        threading.Thread(target=announcer.announce, name="announcer", daemon=True).start()
    return app


def _work(app: Flask, stop: threading.Event) -> None:
    service: Service = app.extensions[wiring.EXTENSION]
    run_worker(service, stop=stop)


def _close_at_the_end(app: Flask, stop: threading.Event, companions: list[threading.Thread]) -> None:
    """Stop the worker and give back the database, once the last request is answered.

    The main thread ends then. `atexit` would not do: processes of multiprocessing pass it by before Python 3.13.
    """
    threading.main_thread().join()
    stop.set()
    for thread in companions:
        thread.join()
    close(app)


def _stop_without(parent: int) -> None:
    """Stop gracefully when granian's process is gone: nobody else would, and the port would stay taken."""
    wait([parent])
    log.error("supervisor_gone")
    os.kill(os.getpid(), signal.SIGTERM)
