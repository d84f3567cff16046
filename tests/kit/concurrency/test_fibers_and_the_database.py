"""No fiber waits for a database, or for a lock that another of its thread holds while it asks one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest
from patience import WAIT_SECONDS
from signing.key_cast import new_ring, ring_with_keys
from sqlalchemy import text
from sqlalchemy.orm import Session

from referral_service.kit.clock import FixedClock
from referral_service.kit.concurrency.fibers import Fibers
from referral_service.kit.db.engines import Database

Way = Callable[[Callable[[Session], Any]], Any]


@pytest.fixture
def fibers() -> Iterator[Fibers]:
    made = Fibers(helpers=2)
    yield made
    made.close()


def run_both(fibers: Fibers, one: Callable[[], Any], other: Callable[[], Any]) -> tuple[Any, Any]:
    async def evening() -> tuple[Any, Any]:
        async with asyncio.timeout(WAIT_SECONDS):
            first, second = await asyncio.gather(fibers.run(one), fibers.run(other))
            return first, second

    return asyncio.run(evening())


@pytest.mark.parametrize("way", ["transact", "read", "read_late"])
def test_while_one_asks_the_database_the_next_goes_on(fibers: Fibers, database: Database, way: str) -> None:
    ask: Way = getattr(database, way)
    the_next_went_on = Event()

    def work(session: Session) -> tuple[int, bool]:
        return session.scalar(text("SELECT 7")) or 0, the_next_went_on.wait(WAIT_SECONDS / 6)

    assert run_both(fibers, lambda: ask(work), the_next_went_on.set) == ((7, True), None)


def test_two_that_need_keys_which_nobody_has_read_yet_both_get_them(
    fibers: Fibers, database: Database, clock: FixedClock
) -> None:
    expected = ring_with_keys(database, clock).current()
    ring = new_ring(database, clock)
    assert run_both(fibers, ring.current, ring.current) == (expected, expected)
