"""A gate: so many at work, so many waiting in turn or aside, no others.

Threads and coroutines pass it alike: each sleeps in its own way, and whoever leaves wakes the one who
has waited longest.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Protocol, TypeVar

from referral_service.kit.concurrency.turns import ThreadTurn

WAITING_MAX = 64
# Shorter than any caller's own patience, so that he hears from us and not from his time-out.
WAIT_SECONDS_MAX = 2.0


class _Called(Protocol):
    """Somebody's turn, for those who call him: threads and coroutines sleep on it in ways of their own."""

    def call(self) -> None: ...


class _CoroutinesTurn:
    __slots__ = ("_future", "_loop")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self._loop.create_future()

    def call(self) -> None:
        self._loop.call_soon_threadsafe(self._future.set_result, None)

    async def comes(self, *, within_seconds: float) -> bool:
        await asyncio.wait([self._future], timeout=within_seconds)
        return self._future.done()


_Turn = TypeVar("_Turn", ThreadTurn, _CoroutinesTurn)


class Gate:
    """Lets `places` in at once; up to `waiting_max` more wait for a place, in the order in which they came, or have
    stepped aside from theirs.

    `inside`, `waiting` and `refused` (in all) are for whoever wants to know.
    """

    def __init__(
        self, *, places: int, waiting_max: int = WAITING_MAX, wait_seconds_max: float = WAIT_SECONDS_MAX
    ) -> None:
        if places < 1:
            raise ValueError("Nobody could ever enter.")
        # In all: a thread is there for each of them, and for no more.
        self.people_max = places + waiting_max
        self._wait_seconds_max = wait_seconds_max
        self._lock = Lock()
        # While a place is free, nobody waits.
        self._turns: deque[_Called] = deque()
        self.places = self._free = places
        # Those who need no place for now, and those of them who do again, to go before anybody new.
        self._aside = 0
        self._returning: deque[_Called] = deque()
        self.refused = 0

    @property
    def inside(self) -> int:
        return self.places - self._free

    @property
    def waiting(self) -> int:
        return len(self._turns) + len(self._returning) + self._aside

    @property
    def _is_full(self) -> bool:
        return self.inside + self.waiting >= self.people_max

    def enter(self) -> bool:
        """Take a place, perhaps after a while; False where there is none to be had in time. Then do not `leave`."""
        turn = self._ask(ThreadTurn)
        if isinstance(turn, bool):
            return turn
        return turn.comes(within_seconds=self._wait_seconds_max) or not self._gives_up(turn)

    async def come_in(self) -> bool:
        """The same for a coroutine: it waits without a thread."""
        turn = self._ask(_CoroutinesTurn)
        if isinstance(turn, bool):
            return turn
        try:
            return await turn.comes(within_seconds=self._wait_seconds_max) or not self._gives_up(turn)
        except asyncio.CancelledError:
            if not self._gives_up(turn):
                self.leave()
            raise

    def leave(self) -> None:
        """Hand the place to whoever has waited longest."""
        with self._lock:
            waiting = self._returning or self._turns
            if waiting:
                waiting.popleft().call()
            else:
                self._free += 1

    def enter_aside(self) -> bool:
        """Come in without a place, for somebody who only needs one by and by (`place`); False where there are too many
        people. Then do not `leave_aside`.
        """
        with self._lock:
            if self._is_full:
                self.refused += 1
                return False
            self._aside += 1
            return True

    def leave_aside(self) -> None:
        """Go, without a place."""
        with self._lock:
            self._aside -= 1

    @contextmanager
    def place(self) -> Iterator[None]:
        """Have a place on behalf of those who are aside, and stay so."""
        self._come_back(staying=True)
        try:
            yield
        finally:
            self.leave()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others have the place for as long as its owner has nothing to do but wait for them.

        Who comes back goes before those who have not begun: what is half done holds up more than what is not.
        """
        with self._lock:
            self._aside += 1
        self.leave()
        try:
            yield
        finally:
            self._come_back()

    def _ask(self, kind: type[_Turn]) -> _Turn | bool:
        """Let in or refuse at once, or give a turn to sleep on."""
        with self._lock:
            if self._is_full:
                self.refused += 1
                return False
            if self._free:
                self._free -= 1
                return True
            turn = kind()
            self._turns.append(turn)
            return turn

    def _gives_up(self, turn: _Called) -> bool:
        """Wait no longer; False where the place was handed over in the moment in which patience ended."""
        with self._lock:
            if turn not in self._turns:
                return False
            self._turns.remove(turn)
            self.refused += 1
            return True

    def _come_back(self, *, staying: bool = False) -> None:
        with self._lock:
            if not staying:
                self._aside -= 1
            if self._free:
                self._free -= 1
                return
            turn = ThreadTurn()
            self._returning.append(turn)
        turn.comes()
