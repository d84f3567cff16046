"""Ctrl-C in the middle of long work: what is at hand is finished, and nothing is left half done."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """Notes a Ctrl-C while work is at hand; at any other time it raises KeyboardInterrupt, as ever.

    A second one is not held up: whoever presses twice wants out, and a transaction that is broken off leaves nothing.
    """

    def __init__(self) -> None:
        self._holds = False
        self._noted = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Finish what is inside before a Ctrl-C takes effect; raise KeyboardInterrupt afterwards if there was one."""
        self._holds = True
        try:
            yield
        finally:
            self._holds = False
        if self._noted:
            raise KeyboardInterrupt

    def handle(self, _number: int, _frame: FrameType | None) -> None:
        """Take a signal."""
        if not self._holds or self._noted:
            raise KeyboardInterrupt
        self._noted = True


@contextmanager
def watched_interrupts() -> Iterator[Interrupts]:
    """Take over Ctrl-C, and give it back."""
    interrupts = Interrupts()
    before = signal.signal(signal.SIGINT, interrupts.handle)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)
