"""Claim what is due: each endpoint's share of it, leased to one worker at a time.

Endpoints are served in turn, each with no more than it may have under way, counted over all workers: however much
waits for one that is dead, the others get theirs. A worker that dies leaves leases that end by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, cast

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    column,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

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
    url: str
    attempt: int


class Turn(NamedTuple):
    """The endpoint that was served last: the next turn begins after it."""

    app_id: int
    endpoint_id: str


FIRST = Turn(0, "")


class _Ready(NamedTuple):
    app_id: int
    id: str
    url: str
    share: int


def _due(now: datetime) -> ColumnElement[bool]:
    """Whether an endpoint may be called once more, and has something scheduled for now: a look into an index each."""
    waits = exists().where(
        _rows.c.app_id == _endpoints.c.app_id,
        _rows.c.endpoint_id == _endpoints.c.id,
        _rows.c.state == literal(SCHEDULED, literal_execute=True),
        _rows.c.next_attempt_at <= now,
    )
    paused_until = _endpoints.c.paused_until
    return and_(_endpoints.c.state == ENABLED, or_(paused_until.is_(None), paused_until <= now), waits, _has_room())


def _has_room() -> ColumnElement[bool]:
    """Whether fewer messages are under way to an endpoint than may be, so far as one sees without its lock.

    Or those that wait for slow receivers would fill a turn, and who comes after them would never get any.
    """
    under_way = (
        select(func.count())
        .where(
            _rows.c.app_id == _endpoints.c.app_id,
            _rows.c.endpoint_id == _endpoints.c.id,
            _rows.c.state == literal(LEASED, literal_execute=True),
        )
        .scalar_subquery()
    )
    return under_way < case((_endpoints.c.failures >= FAILURES_BEFORE_PAUSE, 1), else_=CALLS_AT_ONCE_MAX)


def is_work_due(session: Session, *, now: datetime) -> bool:
    """Tell, without locking anything, whether a claim would find something."""
    ended = select(_rows.c.id).where(
        _rows.c.state == literal(LEASED, literal_execute=True), _rows.c.next_attempt_at <= now
    )
    due = select(_endpoints.c.id).where(_due(now))
    return session.execute(due.limit(1)).first() is not None or session.execute(ended.limit(1)).first() is not None


def take_back(session: Session, *, now: datetime) -> None:
    """Schedule anew what a worker leased and never settled, since it died.

    What has been switched off meanwhile keeps it, as `disabled`; what somebody else looks at is left for the next time.
    """
    ended = (_rows.c.state == literal(LEASED, literal_execute=True), _rows.c.next_attempt_at <= now)
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
    ready = _ready(session, now=now, after=after, limit=limit)
    taken = _first_due(session, ready, now=now)[:limit]
    if not taken:
        return [], FIRST
    session.execute(
        update(_rows)
        .where(tuple_(_rows.c.app_id, _rows.c.id).in_([(row.app_id, row.id) for row in taken]))
        .values(state=LEASED, attempts=_rows.c.attempts + 1, next_attempt_at=now + lease)
    )
    last = taken[-1]
    return taken, Turn(last.app_id, last.endpoint_id)


def _ready(session: Session, *, now: datetime, after: Turn, limit: int) -> list[_Ready]:
    """Lock the endpoints that may be called, those after `after` first, with how many messages each may get."""
    key = tuple_(_endpoints.c.app_id, _endpoints.c.id)
    found = session.execute(
        select(_endpoints.c.app_id, _endpoints.c.id, _endpoints.c.url, _endpoints.c.failures)
        .where(_due(now))
        .order_by(key <= tuple_(after.app_id, after.endpoint_id), _endpoints.c.app_id, _endpoints.c.id)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()
    under_way = {
        (app_id, endpoint_id): count
        for app_id, endpoint_id, count in session.execute(
            select(_rows.c.app_id, _rows.c.endpoint_id, func.count())
            .where(
                _rows.c.state == literal(LEASED, literal_execute=True),
                tuple_(_rows.c.app_id, _rows.c.endpoint_id).in_([(row.app_id, row.id) for row in found]),
            )
            .group_by(_rows.c.app_id, _rows.c.endpoint_id)
        )
    }
    return [
        _Ready(row.app_id, row.id, row.url, share)
        for row in found
        if (share := Health(failures=row.failures).calls_at_once - under_way.get((row.app_id, row.id), 0)) > 0
    ]


def _first_due(session: Session, ready: Sequence[_Ready], *, now: datetime) -> list[Claimed]:
    """Return each endpoint's longest due messages, as many as it may get."""
    if not ready:
        return []
    if session.get_bind().dialect.name == "postgresql":
        given = {
            "apps": [row.app_id for row in ready],
            "endpoints": [row.id for row in ready],
            "shares": [row.share for row in ready],
            "due_by": now,
        }
        found = session.execute(_SHARES, given).all()
    else:
        found = [
            row
            for one in ready
            for row in session.execute(
                _SHARE, {"app": one.app_id, "endpoint": one.id, "share": one.share, "due_by": now}
            )
        ]
    urls = {(row.app_id, row.id): row.url for row in ready}
    return [
        Claimed(row.app_id, row.id, row.notification_id, row.endpoint_id, urls[row.app_id, row.endpoint_id], row.next)
        for row in found
    ]


def _share_of(
    app_id: ColumnElement[int], endpoint_id: ColumnElement[str], share: ColumnElement[int]
) -> Select[tuple[int, str, str, str, int]]:
    columns = (_rows.c.app_id, _rows.c.id, _rows.c.notification_id, _rows.c.endpoint_id)
    return (
        select(*columns, (_rows.c.attempts + 1).label("next"))
        .where(
            _rows.c.app_id == app_id,
            _rows.c.endpoint_id == endpoint_id,
            _rows.c.state == literal(SCHEDULED, literal_execute=True),
            _rows.c.next_attempt_at <= bindparam("due_by"),
        )
        .order_by(_rows.c.next_attempt_at)
        .limit(share)
    )


def _shares() -> Select[tuple[int, str, str, str, int]]:
    """All endpoints' shares in one statement, which SQLite has no way to say."""
    given = (
        func.unnest(
            bindparam("apps", type_=ARRAY(BigInteger)),
            bindparam("endpoints", type_=ARRAY(Text)),
            bindparam("shares", type_=ARRAY(Integer)),
        )
        .table_valued(column("app", BigInteger), column("endpoint", Text), column("share", Integer))
        .render_derived("given")
    )
    found = _share_of(given.c.app, given.c.endpoint, given.c.share).correlate(given).lateral("due")
    return select(found).select_from(given.join(found, true()))


_SHARE = _share_of(bindparam("app"), bindparam("endpoint"), bindparam("share", type_=Integer))
_SHARES = _shares()
