"""The web server: granian, one worker process for SQLite, several for PostgreSQL.

granian's own process only starts and watches the others, which server_process.py is about.
"""

from __future__ import annotations

import errno
import ipaddress
import multiprocessing
import resource
import socket
import threading
from contextlib import suppress
from functools import partial
from typing import Any

import click
import httpx
from granian.constants import HTTPModes, Interfaces
from granian.errors import FatalError
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from referral_service.cli.answers import CommandFailed, ExitCode
from referral_service.cli.server_process import load_application
from referral_service.config import Settings

# Open connections of a process, idle ones included. Those beyond are not taken until one ends, a check of health among
# them; but one that idles costs some KiB and no thread, so there is room for a crowd that keeps its connections.
CONNECTIONS_MAX = 8192
BACKLOG = 1024
# Longer than proxies keep an idle connection (60 s is usual): one that uses it at the moment in which we close it would
# answer 502.
IDLE_SECONDS_MAX = 75
# Of what is being read of a request, for each connection: the longest headers that are answered, and more.
BUFFER_BYTES_MAX = 64 * 1024
# Each connection is an open file. These are for the rest: the database's, the worker's, what is being read.
OTHER_FILES = 1024
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
    files = allow_files(CONNECTIONS_MAX + OTHER_FILES)
    server = Server(
        # For its messages: what is served is what the loader below returns.
        "referral_service.cli.server_process:load_application",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        workers=workers,
        backlog=BACKLOG,
        backpressure=connections_for(files),
        # HTTP/2 would let a caller have many requests on one connection, with headers of megabytes: it is the proxy's.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=IDLE_SECONDS_MAX * 1000, max_buffer_size=BUFFER_BYTES_MAX),
        websockets=False,
        workers_kill_timeout=STOP_SECONDS_MAX,
        # A process that died is replaced; granian gives up where it dies again at once.
        respawn_failed_workers=True,
        log_level=LogLevels.error,
        log_dictconfig=_LOGGING,
    )
    announce = Announcer(f"{local_url(settings)}/healthz", announcement).announce if announcement else None
    loader = partial(load_application, settings, with_worker=with_worker, announce=announce)
    try:
        # Its types forget that an RSGI application may be an object.
        server.serve(target_loader=loader, wrap_loader=False)  # type: ignore[arg-type]
    except FatalError as error:
        raise CommandFailed(f"The web server could not start: {error}.", code="server_failed") from None
    except SystemExit as ended:
        if ended.code:
            raise CommandFailed("The web server's processes died: see the log.", code="server_failed") from None


def allow_files(count: int) -> int:
    """Let this process and those it starts have so many files open, or as many as the system allows; gives how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return count if soft == resource.RLIM_INFINITY else soft


def connections_for(files: int) -> int:
    """Return how many connections a process takes that may have so many files open."""
    return min(CONNECTIONS_MAX, max(files - OTHER_FILES, files // 2))


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
