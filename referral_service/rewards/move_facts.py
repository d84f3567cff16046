"""Two purchases turned out to be one: what was granted for either stands on the one that carries on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from referral_service.referrals.store import referrals
from referral_service.rewards.anchors import ordinals
from referral_service.rewards.store import rewards


def move_facts(session: Session, *, app_id: int, old: Sequence[str], new: str, customer_ids: Collection[str]) -> None:
    """Let rewards and ordinals that name one of the `old` purchases name `new`; `customer_ids` are the buyers'.

    Where both were granted for, the old one keeps its name: nothing is due for that any more, and it is reversed.
    """
    for purchase_id in old:
        _move_subject(session, app_id=app_id, old=f"purchase:{purchase_id}", new=f"purchase:{new}")
    _move_counted(session, app_id=app_id, old=frozenset(old), new=new, customer_ids=customer_ids)


def _move_subject(session: Session, *, app_id: int, old: str, new: str) -> None:
    for table in (rewards, ordinals):
        key = (table.c.program_id, table.c.recipient_id, table.c.reward_key)
        named = {
            subject: {tuple(row) for row in session.execute(select(*key).where(*_named(table, app_id, subject)))}
            for subject in (old, new)
        }
        for program_id, recipient_id, reward_key in sorted(named[old] - named[new]):
            session.execute(
                update(table)
                .where(
                    *_named(table, app_id, old),
                    table.c.program_id == program_id,
                    table.c.recipient_id == recipient_id,
                    table.c.reward_key == reward_key,
                )
                .values(subject=new)
            )


def _named(table: Any, app_id: int, subject: str) -> tuple[Any, ...]:
    return (table.c.app_id == app_id, table.c.subject == subject)


def _move_counted(
    session: Session, *, app_id: int, old: frozenset[str], new: str, customer_ids: Collection[str]
) -> None:
    """Rewrite the facts that the buyers' rewards stand on; a fact that is named twice then is named once."""
    if not customer_ids:
        return
    of_referrals = select(referrals.c.id).where(
        referrals.c.app_id == app_id, referrals.c.referee_id.in_(sorted(customer_ids))
    )
    rows = session.execute(
        select(rewards.c.id, rewards.c.counted)
        .where(
            rewards.c.app_id == app_id,
            or_(rewards.c.referral_id.in_(of_referrals), rewards.c.subject == f"purchase:{new}"),
        )
        .order_by(rewards.c.id)
        .with_for_update()
    ).all()
    for reward_id, counted in rows:
        if not any(fact_id in old for _, fact_id, _ in counted):
            continue
        moved = [[step, new if fact_id in old else fact_id, amount] for step, fact_id, amount in counted]
        once = [item for n, item in enumerate(moved) if item[:2] not in [it[:2] for it in moved[:n]]]
        session.execute(
            update(rewards).where(rewards.c.app_id == app_id, rewards.c.id == reward_id).values(counted=once)
        )
