"""Rewards read and written set-wise. Statements are Core and cacheable: this is the hot path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import cast

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from referral_service.kit.db.upsert import insert_or_add
from referral_service.rewards.models import Reward, RewardAnchor, RewardOrdinal
from referral_service.rewards.plan import Holding

rewards = cast(Table, Reward.__table__)
anchors = cast(Table, RewardAnchor.__table__)
ordinals = cast(Table, RewardOrdinal.__table__)

NAMES = [column.name for column in fields(Holding)]
COLUMNS = [rewards.c[name] for name in NAMES]
# What a step may change; the rest of a reward is fixed when it is made.
CHANGED_BY_STEPS = (
    "state", "reason", "granted", "reversed", "occurred_at", "hold_ends_at", "released_at", "updated_at", "sequence",
)  # fmt: skip
UPDATE = (
    update(rewards)
    .where(rewards.c.app_id == bindparam("b_app_id"), rewards.c.id == bindparam("b_id"))
    .values({name: bindparam(f"b_{name}") for name in CHANGED_BY_STEPS})
)

OF_REFERRALS = (
    select(*COLUMNS)
    .where(rewards.c.app_id == bindparam("app_id"), rewards.c.referral_id.in_(bindparam("ids", expanding=True)))
    .order_by(rewards.c.id)
)
LOCK_OF_REFERRALS = OF_REFERRALS.with_for_update()
NEW_ORDINAL, NEW_REWARD = insert(ordinals), insert(rewards)

AnchorKey = tuple[str, str, str]
"""(program id, reward key, recipient): what one anchor row stands for."""


def rewards_of_referrals(
    session: Session, *, app_id: int, referral_ids: Sequence[str], lock: bool = True
) -> list[Holding]:
    """Read, and unless told otherwise lock, every reward of these referrals, in the order of their ids."""
    if not referral_ids:
        return []
    rows = session.execute(LOCK_OF_REFERRALS if lock else OF_REFERRALS, {"app_id": app_id, "ids": list(referral_ids)})
    return [Holding(*row) for row in rows]


def take_ordinals(session: Session, *, app_id: int, counts: Mapping[AnchorKey, int]) -> dict[AnchorKey, int]:
    """Lock the anchors in sorted order and move each on by its count; gives the first new ordinal of each."""
    keys = sorted(counts)
    rows = session.execute(
        insert_or_add(
            session, anchors, "last_ordinal", "program_id", "reward_key", "recipient_id", "last_ordinal"
        ),
        [
            {
                "app_id": app_id, "program_id": program_id, "reward_key": reward_key, "recipient_id": recipient_id,
                "last_ordinal": counts[program_id, reward_key, recipient_id], "used_count": 0, "used_amount": 0,
            }
            for program_id, reward_key, recipient_id in keys
        ],
    )  # fmt: skip
    last = {(program_id, reward_key, recipient_id): n for program_id, reward_key, recipient_id, n in rows}
    return {key: last[key] - counts[key] + 1 for key in keys}


def insert_rewards(session: Session, *, app_id: int, new: Sequence[Holding]) -> None:
    """Write new rewards and the ordinals they took."""
    if not new:
        return
    session.execute(
        NEW_ORDINAL,
        [
            {
                "app_id": app_id, "program_id": reward.program_id, "reward_key": reward.reward_key,
                "recipient_id": reward.recipient_id, "subject": reward.subject, "n": reward.ordinal,
            }
            for reward in new
        ],
    )  # fmt: skip
    session.execute(
        NEW_REWARD, [{"app_id": app_id, **{name: getattr(reward, name) for name in NAMES}} for reward in new]
    )


def update_rewards(session: Session, *, app_id: int, changed: Iterable[Holding]) -> None:
    """Write what steps changed on stored rewards, in the order of their ids."""
    parameters = [
        {"b_app_id": app_id, "b_id": reward.id, **{f"b_{name}": getattr(reward, name) for name in CHANGED_BY_STEPS}}
        for reward in sorted(changed, key=lambda reward: reward.id)
    ]
    if parameters:
        session.connection().execute(UPDATE, parameters)
