"""Messages that are sent at the same time, and wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

from flask import Flask
from sqlalchemy import select
from webhooks_in.hooks import Hook

from referral_service.kit.db.engines import Database
from referral_service.tenants.models import Source
from referral_service.webhooks_in.inbox import Inbox
from referral_service.webhooks_in.views.blueprint import INBOX

WAIT_SECONDS = 60

Call = Callable[[], Any]


@contextmanager
def held(database: Database, hook: Hook) -> Iterator[None]:
    """Keep whoever wants to write about this source waiting."""
    is_held, may_go = Event(), Event()

    def hold() -> None:
        def work(session: Any) -> None:
            session.execute(select(Source.id).where(Source.id == hook.source["id"]).with_for_update())
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
    app: Flask, database: Database, hook: Hook, calls: Sequence[Call], *, waiting: int | None = None
) -> list[Any]:
    """Let each call run in a thread; they go on once all but the first have queued, in this order.

    `waiting`: so many find their source at work, where the calls are of several; their order is left open then.
    """
    inbox: Inbox = app.extensions[INBOX]
    with ThreadPoolExecutor(len(calls)) as threads:
        with held(database, hook):
            sent = []
            for number, call in enumerate(calls, start=1):
                sent.append(threads.submit(call))
                if waiting is None:
                    _until(lambda number=number: inbox.waiting >= number - 1)  # type: ignore[misc]
            _until(lambda: inbox.waiting == (len(calls) - 1 if waiting is None else waiting))
        return [one.result() for one in sent]


def _until(holds: Callable[[], bool]) -> None:
    deadline = monotonic() + WAIT_SECONDS
    while not holds():
        assert monotonic() < deadline
        sleep(0.002)
