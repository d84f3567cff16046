"""Messages of one source that are sent at the same time, and wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any, Protocol

from sqlalchemy import select

from referral_service.kit.db.engines import Database
from referral_service.tenants.models import Source

WAIT_SECONDS = 60

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
                    _until(lambda number=number: queue.waiting >= number - 1)  # type: ignore[misc]
            _until(lambda: queue.waiting == (len(calls) - 1 if waiting is None else waiting))
        return [one.result() for one in sent]


def _until(holds: Callable[[], bool]) -> None:
    deadline = monotonic() + WAIT_SECONDS
    while not holds():
        assert monotonic() < deadline
        sleep(0.002)
