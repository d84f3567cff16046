"""What somebody sleeps on until somebody else calls."""

from __future__ import annotations

from threading import Lock
from typing import Protocol


class Turn(Protocol):
    """For one who sleeps; whoever else may call, once for each time that he sleeps."""

    def call(self) -> None: ...

    def comes(self, *, within_seconds: float | None = None) -> bool:
        """Sleep until the call, also one that has come already; False where it did not come in time."""


class ThreadTurn:
    """A thread's turn: a bare lock, for an Event would cost ten times as much."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = Lock()
        self._lock.acquire()

    def call(self) -> None:
        """Wake it."""
        self._lock.release()

    def comes(self, *, within_seconds: float | None = None) -> bool:
        """Sleep until the call; False where it did not come in time."""
        return self._lock.acquire(timeout=-1 if within_seconds is None else within_seconds)
