"""Work that threads bring one by one, done together: whoever comes while others are at work is taken along next time.

Nobody ever waits for company. A thread that finds none of its kind at work leads at once, with what it brought; those
of its kind that come meanwhile queue, and when it has finished, the first of them leads and takes the others along. So
one alone costs what it cost before, the busier it is, the more share the cost of one commit, and a kind that is held
up holds up no other.

Nobody spoils the work of others: where anything goes wrong with a batch, each of it is done alone, in the thread that
brought it, as if there were no gathering.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
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
    Whatever it raises must mean that nothing has been done. One batch of a kind is under way at a time, of up to
    `batch_max` items. A thread is within `aside()` while it only waits for another.
    """

    def __init__(
        self,
        *,
        alone: Callable[[Item], Result],
        together: Callable[[Sequence[Item]], Sequence[Result | None]],
        alike: Callable[[Item], Hashable],
        batch_max: int = 64,
        aside: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._alone = alone
        self._together = together
        self._alike = alike
        self._batch_max = batch_max
        self._aside = aside
        self._lock = Lock()
        # Those who wait, by the kinds that are at work.
        self._waiting: dict[Hashable, deque[_Ticket[Item, Result]]] = {}

    def do(self, item: Item) -> Result:
        """Do it, alone or together with what others bring; gives its result, or raises what doing it alone raised."""
        ticket: _Ticket[Item, Result] = _Ticket(item)
        kind = self._alike(item)
        with self._lock:
            queue = self._waiting.get(kind)
            if queue is None:
                self._waiting[kind] = deque()
                ticket.batch = [ticket]
            else:
                queue.append(ticket)
        if queue is not None:
            with self._aside():
                ticket.wait()
        if ticket.batch:
            self._lead(ticket, kind)
        return self._alone(item) if ticket.result is None else ticket.result

    @property
    def waiting(self) -> int:
        """How many wait for a batch to end, so that theirs can begin."""
        with self._lock:
            return sum(map(len, self._waiting.values()))

    def _lead(self, leader: _Ticket[Item, Result], kind: Hashable) -> None:
        batch, leader.batch = leader.batch, []
        try:
            if len(batch) == 1:
                leader.result = self._alone(leader.item)
            else:
                self._do_together(batch)
        finally:
            self._hand_on(kind)
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

    def _hand_on(self, kind: Hashable) -> None:
        """Let the first who waits lead, with those behind; where nobody does, the kind is at work no more."""
        with self._lock:
            queue = self._waiting[kind]
            batch = [queue.popleft() for _ in range(min(len(queue), self._batch_max))]
            if not batch:
                del self._waiting[kind]
                return
        leader = batch[0]
        leader.batch = batch
        leader.call()
