"""Where genuine messages go in: each in a transaction, and those of one source that arrive together in one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.events.given import Answer
from referral_service.journeys.tools import Tools
from referral_service.kit.db.engines import Database
from referral_service.kit.db.joint_work import Aside, JointWork
from referral_service.webhooks_in.read_message import Message
from referral_service.webhooks_in.receive import receive
from referral_service.webhooks_in.receive_many import Incoming, receive_arrived


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A genuine message: `now` is its app's business time, `received_at` real time."""

    tools: Tools
    app_id: int
    source_id: str
    message: Message
    raw: bytes
    now: datetime
    received_at: datetime


class Inbox(JointWork[Arrived, Answer]):
    """Takes messages in. One for each application.

    Only those of one source are put together: in another order of locks than one source's, two batches could wait for
    each other. And no source waits for another's.
    """

    def __init__(self, database: Database, *, aside: Aside = nullcontext) -> None:
        super().__init__(
            database, _receive_together, alike=lambda arrived: arrived.source_id, alone=_receive, aside=aside
        )


def _receive(session: Session, arrived: Arrived) -> Answer:
    return receive(
        session,
        tools=arrived.tools,
        app_id=arrived.app_id,
        source_id=arrived.source_id,
        message=arrived.message,
        raw=arrived.raw,
        now=arrived.now,
        received_at=arrived.received_at,
    )


def _receive_together(session: Session, several: Sequence[Arrived]) -> list[Answer | None]:
    first = several[0]
    return receive_arrived(
        session,
        tools=first.tools,
        app_id=first.app_id,
        source_id=first.source_id,
        incoming=[Incoming(arrived.message, arrived.raw) for arrived in several],
        # They happen at once: when the last of them was there.
        now=max(arrived.now for arrived in several),
        received_at=max(arrived.received_at for arrived in several),
    )
