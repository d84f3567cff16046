"""Write down how attempts ended: many at once, in one transaction with what follows for their endpoints."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, FromClause, Select, Table, Update, and_, select, update
from sqlalchemy.orm import Session

from referral_service.kit.db.base import Id, Number, UtcDateTime, Word
from referral_service.kit.db.given_rows import as_parameter, given_rows
from referral_service.webhooks_out.deliveries.policy import Pace, next_attempt_at, read_retry_after
from referral_service.webhooks_out.endpoints.policy import Health, Outcome, health_after, is_success
from referral_service.webhooks_out.endpoints.switch import switch_off
from referral_service.webhooks_out.models import Delivery, WebhookEndpoint
from referral_service.webhooks_out.states import DEAD, DISABLED, DONE, ENABLED, LEASED, SCHEDULED

_rows = cast(Table, Delivery.__table__)
_endpoints = cast(Table, WebhookEndpoint.__table__)
_JITTER_STEPS = 1000
_WELL = Health()
_TOLD: dict[str, Any] = {
    "app_id": Number,
    "id": Id,
    "at": UtcDateTime,
    "status": Number,
    "error": Word,
    "took": Number,
    "ended": UtcDateTime,
}


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


class _Seen(NamedTuple):
    """An endpoint, whose row is locked."""

    state: str
    health: Health


def settle(session: Session, attempts: Sequence[Attempt], *, pace: Pace, now: datetime) -> None:
    """Mark what has arrived, schedule what has not, and let each endpoint's health follow; `now` is real time."""
    if not attempts:
        return
    dialect = session.get_bind().dialect.name
    by_endpoint: dict[tuple[int, str], list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_endpoint[attempt.app_id, attempt.endpoint_id].append(attempt)
    endpoints = _lock_endpoints(session, dialect, by_endpoint)
    if arrived := [_told(attempt) for attempt in attempts if is_success(attempt.status)]:
        session.execute(_arrived(dialect), {"told": as_parameter(arrived)})
    failed = [
        _told(attempt) | _what_follows(attempt, endpoints[attempt.app_id, attempt.endpoint_id].state, pace)
        for attempt in attempts
        if not is_success(attempt.status)
    ]
    if failed:
        session.execute(_failed(dialect), {"told": as_parameter(failed)})
    # In order, since whoever switches one off waits for those who hold it.
    for key, told in sorted(by_endpoint.items()):
        _judge(session, key, endpoints[key], told, now)


def _lock_endpoints(session: Session, dialect: str, keys: Collection[tuple[int, str]]) -> dict[tuple[int, str], _Seen]:
    given = as_parameter({"app_id": app_id, "id": endpoint_id} for app_id, endpoint_id in keys)
    return {
        (row.app_id, row.id): _Seen(row.state, Health(row.failing_since, row.failures, row.paused_until))
        for row in session.execute(_endpoints_locked(dialect), {"keys": given})
    }


@cache
def _endpoints_locked(dialect: str) -> Select[Any]:
    keys = given_rows(dialect, "keys", app_id=Number, id=Id)
    columns = ("app_id", "id", "state", "failing_since", "failures", "paused_until")
    return (
        select(*(_endpoints.c[name] for name in columns))
        .join(keys, and_(_endpoints.c.app_id == keys.c.app_id, _endpoints.c.id == keys.c.id))
        .order_by(_endpoints.c.app_id, _endpoints.c.id)
        .with_for_update(key_share=True, of=_endpoints)
    )


@cache
def _arrived(dialect: str) -> Update:
    """Whatever has become of the lease meanwhile: it has arrived."""
    told = given_rows(dialect, "told", **_TOLD)
    return update(_rows).where(*_is_of(told)).values(state=DONE, done_at=told.c.ended, **_noted(told))


@cache
def _failed(dialect: str) -> Update:
    """Only while the lease is this attempt's: another worker may have sent it since, or the app asked for it anew."""
    told = given_rows(dialect, "told", **_TOLD, number=Number, next_state=Word, next_at=UtcDateTime)
    return (
        update(_rows)
        .where(*_is_of(told), _rows.c.state == LEASED, _rows.c.attempts == told.c.number)
        .values(state=told.c.next_state, next_attempt_at=told.c.next_at, **_noted(told))
    )


def _is_of(told: FromClause) -> tuple[ColumnElement[bool], ...]:
    return _rows.c.app_id == told.c.app_id, _rows.c.id == told.c.id


def _noted(told: FromClause) -> dict[str, ColumnElement[Any]]:
    return {
        "last_attempt_at": told.c.at,
        "last_status": told.c.status,
        "last_error": told.c.error,
        "last_duration_ms": told.c.took,
    }


def _told(attempt: Attempt) -> dict[str, object]:
    return {
        "app_id": attempt.app_id,
        "id": attempt.delivery_id,
        "at": attempt.started_at,
        "status": attempt.status,
        "error": attempt.error,
        "took": attempt.duration_ms,
        "ended": attempt.ended_at,
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


def _judge(session: Session, key: tuple[int, str], seen: _Seen, told: Sequence[Attempt], now: datetime) -> None:
    """Bring an endpoint's health up to date; switch it off where that is due."""
    if seen.state != ENABLED:
        return
    if seen.health == _WELL and all(is_success(attempt.status) for attempt in told):
        # Nearly always so, and quickly said.
        return
    health, why = health_after(seen.health, [Outcome(attempt.ended_at, attempt.status) for attempt in told])
    if health == seen.health and why is None:
        return
    row = session.get_one(WebhookEndpoint, key)
    row.failing_since, row.failures, row.paused_until = health.failing_since, health.failures, health.paused_until
    if why is not None:
        switch_off(session, row, why=why, now=now)
