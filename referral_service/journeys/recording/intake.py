"""Where single events of an app's own go in: each in a transaction, and those that come together in one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.events.given import Answer, GivenEvent
from referral_service.journeys.recording.record_events import record_events
from referral_service.journeys.tools import Tools
from referral_service.kit.db.engines import Database
from referral_service.kit.db.joint_work import Aside, JointWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """An event of the app's own source, which speaks of no other: their locks would come in another order. `now` is
    business time."""

    tools: Tools
    app_id: int
    source_id: str
    event: GivenEvent
    now: datetime


class Intake(JointWork[Brought, Answer]):
    """Records events. One for each application.

    What is recorded together is answered as if it had come one by one: `record_events` takes lists.
    """

    def __init__(self, database: Database, *, aside: Aside = nullcontext) -> None:
        super().__init__(database, _record, alike=lambda brought: brought.app_id, aside=aside)


def _record(session: Session, several: Sequence[Brought]) -> list[Answer]:
    first = several[0]
    return record_events(
        session,
        tools=first.tools,
        app_id=first.app_id,
        source_id=first.source_id,
        given=[brought.event for brought in several],
        # They happen at once: when the last of them was there.
        now=max(brought.now for brought in several),
    )
