"""Garbage is looked for less often, and found all the same."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from weakref import WeakSet

import pytest

from referral_service.cli.garbage import YOUNG_MAX, collect_seldom


class Knot:
    """Refers to itself, so that counting references never frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_what_is_there_already_is_never_looked_at_again() -> None:
    before = Knot()
    collect_seldom()
    assert gc.get_freeze_count() > 0
    # A collection looks through these alone.
    assert not any(found is before for found in gc.get_objects())


def test_what_refers_to_itself_is_freed_before_it_is_much() -> None:
    collect_seldom()
    alive: WeakSet[Knot] = WeakSet()
    most = 0
    for _ in range(10 * YOUNG_MAX):
        alive.add(Knot())
        most = max(most, len(alive))
    assert most <= YOUNG_MAX
