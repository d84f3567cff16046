"""Work that is brought one by one, done together: whoever comes while others are at work is taken along next time.

A thread or a fiber (fibers.py) that finds none of its kind at work leads at once, with what it brought; those of its
kind that come meanwhile queue, and when it has finished, the first of them leads and takes the others along. So one
alone costs what it cost before, the busier it is, the more share the cost of one commit, and a kind that is held up
holds up no other.

Whoever leads while a crowd comes and goes takes a breath first. Senders that were answered together come back together:
the first of them would otherwise go ahead alone, and every second batch be a batch of one.

Nobody spoils the work of others: where anything goes wrong with a batch, each of it is done alone, by whoever brought
it, as if there were no gathering.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

import structlog

from referral_service.kit.clock import monotonic_seconds
from referral_service.kit.concurrency.fibers import turn_of_caller
from referral_service.kit.errors import Overloaded

log = structlog.get_logger(__name__)

# More would gain little, and hold locks for longer.
BATCH_MAX = 64
# As long as for a connection or a lock (db/engines.py).
WAIT_SECONDS_MAX = 10.0
# Fewer are no crowd, and are not waited for.
CROWD_MIN = 4
# Of the time that the last batch took: less than it would cost to go ahead without the others.
BREATH_SHARE, BREATH_SECONDS_MAX = 0.5, 0.05
# So many of those who are missed are back after a quarter of it, if they come back at all: others have senders of their
# own pace, who would only be kept waiting.
SOON_SHARE = 0.125
# Kinds whose last crowd is remembered.
LINES_MAX = 1000

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Ticket(Generic[Item, Result]):
    """One item and whoever waits with it. When it is called it `leads`, has a `result`, or neither: then the item is
    to be done alone."""

    __slots__ = ("item", "leads", "result", "turn")

    def __init__(self, item: Item, *, leads: bool) -> None:
        self.item = item
        self.leads = leads
        self.result: Result | None = None
        self.turn = turn_of_caller()


@dataclass(slots=True)
class _Line(Generic[Item, Result]):
    """Those of one kind who wait, and what the last batch tells of the next: how many there were when it ended, and
    until when they may be waited for."""

    waiting: deque[_Ticket[Item, Result]] = field(default_factory=deque)
    is_at_work: bool = True
    # The leader, while it takes its breath.
    breathing: _Ticket[Item, Result] | None = None
    crowd: int = 1
    breath_ends: float = 0.0

    @property
    def is_complete(self) -> bool:
        return 1 + len(self.waiting) >= self.crowd


class Gathering(Generic[Item, Result]):
    """Does items `alone`, or several that are `alike` by `together`. Threads and fibers share it.

    `together` gives the results in the order of the items, None for one that it has left undone, to be done alone.
    Whatever it raises must mean that nothing has been done. One batch of a kind is under way at a time, of up to
    `batch_max` items. Who brings one is within `aside()` while it only waits for others, for `wait_seconds_max`.
    """

    def __init__(
        self,
        *,
        alone: Callable[[Item], Result],
        together: Callable[[Sequence[Item]], Sequence[Result | None]],
        alike: Callable[[Item], Hashable],
        batch_max: int = BATCH_MAX,
        wait_seconds_max: float = WAIT_SECONDS_MAX,
        aside: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._alone = alone
        self._together = together
        self._alike = alike
        self._batch_max = batch_max
        self._wait_seconds_max = wait_seconds_max
        self._aside = aside
        self._lock = Lock()
        # Those at work, and those whose crowd may come back.
        self._lines: dict[Hashable, _Line[Item, Result]] = {}

    def do(self, item: Item) -> Result:
        """Do it, alone or together with what others bring; gives its result, or raises what doing it alone raised.

        Raises Overloaded where others of its kind were at work all the time: then it has not been begun.
        """
        kind = self._alike(item)
        ticket, line = self._queue(item, kind)
        if not ticket.leads:
            with self._aside():
                if not ticket.turn.comes(within_seconds=self._wait_seconds_max):
                    self._give_up(ticket, line)
        if ticket.leads:
            self._lead(ticket, line, kind)
        return self._alone(item) if ticket.result is None else ticket.result

    @property
    def waiting(self) -> int:
        """How many wait for a batch to end, so that theirs can begin."""
        with self._lock:
            return sum(len(line.waiting) for line in self._lines.values())

    def _queue(self, item: Item, kind: Hashable) -> tuple[_Ticket[Item, Result], _Line[Item, Result]]:
        with self._lock:
            line = self._lines.get(kind)
            if line is None:
                self._forget_crowds()
                line = self._lines[kind] = _Line()
                return _Ticket(item, leads=True), line
            ticket: _Ticket[Item, Result] = _Ticket(item, leads=not line.is_at_work)
            line.is_at_work = True
            if not ticket.leads:
                line.waiting.append(ticket)
                if line.breathing is not None and line.is_complete:
                    line.breathing.turn.call()
                    line.breathing = None
            return ticket, line

    def _forget_crowds(self) -> None:
        if len(self._lines) >= LINES_MAX:
            self._lines = {kind: line for kind, line in self._lines.items() if line.is_at_work}

    def _lead(self, leader: _Ticket[Item, Result], line: _Line[Item, Result], kind: Hashable) -> None:
        others: list[_Ticket[Item, Result]] = []
        began = monotonic_seconds()
        try:
            self._breathe(leader, line)
            with self._lock:
                line.breathing = None
                others += [line.waiting.popleft() for _ in range(min(len(line.waiting), self._batch_max - 1))]
            began = monotonic_seconds()
            if others:
                self._do_together([leader, *others])
            else:
                leader.result = self._alone(leader.item)
        finally:
            self._hand_on(line, kind, size=1 + len(others), began=began)
            for ticket in others:
                ticket.turn.call()

    def _breathe(self, leader: _Ticket[Item, Result], line: _Line[Item, Result]) -> None:
        """Wait a little for those who were here when the last batch ended, unless they do not seem to come back."""
        with self._lock:
            seconds = line.breath_ends - monotonic_seconds()
            if line.crowd < CROWD_MIN or line.is_complete or seconds <= 0:
                return
            line.breathing = leader
            here = 1 + len(line.waiting)
            soon = here + (line.crowd - here) * SOON_SHARE
        with self._aside():
            if not leader.turn.comes(within_seconds=seconds / 4) and 1 + len(line.waiting) >= soon:
                leader.turn.comes(within_seconds=seconds * 3 / 4)

    def _do_together(self, batch: Sequence[_Ticket[Item, Result]]) -> None:
        try:
            results = self._together([ticket.item for ticket in batch])
        except Exception as error:  # noqa: BLE001 -- whatever it is, the one it concerns will meet it again, alone
            log.warning("gathering.undone", items=len(batch), error=type(error).__name__)
            return
        for ticket, result in zip(batch, results, strict=True):
            ticket.result = result

    def _give_up(self, ticket: _Ticket[Item, Result], line: _Line[Item, Result]) -> None:
        """Leave the queue; who is in a batch already stays, for that is being done."""
        with self._lock:
            if ticket in line.waiting:
                line.waiting.remove(ticket)
                raise Overloaded(retry_after_seconds=1)
        ticket.turn.comes()

    def _hand_on(self, line: _Line[Item, Result], kind: Hashable, *, size: int, began: float) -> None:
        """Let the first who waits lead; where nobody does, the kind is at work no more."""
        with self._lock:
            ended = monotonic_seconds()
            line.crowd = min(size + len(line.waiting), self._batch_max)
            line.breath_ends = ended + min((ended - began) * BREATH_SHARE, BREATH_SECONDS_MAX)
            if line.waiting:
                leader = line.waiting.popleft()
                leader.leads = True
                leader.turn.call()
                return
            line.is_at_work = False
            if line.crowd < CROWD_MIN:
                del self._lines[kind]
