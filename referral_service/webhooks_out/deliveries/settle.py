"""Write down how attempts ended: many at once, in one transaction with what follows for their endpoints."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import BindParameter, Table, bindparam, select, tuple_, update
from sqlalchemy.orm import Session

from referral_service.webhooks_out.deliveries.policy import Pace, next_attempt_at, read_retry_after
from referral_service.webhooks_out.endpoints.policy import Health, Outcome, health_after, is_success
from referral_service.webhooks_out.endpoints.switch import switch_off
from referral_service.webhooks_out.models import Delivery, WebhookEndpoint
from referral_service.webhooks_out.states import DEAD, DISABLED, DONE, ENABLED, LEASED, SCHEDULED

_rows = cast(Table, Delivery.__table__)
_JITTER_STEPS = 1000


class Attempt(NamedTuple):
    """One attempt, when it has ended: real times; a status, or a reason why there is none."""

    app_id: int
    delivery_id: str
    endpoint_id: str
    number: int
    started_at: datetime
    ended_at: datetime
    duration_ms: int
    status: int | None
    error: str | None
    retry_after: str | None


_noted: dict[str, BindParameter[Any]] = {
    "last_attempt_at": bindparam("at"),
    "last_status": bindparam("status"),
    "last_error": bindparam("error"),
    "last_duration_ms": bindparam("took"),
}
_mine = (_rows.c.app_id == bindparam("of_app"), _rows.c.id == bindparam("of_id"))
# Whatever has become of the lease meanwhile: it has arrived.
_ARRIVED = update(_rows).where(*_mine).values(state=DONE, done_at=bindparam("ended"), **_noted)
# Only while the lease is this attempt's: another worker may have sent it since, or the app asked for it anew.
_FAILED = (
    update(_rows)
    .where(*_mine, _rows.c.state == LEASED, _rows.c.attempts == bindparam("number"))
    .values(state=bindparam("next_state"), next_attempt_at=bindparam("next_at"), **_noted)
)


def settle(session: Session, attempts: Sequence[Attempt], *, pace: Pace, now: datetime) -> None:
    """Mark what has arrived, schedule what has not, and let each endpoint's health follow; `now` is real time."""
    if not attempts:
        return
    endpoints = _lock_endpoints(session, attempts)
    by_endpoint: dict[tuple[int, str], list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_endpoint[attempt.app_id, attempt.endpoint_id].append(attempt)
    if arrived := [_told(attempt) | {"ended": attempt.ended_at} for attempt in attempts if is_success(attempt.status)]:
        session.execute(_ARRIVED, arrived)
    failed = [
        _told(attempt) | _what_follows(attempt, endpoints[attempt.app_id, attempt.endpoint_id].state, pace)
        for attempt in attempts
        if not is_success(attempt.status)
    ]
    if failed:
        session.execute(_FAILED, failed)
    # In order, since whoever switches one off waits for those who hold it.
    for key, told in sorted(by_endpoint.items()):
        _judge(session, endpoints[key], told, now)


def _lock_endpoints(session: Session, attempts: Sequence[Attempt]) -> dict[tuple[int, str], WebhookEndpoint]:
    keys = sorted({(attempt.app_id, attempt.endpoint_id) for attempt in attempts})
    rows = session.scalars(
        select(WebhookEndpoint)
        .where(tuple_(WebhookEndpoint.app_id, WebhookEndpoint.id).in_(keys))
        .order_by(WebhookEndpoint.app_id, WebhookEndpoint.id)
        .with_for_update(key_share=True)
    )
    return {(row.app_id, row.id): row for row in rows}


def _told(attempt: Attempt) -> dict[str, object]:
    return {
        "of_app": attempt.app_id,
        "of_id": attempt.delivery_id,
        "at": attempt.started_at,
        "status": attempt.status,
        "error": attempt.error,
        "took": attempt.duration_ms,
    }


def _what_follows(attempt: Attempt, endpoint_state: str, pace: Pace) -> dict[str, object]:
    again_at = next_attempt_at(
        pace,
        attempts=attempt.number,
        ended_at=attempt.ended_at,
        retry_after=read_retry_after(attempt.retry_after, now=attempt.ended_at),
        jitter=(secrets.randbelow(2 * _JITTER_STEPS + 1) - _JITTER_STEPS) / _JITTER_STEPS,
    )
    waiting = SCHEDULED if endpoint_state == ENABLED else DISABLED
    return {
        "number": attempt.number,
        "next_state": DEAD if again_at is None else waiting,
        "next_at": again_at or attempt.ended_at,
    }


def _judge(session: Session, row: WebhookEndpoint, told: Sequence[Attempt], now: datetime) -> None:
    """Bring an endpoint's health up to date; switch it off where that is due."""
    if row.state != ENABLED:
        return
    before = Health(row.failing_since, row.failures, row.paused_until)
    health, why = health_after(before, [Outcome(attempt.ended_at, attempt.status) for attempt in told])
    if health != before:
        row.failing_since, row.failures, row.paused_until = health.failing_since, health.failures, health.paused_until
    if why is not None:
        switch_off(session, row, why=why, now=now)
