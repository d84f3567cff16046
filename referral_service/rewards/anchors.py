"""The rows behind `Limits`: anchors, ordinals, budgets and what referrals have set aside; locked in one order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import Row, Select, Table, and_, bindparam, case, func, insert, or_, select, update
from sqlalchemy.orm import Session

from referral_service.kit.db.among import among
from referral_service.kit.db.base import Id, Key, Word
from referral_service.kit.db.given_rows import as_parameter, given_rows
from referral_service.kit.db.write_rows import add_rows, insert_rows, update_rows
from referral_service.programs.models import Budget
from referral_service.programs.terms.document import Terms
from referral_service.programs.terms_of import terms_of
from referral_service.referrals.models import BudgetReservation
from referral_service.referrals.policy import DISPUTE_OPENED
from referral_service.rewards.fitting import Subject
from referral_service.rewards.limits import Anchor, AnchorKey, BudgetRoom, Limits, Period, Reservation, Slot
from referral_service.rewards.models import RewardAnchor, RewardOrdinal
from referral_service.rewards.policy import CAPPED, CLAWED_BACK, MONEY_KINDS, VOIDED
from referral_service.rewards.store import rewards

anchors = cast(Table, RewardAnchor.__table__)
ordinals = cast(Table, RewardOrdinal.__table__)
budgets = cast(Table, Budget.__table__)
reservations = cast(Table, BudgetReservation.__table__)

_ANCHOR = ("program_id", "reward_key", "recipient_id")
_FACT = (*_ANCHOR, "subject")
_USED = ("last_ordinal", "used_count", "used_amount")
BUDGETS = (
    select(budgets)
    .where(budgets.c.app_id == bindparam("app_id"), among(budgets.c.program_id, "ids"))
    .order_by(budgets.c.program_id)
)
RESERVATIONS = (
    select(
        reservations.c.referral_id,
        reservations.c.program_id,
        reservations.c.amount_minor,
        reservations.c.count.label("number"),
        reservations.c.state,
    )
    .where(reservations.c.app_id == bindparam("app_id"), among(reservations.c.referral_id, "ids"))
    .order_by(reservations.c.referral_id)
)
HOLDS_A_SLOT = and_(
    rewards.c.state != CAPPED,
    or_(rewards.c.state.not_in([VOIDED, CLAWED_BACK]), rewards.c.reason == DISPUTE_OPENED),
)
UNCOUNTED, OPEN, CLOSED = "uncounted", "open", "closed"


def lock_anchors(
    session: Session, *, app_id: int, keys: Iterable[AnchorKey], estimate: bool = False
) -> dict[AnchorKey, Anchor]:
    """Lock the anchors in sorted order, making those that are not there; an estimate reads them and locks nothing."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    if estimate:
        rows: Iterable[Row[tuple[object, ...]]] = session.execute(
            _anchors_of(session.get_bind().dialect.name),
            {"app_id": app_id, "wanted": as_parameter(dict(zip(_ANCHOR, key, strict=True)) for key in wanted)},
        )
        return {key: Anchor() for key in wanted} | _by_key(rows)
    rows = add_rows(
        session,
        anchors,
        [
            {
                "app_id": app_id, "program_id": program_id, "reward_key": reward_key, "recipient_id": recipient_id,
                "last_ordinal": 0, "used_count": 0, "used_amount": 0,
            }
            for program_id, reward_key, recipient_id in wanted
        ],
        "last_ordinal",
        returning=(*_ANCHOR, *_USED),
    )  # fmt: skip
    return _by_key(rows)


def _by_key(rows: Iterable[Row[tuple[object, ...]]]) -> dict[AnchorKey, Anchor]:
    return {cast(AnchorKey, tuple(row[:3])): Anchor(*cast(tuple[int, int, int], tuple(row[3:]))) for row in rows}


def counted_already(session: Session, *, app_id: int, asked: Collection[Subject]) -> set[Subject]:
    """Which of these facts have an ordinal already, whether or not it granted anything."""
    if not asked:
        return set()
    wanted = sorted((*item.key, item.subject) for item in asked)
    rows = session.execute(
        _ordinals_of(session.get_bind().dialect.name),
        {"app_id": app_id, "wanted": as_parameter(dict(zip(_FACT, fact, strict=True)) for fact in wanted)},
    )
    return {Subject((row[0], row[1], row[2]), row[3]) for row in rows}


@cache
def _ordinals_of(dialect: str) -> Select[Any]:
    wanted = given_rows(dialect, "wanted", program_id=Id, reward_key=Word, recipient_id=Id, subject=Key)
    named = and_(ordinals.c.app_id == bindparam("app_id"), *(ordinals.c[name] == wanted.c[name] for name in _FACT))
    return select(*(ordinals.c[name] for name in _FACT)).join(wanted, named)


@cache
def _anchors_of(dialect: str) -> Select[Any]:
    wanted = given_rows(dialect, "wanted", program_id=Id, reward_key=Word, recipient_id=Id)
    named = and_(anchors.c.app_id == bindparam("app_id"), *(anchors.c[name] == wanted.c[name] for name in _ANCHOR))
    return select(*(anchors.c[name] for name in (*_ANCHOR, *_USED))).join(wanted, named)


def insert_ordinals(session: Session, *, app_id: int, taken: Sequence[tuple[Subject, int]]) -> None:
    """Write the ordinals that facts took; a second one for a fact is an IntegrityError."""
    if taken:
        insert_rows(
            session,
            ordinals,
            [
                {
                    "app_id": app_id, "program_id": item.key[0], "reward_key": item.key[1],
                    "recipient_id": item.key[2], "subject": item.subject, "n": n,
                }
                for item, n in taken
            ],
        )  # fmt: skip


def used_in(session: Session, *, app_id: int, key: AnchorKey, period: Period) -> Slot:
    """What the rewards of a locked anchor take up that were recorded in `period`."""
    program_id, reward_key, recipient_id = key
    query = select(func.count(), func.coalesce(func.sum(rewards.c.granted), 0)).where(
        rewards.c.app_id == app_id,
        rewards.c.program_id == program_id,
        rewards.c.recipient_id == recipient_id,
        rewards.c.reward_key == reward_key,
        HOLDS_A_SLOT,
    )
    if period.start is not None:
        query = query.where(rewards.c.created_at >= period.start)
    if period.end is not None:
        query = query.where(rewards.c.created_at < period.end)
    count, amount = session.execute(query).one()
    return Slot(int(count), int(amount))


def lock_budgets(
    session: Session, *, app_id: int, newest: Mapping[str, Terms], estimate: bool = False
) -> dict[str, BudgetRoom]:
    """Lock the budgets of those programs whose newest terms (by program id) have one, sorted; counted where need be."""
    bound = {
        program_id: terms.budget
        for program_id, terms in newest.items()
        if terms.budget.amount_minor is not None or terms.budget.count is not None
    }
    if not bound:
        return {}
    statement = BUDGETS if estimate else BUDGETS.with_for_update()
    rooms: dict[str, BudgetRoom] = {}
    for row in session.execute(statement, {"app_id": app_id, "ids": sorted(bound)}).all():
        limit = bound[row.program_id]
        rooms[row.program_id] = room = BudgetRoom(
            limit_minor=limit.amount_minor,
            limit_count=limit.count,
            reserves=limit.reserve == "claimed",
            used_minor=row.used_minor,
            used_count=row.used_count,
            level=row.level,
            sequence=row.sequence,
        )
        if row.level == UNCOUNTED:
            room.used_minor, room.used_count = _add_up(session, app_id=app_id, program_id=row.program_id)
            room.is_changed = True
    return rooms


def _add_up(session: Session, *, app_id: int, program_id: str) -> tuple[int, int]:
    """What a program's rewards and open reservations take up: for a budget that was not there when they were made."""
    rows = session.execute(
        select(
            rewards.c.version,
            rewards.c.reward_key,
            func.count(),
            func.sum(case((rewards.c.kind.in_(sorted(MONEY_KINDS)), rewards.c.granted), else_=0)),
        )
        .where(rewards.c.app_id == app_id, rewards.c.program_id == program_id, HOLDS_A_SLOT)
        .group_by(rewards.c.version, rewards.c.reward_key)
    ).all()
    terms = terms_of(session, app_id=app_id, versions={(program_id, row.version) for row in rows})
    minor = count = 0
    for version, key, number, money in rows:
        values = {reward.key: reward.value_minor for reward in terms[program_id, version].rewards}
        minor += int(money) + values.get(key, 0) * number
        count += number
    aside = session.execute(
        select(
            func.coalesce(func.sum(reservations.c.amount_minor), 0), func.coalesce(func.sum(reservations.c.count), 0)
        ).where(
            reservations.c.app_id == app_id,
            reservations.c.program_id == program_id,
            reservations.c.state == OPEN,
        )
    ).one()
    return minor + int(aside[0]), count + int(aside[1])


def read_reservations(
    session: Session, *, app_id: int, referral_ids: Iterable[str], estimate: bool = False
) -> dict[str, Reservation]:
    """Lock and read what these referrals have set aside; the budget's row is locked before them."""
    ids = sorted(set(referral_ids))
    if not ids:
        return {}
    statement = RESERVATIONS if estimate else RESERVATIONS.with_for_update()
    return {
        row.referral_id: Reservation(row.program_id, row.amount_minor, row.number, is_open=row.state == OPEN)
        for row in session.execute(statement, {"app_id": app_id, "ids": ids})
    }


def save_limits(
    session: Session, *, app_id: int, limits: Limits, loaded: Mapping[AnchorKey, tuple[int, int, int]]
) -> None:
    """Write back what grants and reversals changed. `loaded` are the anchors as they were locked."""
    changed = [
        (key, anchor)
        for key, anchor in sorted(limits.anchors.items(), key=lambda pair: pair[0])
        if loaded[key] != (anchor.last_ordinal, anchor.used_count, anchor.used_amount)
    ]
    update_rows(
        session,
        anchors,
        [
            {
                "app_id": app_id, "program_id": key[0], "reward_key": key[1], "recipient_id": key[2],
                "last_ordinal": anchor.last_ordinal, "used_count": anchor.used_count,
                "used_amount": anchor.used_amount,
            }
            for key, anchor in changed
        ],
        key=("app_id", *_ANCHOR),
    )  # fmt: skip
    for program_id, room in sorted(limits.budgets.items()):
        if room.is_changed:
            session.execute(
                update(budgets)
                .where(budgets.c.app_id == app_id, budgets.c.program_id == program_id)
                .values(
                    used_minor=room.used_minor, used_count=room.used_count, level=room.level, sequence=room.sequence
                )
            )
    for referral_id, aside in sorted(limits.reservations.items()):
        values = {
            "amount_minor": aside.rest_minor,
            "count": aside.rest_count,
            "state": OPEN if aside.is_open else CLOSED,
        }
        if aside.is_new:
            session.execute(
                insert(reservations).values(
                    app_id=app_id, referral_id=referral_id, program_id=aside.program_id, **values
                )
            )
        elif aside.is_changed:
            session.execute(
                update(reservations)
                .where(reservations.c.app_id == app_id, reservations.c.referral_id == referral_id)
                .values(**values)
            )
