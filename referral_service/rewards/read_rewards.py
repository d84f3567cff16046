"""Read rewards: one, or a page of a list, newest first."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.rewards.errors import RewardNotFound
from referral_service.rewards.plan import Holding
from referral_service.rewards.store import COLUMNS, rewards


def read_reward(session: Session, *, app_id: int, reward_id: str) -> Holding:
    """Return the reward; raise RewardNotFound, also where it is another app's."""
    row = session.execute(select(*COLUMNS).where(rewards.c.app_id == app_id, rewards.c.id == reward_id)).one_or_none()
    if row is None:
        raise RewardNotFound
    return Holding(*row)


def list_rewards(
    session: Session,
    *,
    app_id: int,
    recipient_id: str | None,
    referral_id: str | None,
    state: str | None,
    program_id: str | None,
    after: str | None,
    limit: int,
) -> list[Holding]:
    """Return rewards that match, the newest first; `after` is the id of the last one seen."""
    query = select(*COLUMNS).where(rewards.c.app_id == app_id)
    for column, value in (
        (rewards.c.recipient_id, recipient_id),
        (rewards.c.referral_id, referral_id),
        (rewards.c.state, state),
        (rewards.c.program_id, program_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(rewards.c.id < after)
    return [Holding(*row) for row in session.execute(query.order_by(rewards.c.id.desc()).limit(limit))]
