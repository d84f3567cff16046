"""Bugs that a hurried hand might write, put into all workers. The campaign must find each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from referral_service.webhooks_out.deliveries import courier, settle
from referral_service.webhooks_out.deliveries.claim import Claimed, Turn
from referral_service.webhooks_out.deliveries.courier import Courier
from referral_service.webhooks_out.endpoints.policy import Why
from referral_service.webhooks_out.models import Delivery, WebhookEndpoint
from referral_service.webhooks_out.states import DISABLED, ENABLED, LEASED, SCHEDULED


@dataclass(frozen=True, slots=True)
class Plant:
    """A bug, and with what words the complaint begins that it must lead to."""

    put: Callable[[], None]
    shows: str


def it_is_done_before_it_is_sent() -> None:
    """So nothing is ever sent twice, and what does not arrive is not sent again."""
    honest = Courier._settle_and_claim

    def settle_claim_and_settle(
        self: Courier, session: Session, ended: list[settle.Attempt], room: int, now: datetime
    ) -> tuple[list[Claimed], Turn]:
        claimed, after = honest(self, session, ended, room, now)
        early = [
            settle.Attempt(one.app_id, one.id, one.endpoint_id, one.attempt, now, now, 0, 200, None, None)
            for one in claimed
        ]
        settle.settle(session, early, pace=self._pace, now=now)
        return claimed, after

    Courier._settle_and_claim = settle_claim_and_settle  # type: ignore[method-assign]


def leases_end_before_attempts_do() -> None:
    """So another worker sends what the first one is just sending."""
    honest = courier.claim  # type: ignore[attr-defined]

    def claim_for_a_moment(session: Session, **given: Any) -> Any:
        return honest(session, **given | {"lease": timedelta(seconds=0.1)})

    courier.claim = claim_for_a_moment  # type: ignore[attr-defined]
    courier.TAKE_BACK_SECONDS = 0.0


def all_stand_in_one_queue() -> None:
    """The longest due comes first, whoever's it is: the many of one endpoint stand before the one of another."""

    def claim(
        session: Session, *, now: datetime, lease: timedelta, after: Turn, limit: int
    ) -> tuple[list[Claimed], Turn]:
        waiting = (
            select(Delivery, WebhookEndpoint.url)
            .join(WebhookEndpoint, WebhookEndpoint.id == Delivery.endpoint_id)
            .where(Delivery.state == SCHEDULED, Delivery.next_attempt_at <= now, WebhookEndpoint.state == ENABLED)
            .order_by(Delivery.next_attempt_at)
            .limit(limit)
            .with_for_update(skip_locked=True, of=Delivery)
        )
        taken = [
            Claimed(row.app_id, row.id, row.notification_id, row.endpoint_id, attempt=row.attempts + 1, url=url)
            for row, url in session.execute(waiting)
        ]
        session.execute(
            update(Delivery)
            .where(tuple_(Delivery.app_id, Delivery.id).in_([(one.app_id, one.id) for one in taken]))
            .values(state=LEASED, attempts=Delivery.attempts + 1, next_attempt_at=now + lease)
            .execution_options(synchronize_session=False)
        )
        return taken, after

    courier.claim = claim  # type: ignore[attr-defined]
    # A worker is full sooner, so that few messages show what many would.
    courier.CALLS_AT_ONCE_MAX = 6  # type: ignore[attr-defined]


def an_endpoint_is_switched_off_silently() -> None:
    def switch_off(session: Session, row: WebhookEndpoint, *, why: Why, now: datetime) -> None:  # noqa: ARG001
        row.state, row.reason = DISABLED, why
        waiting = (Delivery.app_id == row.app_id, Delivery.endpoint_id == row.id, Delivery.state == SCHEDULED)
        session.execute(update(Delivery).where(*waiting).values(state=DISABLED))

    settle.switch_off = switch_off  # type: ignore[attr-defined]


PLANTS = {
    put.__name__: Plant(put, shows)
    for put, shows in (
        (it_is_done_before_it_is_sent, "lost"),
        (leases_end_before_attempts_do, "twice"),
        (all_stand_in_one_queue, "late"),
        (an_endpoint_is_switched_off_silently, "silent"),
    )
}
