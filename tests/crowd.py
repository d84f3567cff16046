"""Messages of one source that are sent at the same time, and wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any, Protocol

from flask import Flask
from patience import WAIT_SECONDS, until
from sqlalchemy import select

from referral_service.doctor.run import examine
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.kit.http.wiring import EXTENSION, Service
from referral_service.tenants.models import Source
from referral_service.worker import work_off

Call = Callable[[], Any]


class Queue(Protocol):
    """Where they wait."""

    @property
    def waiting(self) -> int: ...


@contextmanager
def held(database: Database, source_id: str) -> Iterator[None]:
    """Keep whoever wants to write about this source waiting."""
    is_held, may_go = Event(), Event()

    def hold() -> None:
        def work(session: Any) -> None:
            session.execute(select(Source.id).where(Source.id == source_id).with_for_update())
            is_held.set()
            assert may_go.wait(WAIT_SECONDS)

        database.transact(work)

    thread = Thread(target=hold)
    thread.start()
    assert is_held.wait(WAIT_SECONDS)
    try:
        yield
    finally:
        may_go.set()
        thread.join()


def all_at_once(
    queue: Queue, database: Database, source_id: str, calls: Sequence[Call], *, waiting: int | None = None
) -> list[Any]:
    """Let each call run in a thread; they go on once all but the first have queued, in this order.

    `waiting`: so many find their source at work, where the calls are of several; their order is left open then.
    """
    with ThreadPoolExecutor(len(calls)) as threads:
        with held(database, source_id):
            sent = []
            for number, call in enumerate(calls, start=1):
                sent.append(threads.submit(call))
                if waiting is None:
                    until(lambda number=number: queue.waiting >= number - 1)  # type: ignore[misc]
            until(lambda: queue.waiting == (len(calls) - 1 if waiting is None else waiting))
        return [one.result() for one in sent]


def found_wrong(app: Flask, clock: FixedClock) -> list[str]:
    """What the doctor finds once the worker has done all there is to do."""
    service: Service = app.extensions[EXTENSION]
    work_off(service, stop=Event())
    report = service.database.read(lambda session: examine(session, settings=None, now=clock.now()))
    # Not the configuration: the tests' own PostgreSQL is set up to forget.
    checks = [check for check in report.checks if check.invariant != "I15"]
    return [f"{check.invariant} {one.object_id}: {one.says}" for check in checks for one in check.violations]
