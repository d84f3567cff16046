"""Where single events of an app's own go in: each in a transaction, and those that come together in one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime

from referral_service.events.given import Answer, GivenEvent
from referral_service.journeys.recording.record_events import record_events
from referral_service.journeys.tools import Tools
from referral_service.kit.db.engines import Database
from referral_service.kit.gather import Gathering

# More would gain little and hold its locks for longer.
GATHERED_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """An event of the app's own source, which speaks of no other: their locks would come in another order. `now` is
    business time."""

    tools: Tools
    app_id: int
    source_id: str
    event: GivenEvent
    now: datetime


class Intake:
    """Records events. One for each application; threads share it, and wait for each other within `aside()`.

    What is recorded together is answered as if it had come one by one: `record_events` takes lists.
    """

    def __init__(self, database: Database, *, aside: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self._database = database
        self._gathering: Gathering[Brought, Answer] = Gathering(
            alone=lambda brought: self._record([brought])[0],
            together=self._record,
            alike=lambda brought: brought.app_id,
            batch_max=GATHERED_MAX,
            aside=aside,
        )

    def record(self, brought: Brought) -> Answer:
        """Record an event; what it was answered is committed."""
        return self._gathering.do(brought)

    @property
    def waiting(self) -> int:
        """How many events wait for those before them."""
        return self._gathering.waiting

    def _record(self, several: Sequence[Brought]) -> list[Answer]:
        first = several[0]
        return self._database.transact(
            lambda session: record_events(
                session,
                tools=first.tools,
                app_id=first.app_id,
                source_id=first.source_id,
                given=[brought.event for brought in several],
                # They happen at once: when the last of them was there.
                now=max(brought.now for brought in several),
            )
        )
