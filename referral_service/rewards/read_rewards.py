"""Read rewards: one, a page of a list, or some that are locked to be changed."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.rewards.errors import RewardNotFound
from referral_service.rewards.steps import Holding
from referral_service.rewards.store import COLUMNS, rewards


def read_reward(session: Session, *, app_id: int, reward_id: str) -> Holding:
    """Return the reward; raise RewardNotFound, also where it is another app's."""
    row = session.execute(select(*COLUMNS).where(rewards.c.app_id == app_id, rewards.c.id == reward_id)).one_or_none()
    if row is None:
        raise RewardNotFound
    return Holding(*row)


def lock_reward(session: Session, *, app_id: int, reward_id: str) -> Holding:
    """Lock the reward and return it; raise RewardNotFound, also where it is another app's."""
    found = lock_rewards(session, app_id=app_id, reward_ids=[reward_id])
    if not found:
        raise RewardNotFound
    return found[0]


def lock_rewards(
    session: Session, *, app_id: int, reward_ids: Iterable[str], skip_locked: bool = False
) -> list[Holding]:
    """Lock rewards in the order of their ids, and return them; `skip_locked` leaves out what others hold."""
    ids = sorted(set(reward_ids))
    if not ids:
        return []
    statement = (
        select(*COLUMNS)
        .where(rewards.c.app_id == app_id, rewards.c.id.in_(ids))
        .order_by(rewards.c.id)
        .with_for_update(skip_locked=skip_locked)
    )
    return [Holding(*row) for row in session.execute(statement)]


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
