"""The floor for writes: durable single inserts by the same driver, each its own transaction, from many threads."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import psycopg

from referral_service.kit.ids import new_id

ROW = "x" * 200


def sqlite_inserts(path: Path, *, count: int, clients: int) -> float:
    """Inserts per second into SQLite with WAL and FULL."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE IF NOT EXISTS floor (id TEXT PRIMARY KEY, body TEXT NOT NULL)")

    def client(jobs: queue.SimpleQueue[str | None]) -> None:
        own = sqlite3.connect(path, isolation_level=None, timeout=30)
        own.execute("PRAGMA synchronous = FULL")
        while (key := jobs.get()) is not None:
            own.execute("BEGIN IMMEDIATE")
            own.execute("INSERT INTO floor VALUES (?, ?)", (key, ROW))
            own.execute("COMMIT")
        own.close()

    return _timed(client, count=count, clients=clients)


def postgresql_inserts(dsn: str, *, count: int, clients: int) -> float:
    """Inserts per second into PostgreSQL as it comes: fsync and synchronous_commit on."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS floor (id TEXT PRIMARY KEY, body TEXT NOT NULL)")

    def client(jobs: queue.SimpleQueue[str | None]) -> None:
        with psycopg.connect(dsn, autocommit=True) as own:
            while (key := jobs.get()) is not None:
                own.execute("INSERT INTO floor VALUES (%s, %s)", (key, ROW))

    return _timed(client, count=count, clients=clients)


def _timed(client: Callable[[queue.SimpleQueue[str | None]], None], *, count: int, clients: int) -> float:
    jobs: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threads = [threading.Thread(target=client, args=(jobs,)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    began = perf_counter()
    for _ in range(count):
        jobs.put(new_id("row"))
    for _ in threads:
        jobs.put(None)
    for thread in threads:
        thread.join()
    return count / (perf_counter() - began)
