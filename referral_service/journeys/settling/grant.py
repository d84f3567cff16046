"""Grant rewards that no referral and no fact of a person's own stands behind: the prizes of a contest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.journeys.settling.plan_rewards import Item, plan_rewards
from referral_service.rewards.carry_out import carry_out
from referral_service.rewards.dues import Due
from referral_service.rewards.steps import Plan


def grant(session: Session, *, app_id: int, program_id: str, dues: Sequence[Due], now: datetime) -> list[Plan]:
    """Grant what fits of `dues`, all of one program, in their order; gives the plans, those of capped ones included.

    The caller holds the program, and has made sure by it that this happens once; a second grant for a subject is an
    IntegrityError.
    """
    item = Item(program_id, None, dues)
    changes = plan_rewards(session, app_id=app_id, items=[item], now=now)
    carry_out(session, app_id=app_id, plans=item.plans, told_before=changes, now=now)
    return item.plans
