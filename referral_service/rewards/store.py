"""Rewards read and written set-wise. Statements are Core and cacheable: this is the hot path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import cast

from sqlalchemy import Table, bindparam, literal_column, select
from sqlalchemy.orm import Session

from referral_service.kit.db.among import among
from referral_service.kit.db.base import Word
from referral_service.kit.db.write_rows import insert_rows, update_rows
from referral_service.rewards.models import Reward
from referral_service.rewards.policy import AVAILABLE, OFFERED, PENDING
from referral_service.rewards.steps import Holding

rewards = cast(Table, Reward.__table__)
# Written out, or the indexes over what waits for its time would not be known to hold what is looked for.
IS_HELD, IS_OFFERED, IS_AVAILABLE = (
    rewards.c.state == literal_column(f"'{state}'", Word) for state in (PENDING, OFFERED, AVAILABLE)
)

NAMES = [column.name for column in fields(Holding)]
COLUMNS = [rewards.c[name] for name in NAMES]
# What a step may change; the rest of a reward is fixed when it is made.
CHANGED_BY_STEPS = (
    "state", "reason", "granted", "reversed", "occurred_at", "hold_ends_at", "accept_by", "expires_at", "released_at",
    "updated_at", "sequence", "counted", "fulfilled_at",
)  # fmt: skip

OF_REFERRALS = (
    select(*COLUMNS)
    .where(rewards.c.app_id == bindparam("app_id"), among(rewards.c.referral_id, "ids"))
    .order_by(rewards.c.id)
)
LOCK_OF_REFERRALS = OF_REFERRALS.with_for_update()
LOCK_OWN = (
    select(*COLUMNS)
    .where(
        rewards.c.app_id == bindparam("app_id"),
        # Written out: SQLite would think the own rewards fewer than keys in JSON, and read them all.
        rewards.c.subject.in_(bindparam("subjects", expanding=True)),
        rewards.c.referral_id.is_(None),
    )
    .order_by(rewards.c.id)
    .with_for_update()
)


def rewards_of_referrals(
    session: Session, *, app_id: int, referral_ids: Sequence[str], lock: bool = True
) -> list[Holding]:
    """Read, and unless told otherwise lock, every reward of these referrals, in the order of their ids."""
    if not referral_ids:
        return []
    rows = session.execute(LOCK_OF_REFERRALS if lock else OF_REFERRALS, {"app_id": app_id, "ids": list(referral_ids)})
    return [Holding(*row) for row in rows]


def own_rewards_of(session: Session, *, app_id: int, subjects: Sequence[str]) -> list[Holding]:
    """Lock and read the rewards that people's own purchases and events earned them, in the order of their ids."""
    if not subjects:
        return []
    return [Holding(*row) for row in session.execute(LOCK_OWN, {"app_id": app_id, "subjects": list(subjects)})]


def insert_rewards(session: Session, *, app_id: int, new: Sequence[Holding]) -> None:
    """Write new rewards. A second one for the same subject is an IntegrityError."""
    rows = [{"app_id": app_id, **{name: getattr(reward, name) for name in NAMES}} for reward in new]
    insert_rows(session, rewards, rows)


def update_rewards(session: Session, *, app_id: int, changed: Iterable[Holding]) -> None:
    """Write what steps changed on stored rewards, in the order of their ids."""
    rows = [
        {"app_id": app_id, "id": reward.id, **{name: getattr(reward, name) for name in CHANGED_BY_STEPS}}
        for reward in sorted(changed, key=lambda reward: reward.id)
    ]
    update_rows(session, rewards, rows)
