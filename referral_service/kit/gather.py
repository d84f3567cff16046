"""Work that threads bring one by one, done together: whoever comes while others are at work is taken along next time.

Nobody ever waits for company. A thread that finds a free place leads at once, with what it brought; those that come
meanwhile queue, and when a leader has finished, the first of them leads and takes along all that are alike. So one
alone costs what it cost before, and the busier it is, the more share the cost of one commit.

Nobody spoils the work of others: where anything goes wrong with a batch, each of it is done alone, in the thread that
brought it, as if there were no gathering.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Ticket(Generic[Item, Result]):
    """One item and the thread that waits with it. When it is called it has a `result`, leads a `batch`, or neither:
    then the item is to be done alone."""

    __slots__ = ("_called", "batch", "item", "result")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.result: Result | None = None
        self.batch: list[_Ticket[Item, Result]] = []
        # A bare lock, taken until the call: an Event would cost ten times as much, and this is the hot path.
        self._called = Lock()
        self._called.acquire()

    def call(self) -> None:
        self._called.release()

    def wait(self) -> None:
        self._called.acquire()


class Gathering(Generic[Item, Result]):
    """Does items `alone`, or several that are `alike` by `together`. Threads share it.

    `together` gives the results in the order of the items, None for one that it has left undone, to be done alone.
    Whatever it raises must mean that nothing has been done. At most `leaders_max` batches are under way at a time, each
    of up to `batch_max` items.
    """

    def __init__(
        self,
        *,
        alone: Callable[[Item], Result],
        together: Callable[[Sequence[Item]], Sequence[Result | None]],
        alike: Callable[[Item], Hashable],
        leaders_max: int = 1,
        batch_max: int = 64,
    ) -> None:
        self._alone = alone
        self._together = together
        self._alike = alike
        self._free = leaders_max
        self._batch_max = batch_max
        self._lock = Lock()
        # Somebody waits here only while all places are taken.
        self._waiting: deque[_Ticket[Item, Result]] = deque()

    def do(self, item: Item) -> Result:
        """Do it, alone or together with what others bring; gives its result, or raises what doing it alone raised."""
        ticket: _Ticket[Item, Result] = _Ticket(item)
        with self._lock:
            leads_at_once = self._free > 0
            if leads_at_once:
                self._free -= 1
                ticket.batch = [ticket]
            else:
                self._waiting.append(ticket)
        if not leads_at_once:
            ticket.wait()
        if ticket.batch:
            self._lead(ticket)
        return self._alone(item) if ticket.result is None else ticket.result

    @property
    def waiting(self) -> int:
        """How many wait for a batch to end, so that theirs can begin."""
        return len(self._waiting)

    def _lead(self, leader: _Ticket[Item, Result]) -> None:
        batch, leader.batch = leader.batch, []
        try:
            if len(batch) == 1:
                leader.result = self._alone(leader.item)
            else:
                self._do_together(batch)
        finally:
            self._hand_on()
            for ticket in batch:
                if ticket is not leader:
                    ticket.call()

    def _do_together(self, batch: Sequence[_Ticket[Item, Result]]) -> None:
        try:
            results = self._together([ticket.item for ticket in batch])
        except Exception as error:  # noqa: BLE001 -- whatever it is, the one it concerns will meet it again, alone
            log.warning("gathering.undone", items=len(batch), error=type(error).__name__)
            return
        for ticket, result in zip(batch, results, strict=True):
            ticket.result = result

    def _hand_on(self) -> None:
        """Let the first of those who wait lead, or free the place."""
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            leader = self._waiting.popleft()
            leader.batch = [leader, *self._take_alike(leader)]
        leader.call()

    def _take_alike(self, leader: _Ticket[Item, Result]) -> list[_Ticket[Item, Result]]:
        kind = self._alike(leader.item)
        taken: list[_Ticket[Item, Result]] = []
        left: deque[_Ticket[Item, Result]] = deque()
        for ticket in self._waiting:
            is_taken = len(taken) < self._batch_max - 1 and self._alike(ticket.item) == kind
            (taken if is_taken else left).append(ticket)
        self._waiting = left
        return taken
