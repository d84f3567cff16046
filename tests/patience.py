"""Waiting for what other threads do."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep

WAIT_SECONDS = 60


def until(holds: Callable[[], bool]) -> None:
    """Return once it holds; an AssertionError where it does not come true in a minute."""
    deadline = monotonic() + WAIT_SECONDS
    while not holds():
        assert monotonic() < deadline, "it did not come true"
        sleep(0.002)
