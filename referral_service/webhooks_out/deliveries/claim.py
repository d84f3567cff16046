"""Claim what is due: each endpoint's share of it, leased to one worker at a time.

Endpoints are served in turn, each with no more than it may have under way, counted over all workers: however much
waits for one that is dead, the others get theirs. A worker that dies leaves leases that end by themselves.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Table,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from referral_service.kit.db.base import Id, Number, UtcDateTime, Word
from referral_service.kit.db.given_rows import as_parameter, given_rows
from referral_service.webhooks_out.endpoints.policy import CALLS_AT_ONCE_MAX, FAILURES_BEFORE_PAUSE, Health
from referral_service.webhooks_out.models import Delivery, WebhookEndpoint
from referral_service.webhooks_out.states import DISABLED, ENABLED, LEASED, SCHEDULED

_rows = cast(Table, Delivery.__table__)
_endpoints = cast(Table, WebhookEndpoint.__table__)


class Claimed(NamedTuple):
    """A message that is this worker's to send. `attempt` counts from 1 and is what proves the lease."""

    app_id: int
    id: str
    notification_id: str
    endpoint_id: str
    attempt: int
    url: str


class Turn(NamedTuple):
    """The endpoint that was served last: the next turn begins after it."""

    app_id: int
    endpoint_id: str


FIRST = Turn(0, "")
# As text in the statements, or the partial indexes would not be known to hold what is looked for.
_SCHEDULED, _LEASED = literal_column(f"'{SCHEDULED}'", Word), literal_column(f"'{LEASED}'", Word)
_NOW = bindparam("now", type_=UtcDateTime)


def _due() -> ColumnElement[bool]:
    """Whether an endpoint may be called once more, and has something scheduled for `now`: looks into indexes.

    It is the earliest that is asked for, since EXISTS may be carried out by reading all that is due to anybody.
    """
    earliest = (
        select(func.min(_rows.c.next_attempt_at))
        .where(
            _rows.c.app_id == _endpoints.c.app_id, _rows.c.endpoint_id == _endpoints.c.id, _rows.c.state == _SCHEDULED
        )
        .scalar_subquery()
    )
    paused_until = _endpoints.c.paused_until
    may_be_called = and_(_endpoints.c.state == ENABLED, or_(paused_until.is_(None), paused_until <= _NOW))
    return and_(may_be_called, earliest <= _NOW, _has_room())


def _has_room() -> ColumnElement[bool]:
    """Whether fewer messages are under way to an endpoint than may be, so far as one sees without its lock.

    Or those that wait for slow receivers would fill a turn, and who comes after them would never get any.
    """
    under_way = _under_way(_endpoints, _endpoints.c.id)
    return under_way < case((_endpoints.c.failures >= FAILURES_BEFORE_PAUSE, 1), else_=CALLS_AT_ONCE_MAX)


def _under_way(endpoints: FromClause, endpoint_id: ColumnElement[str]) -> ColumnElement[int]:
    leased = _rows.alias("leased")
    return (
        select(func.count())
        .where(leased.c.app_id == endpoints.c.app_id, leased.c.endpoint_id == endpoint_id, leased.c.state == _LEASED)
        .correlate(endpoints)
        .scalar_subquery()
    )


_ENDED = and_(_rows.c.state == _LEASED, _rows.c.next_attempt_at <= _NOW)
_ANY_DUE = select(_endpoints.c.id).where(_due()).limit(1)
_ANY_ENDED = select(_rows.c.id).where(_ENDED).limit(1)
_READY = (
    select(_endpoints.c.app_id, _endpoints.c.id, _endpoints.c.url, _endpoints.c.failures)
    .where(_due())
    .order_by(
        tuple_(_endpoints.c.app_id, _endpoints.c.id)
        <= tuple_(bindparam("after_app", type_=Number), bindparam("after_endpoint", type_=Id)),
        _endpoints.c.app_id,
        _endpoints.c.id,
    )
    .limit(bindparam("count", type_=Number))
    .with_for_update(key_share=True, skip_locked=True)
)


def is_work_due(session: Session, *, now: datetime) -> bool:
    """Tell, without locking anything, whether a claim would find something."""
    return any(session.execute(statement, {"now": now}).first() is not None for statement in (_ANY_DUE, _ANY_ENDED))


def take_back(session: Session, *, now: datetime) -> None:
    """Schedule anew what a worker leased and never settled, since it died.

    What has been switched off meanwhile keeps it, as `disabled`; what somebody else looks at is left for the next time.
    """
    ended = (_rows.c.state == _LEASED, _rows.c.next_attempt_at <= now)
    of_it = (_rows.c.app_id == _endpoints.c.app_id, _rows.c.endpoint_id == _endpoints.c.id)
    found = session.execute(
        select(_endpoints.c.app_id, _endpoints.c.id, _endpoints.c.state)
        .where(exists().where(*of_it, *ended))
        .order_by(_endpoints.c.app_id, _endpoints.c.id)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()
    for enabled, state in ((True, SCHEDULED), (False, DISABLED)):
        keys = [(row.app_id, row.id) for row in found if (row.state == ENABLED) is enabled]
        if keys:
            theirs = tuple_(_rows.c.app_id, _rows.c.endpoint_id).in_(keys)
            session.execute(update(_rows).where(theirs, *ended).values(state=state))


def claim(session: Session, *, now: datetime, lease: timedelta, after: Turn, limit: int) -> tuple[list[Claimed], Turn]:
    """Lease up to `limit` messages that are due, and return them with where the next turn begins; `now` is real time.

    An endpoint that another worker looks at in this moment is passed over.
    """
    given = {"now": now, "after_app": after.app_id, "after_endpoint": after.endpoint_id, "count": limit}
    ready = session.execute(_READY, given).all()
    if not ready:
        return [], FIRST
    nth = {(row.app_id, row.id): n for n, row in enumerate(ready)}
    leased = session.execute(
        _lease(session.get_bind().dialect.name),
        {
            "ready": as_parameter(
                {
                    "nth": n,
                    "app_id": row.app_id,
                    "endpoint_id": row.id,
                    "at_once": Health(failures=row.failures).calls_at_once,
                }
                for n, row in enumerate(ready)
            ),
            "now": now,
            "room": limit,
            "ends_at": now + lease,
        },
    ).all()
    taken = [
        Claimed(app_id, delivery_id, notification_id, endpoint_id, attempt, ready[nth[app_id, endpoint_id]].url)
        for app_id, delivery_id, notification_id, endpoint_id, attempt in leased
    ]
    taken.sort(key=lambda one: (nth[one.app_id, one.endpoint_id], one.id))
    return (taken, Turn(taken[-1].app_id, taken[-1].endpoint_id)) if taken else ([], FIRST)


@cache
def _lease(dialect: str) -> ReturningUpdate[Any]:
    """Lease what each of the endpoints `ready`, which are locked, has longest due, as much as it may get, and `room` in
    all: those of the first endpoints first.

    How much is under way to each is counted here and not with the locking, which sees what was before it had the lock.
    """
    ready = given_rows(dialect, "ready", nth=Integer, app_id=Number, endpoint_id=Id, at_once=Integer)
    taken = (_laterally if dialect == "postgresql" else _by_place)(ready).limit(bindparam("room", type_=Integer))
    given = taken.subquery("given")
    return (
        update(_rows)
        .where(_rows.c.app_id == given.c.app_id, _rows.c.id == given.c.id)
        .values(state=LEASED, attempts=_rows.c.attempts + 1, next_attempt_at=bindparam("ends_at"))
        .returning(_rows.c.app_id, _rows.c.id, _rows.c.notification_id, _rows.c.endpoint_id, _rows.c.attempts)
    )


def _laterally(ready: FromClause) -> Select[Any]:
    """Each endpoint's share, as PostgreSQL finds it."""
    share = func.greatest(ready.c.at_once - _under_way(ready, ready.c.endpoint_id), 0)
    first = _first_due(_rows.c.app_id, _rows.c.id, ready=ready).limit(share).lateral("first")
    return select(first).select_from(ready.join(first, true())).order_by(ready.c.nth)


def _by_place(ready: FromClause) -> Select[Any]:
    """The same for SQLite, where the number of rows that a LIMIT lets through cannot depend on another table's row."""
    mine = _rows.alias("mine")
    first = _first_due(_rows.c.id, ready=ready).limit(CALLS_AT_ONCE_MAX)
    place = func.row_number().over(partition_by=ready.c.nth, order_by=mine.c.next_attempt_at)
    placed = (
        select(mine.c.app_id, mine.c.id, ready.c.nth, place.label("place"), ready.c.at_once)
        .add_columns(_under_way(ready, ready.c.endpoint_id).label("under_way"))
        .select_from(ready.join(mine, and_(mine.c.app_id == ready.c.app_id, mine.c.id.in_(first))))
        .subquery("placed")
    )
    return (
        select(placed.c.app_id, placed.c.id)
        .where(placed.c.place <= placed.c.at_once - placed.c.under_way)
        .order_by(placed.c.nth)
    )


def _first_due(*columns: ColumnElement[Any], ready: FromClause) -> Select[Any]:
    return (
        select(*columns)
        .where(
            _rows.c.app_id == ready.c.app_id,
            _rows.c.endpoint_id == ready.c.endpoint_id,
            _rows.c.state == _SCHEDULED,
            _rows.c.next_attempt_at <= _NOW,
        )
        .order_by(_rows.c.next_attempt_at)
        .correlate(ready)
    )
