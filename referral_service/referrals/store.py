"""Referrals and their conversions, read and written set-wise by Core statements that are cached: the hot path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, Table, bindparam, delete, exists, literal_column, select, update
from sqlalchemy.orm import Session

from referral_service.kit.db.among import Among, among
from referral_service.kit.db.base import Word
from referral_service.kit.db.write_rows import insert_rows, update_rows
from referral_service.notifications.announce import Change
from referral_service.referrals.document import referral_document
from referral_service.referrals.models import Conversion, QualificationFact, Referral
from referral_service.referrals.policy import LEGAL, PENDING, REJECTED
from referral_service.referrals.progress import Counted, Window

referrals = cast(Table, Referral.__table__)
# Written out, or the index over what is open would not be known to hold what is looked for.
IS_OPEN = referrals.c.state == literal_column(f"'{PENDING}'", Word)
conversions = cast(Table, Conversion.__table__)
# Likewise: not in the counters as it stands.
IS_UNTALLIED: ColumnElement[bool] = literal_column("NOT conversions.is_tallied")
qualification_facts = cast(Table, QualificationFact.__table__)


@dataclass(slots=True)
class ReferralRow:
    """A referral as it is stored; the fields are the columns of `referrals`."""

    id: str
    program_id: str
    version: int
    referrer_id: str
    referee_id: str
    code_id: str
    state: str
    reason: str | None
    is_refused_claim: bool
    claimed_at: datetime
    recorded_at: datetime
    window_starts_at: datetime
    deadline_at: datetime
    converted_at: datetime | None
    conversion_no: int
    sequence: int
    updated_at: datetime

    @property
    def window(self) -> Window:
        return Window(self.window_starts_at, self.deadline_at, has_converted=self.conversion_no > 0)

    def turn(self, state: str, *, event: str, reason: str | None, now: datetime) -> Change:
        """Change the state, by the one table of legal transitions, and give what is to be announced."""
        if state not in LEGAL[self.state]:
            raise ValueError(f"a referral does not go from {self.state} to {state}")
        previous, self.state, self.reason, self.updated_at = self.state, state, reason, now
        self.sequence += 1
        return self.change(event, previous)

    def change(self, event: str, previous: str | None) -> Change:
        """What announces the state the referral has just come to."""
        return Change(
            type=event,
            object_id=self.id,
            sequence=self.sequence,
            previous_state=previous,
            state=self.state,
            reason=self.reason,
            object=referral_document(self),
        )


NAMES = [column.name for column in fields(ReferralRow)]
COLUMNS = [referrals.c[name] for name in NAMES]
# Written out, as it stands in the index of accepted referrals: SQLite would prepare a statement anew each time to see
# whether the value that is given fits the index.
IS_ACCEPTED = referrals.c.state != literal_column(f"'{REJECTED}'")
LOCK_OF_REFEREES = Among(
    select(*COLUMNS)
    .where(referrals.c.app_id == bindparam("app_id"), IS_ACCEPTED)
    .order_by(referrals.c.id)
    .with_for_update(key_share=True),
    referrals.c.referee_id,
)
COUNTED = (
    select(qualification_facts)
    .where(
        qualification_facts.c.app_id == bindparam("app_id"),
        among(qualification_facts.c.referral_id, "ids"),
    )
    .order_by(qualification_facts.c.occurred_at, qualification_facts.c.fact_id)
)
CHANGED_BY_TURNS = ("state", "reason", "converted_at", "conversion_no", "sequence", "updated_at")
MOVE_DEADLINE = (
    update(referrals)
    .where(referrals.c.app_id == bindparam("b_app_id"), referrals.c.id == bindparam("b_id"))
    .values(deadline_at=bindparam("b_deadline_at"))
)


def lock_referrals_of(session: Session, *, app_id: int, referee_ids: Sequence[str]) -> list[ReferralRow]:
    """Lock and read every referral of these referees that was accepted, in the order of their ids."""
    if not referee_ids:
        return []
    rows = LOCK_OF_REFEREES.execute(session, referee_ids, {"app_id": app_id})
    return [ReferralRow(*row) for row in rows]


def lock_referrals(
    session: Session, *, app_id: int, ids: Sequence[str], skip_locked: bool = False
) -> list[ReferralRow]:
    """Lock and read these referrals, in the order of their ids; with `skip_locked` without those that others hold."""
    if not ids:
        return []
    statement = (
        select(*COLUMNS)
        .where(referrals.c.app_id == app_id, referrals.c.id.in_(ids))
        .order_by(referrals.c.id)
        .with_for_update(key_share=True, skip_locked=skip_locked)
    )
    return [ReferralRow(*row) for row in session.execute(statement)]


def insert_referrals(session: Session, *, app_id: int, rows: Iterable[ReferralRow]) -> None:
    """Write new referrals. A second accepted one for the referee and program is an IntegrityError."""
    insert_rows(
        session, referrals, [{"app_id": app_id, **{name: getattr(row, name) for name in NAMES}} for row in rows]
    )


def update_referrals(session: Session, *, app_id: int, rows: Iterable[ReferralRow]) -> None:
    """Write what turns changed on stored referrals, in the order of their ids."""
    changed = [
        {"app_id": app_id, "id": row.id, **{name: getattr(row, name) for name in CHANGED_BY_TURNS}}
        for row in sorted(rows, key=lambda row: row.id)
    ]
    update_rows(session, referrals, changed)


def move_deadlines(session: Session, *, app_id: int, rows: Sequence[ReferralRow]) -> None:
    """Write the deadlines of locked referrals."""
    if rows:
        session.connection().execute(
            MOVE_DEADLINE, [{"b_app_id": app_id, "b_id": row.id, "b_deadline_at": row.deadline_at} for row in rows]
        )


def counted_facts(
    session: Session, *, app_id: int, current: Sequence[ReferralRow]
) -> tuple[dict[str, tuple[tuple[str, str, int], ...]], dict[str, frozenset[str]]]:
    """The facts of each referral's current conversion, (step key, fact id, amount), and the ids of earlier ones'."""
    numbers = {row.id: row.conversion_no for row in current if row.conversion_no}
    if not numbers:
        return {}, {}
    found: dict[str, list[tuple[str, str, int]]] = {}
    spent: dict[str, set[str]] = {}
    for fact in session.execute(COUNTED, {"app_id": app_id, "ids": sorted(numbers)}):
        if fact.n == numbers[fact.referral_id]:
            found.setdefault(fact.referral_id, []).append((fact.step_key, fact.fact_id, fact.amount_minor))
        else:
            spent.setdefault(fact.referral_id, set()).add(fact.fact_id)
    return (
        {referral_id: tuple(facts) for referral_id, facts in found.items()},
        {referral_id: frozenset(ids) for referral_id, ids in spent.items()},
    )


@dataclass(frozen=True, slots=True)
class ConversionRow:
    """A conversion to be written, new or changed."""

    referral_id: str
    n: int
    state: str
    reason: str | None
    occurred_at: datetime
    amount_minor: int
    refunded_minor: int


def save_conversions(session: Session, *, app_id: int, rows: Sequence[ConversionRow], now: datetime) -> None:
    """Write conversions: the first of its number is inserted, a later state of it replaces the earlier one."""
    if not rows:
        return
    insert_rows(
        session,
        conversions,
        [
            {
                "app_id": app_id, "referral_id": row.referral_id, "n": row.n, "state": row.state, "reason": row.reason,
                "occurred_at": row.occurred_at, "recorded_at": now, "amount_minor": row.amount_minor,
                "refunded_minor": row.refunded_minor, "is_tallied": False,
            }
            for row in rows
        ],
        overwrite=("state", "reason", "occurred_at", "amount_minor", "refunded_minor", "is_tallied"),
    )  # fmt: skip


def replace_counted(
    session: Session, *, app_id: int, counted: Sequence[tuple[str, int, Sequence[Counted]]], replaced: Sequence[str]
) -> None:
    """Write the facts that conversions count: (referral, number, facts). `replaced` are referrals that had others."""
    if replaced:
        numbers = {referral_id: n for referral_id, n, _ in counted}
        for referral_id in replaced:
            session.execute(
                delete(qualification_facts).where(
                    qualification_facts.c.app_id == app_id,
                    qualification_facts.c.referral_id == referral_id,
                    qualification_facts.c.n == numbers[referral_id],
                )
            )
    rows = [
        {
            "app_id": app_id, "referral_id": referral_id, "n": n, "step_key": item.step_key, "fact_id": item.fact.id,
            "occurred_at": item.fact.occurred_at, "amount_minor": item.amount_minor,
        }
        for referral_id, n, facts in counted
        for item in facts
    ]  # fmt: skip
    if rows:
        insert_rows(session, qualification_facts, rows)


def move_counted(session: Session, *, app_id: int, old: Sequence[str], new: str) -> None:
    """Let conversions that counted purchases now known to be `new` count that one, each once."""
    has_it = qualification_facts.alias()
    for purchase_id in old:
        mine = (qualification_facts.c.app_id == app_id, qualification_facts.c.fact_id == purchase_id)
        session.execute(
            update(qualification_facts)
            .where(
                *mine,
                ~exists().where(
                    has_it.c.app_id == app_id,
                    has_it.c.referral_id == qualification_facts.c.referral_id,
                    has_it.c.n == qualification_facts.c.n,
                    has_it.c.step_key == qualification_facts.c.step_key,
                    has_it.c.fact_id == new,
                ),
            )
            .values(fact_id=new)
        )
        session.execute(delete(qualification_facts).where(*mine))
