"""Carry out plans for rewards: the rows, the books and the announcements, set-wise and in one lock order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.ledger import moves as books
from referral_service.ledger.record import record
from referral_service.notifications.announce import Change, announce
from referral_service.rewards.coupons.document import coupon_told
from referral_service.rewards.coupons.follow import follow_rewards
from referral_service.rewards.coupons.policy import HeldCoupon
from referral_service.rewards.document import reward_document
from referral_service.rewards.plan import by_the_books
from referral_service.rewards.policy import NOT_IN_WALLET
from referral_service.rewards.steps import Announcement, Move, Plan
from referral_service.rewards.store import insert_rewards, update_rewards


def carry_out(
    session: Session,
    *,
    app_id: int,
    plans: Sequence[Plan],
    now: datetime,
    told_before: Sequence[Change] = (),
) -> None:
    """Write what `plans` say.

    `told_before` are changes of referrals, announced in one statement with those of the rewards that follow from them.
    """
    plans = [plan for plan in plans if plan.is_changed]
    if not plans:
        announce(session, app_id=app_id, changes=told_before, now=now)
        return
    insert_rewards(session, app_id=app_id, new=[plan.reward for plan in plans if plan.is_new])
    coupons = follow_rewards(session, app_id=app_id, plans=plans, now=now)
    update_rewards(session, app_id=app_id, changed=[plan.reward for plan in plans if not plan.is_new])
    moved = [(plan, move) for plan in plans if plan.reward.kind not in NOT_IN_WALLET for move in plan.moves]
    # Told before the books are, so that a reader hears of a conversion before the balance that it changes.
    changes = [_change(announcement, coupons) for plan in plans for announcement in plan.announcements]
    announce(session, app_id=app_id, changes=[*told_before, *changes], now=now)
    if moved:
        entries = [_in_the_books(plan, move) for plan, move in moved]
        recorded = record(session, app_id=app_id, moves=entries, now=now)
        rests = {plan.reward.id: (plan, said.lot_rest) for (plan, _), said in zip(moved, recorded, strict=True)}
        _follow_the_books(session, list(rests.values()), app_id=app_id, now=now)


def _follow_the_books(
    session: Session, rests: Sequence[tuple[Plan, int | None]], *, app_id: int, now: datetime
) -> None:
    """Turn the rewards whose lots a debt or a claw-back has emptied, or a restoring has filled again."""
    turned = []
    for plan, lot_rest in rests:
        if lot_rest is None:
            continue
        follow = Plan.of(plan.reward, plan.rules)
        by_the_books(follow, lot_rest=lot_rest, now=now)
        if follow.is_changed:
            turned.append(follow)
    update_rewards(session, app_id=app_id, changed=[follow.reward for follow in turned])
    changes = [_change(announcement, {}) for follow in turned for announcement in follow.announcements]
    announce(session, app_id=app_id, changes=changes, now=now)


def _in_the_books(plan: Plan, move: Move) -> books.Move:
    reward = plan.reward
    whose = {
        "reward_id": reward.id,
        "program_id": reward.program_id,
        "recipient_id": reward.recipient_id,
        "unit": reward.unit,
    }
    amount, reason = move.amount, move.reason
    match move.movement:
        case "grant":
            return books.Grant(**whose, amount=amount, reason=reason)
        case "amend":
            return books.Amend(**whose, amount=amount, reason=reason, previous=move.previous)
        case "void":
            return books.Void(**whose, amount=amount, reason=reason)
        case "release":
            return books.Release(**whose, amount=amount, reason=reason, expires_at=reward.expires_at)
        case "claw_back":
            return books.ClawBack(**whose, amount=amount, reason=reason, spent_policy=plan.rules.spent)
        case "restore":
            return books.Restore(**whose, amount=amount, reason=reason)


def _change(announcement: Announcement, coupons: Mapping[str, HeldCoupon]) -> Change:
    reward = announcement.reward
    return Change(
        type=announcement.type,
        object_id=reward.id,
        sequence=reward.sequence,
        previous_state=announcement.previous_state,
        state=reward.state,
        reason=reward.reason,
        object=reward_document(reward, coupon_told(reward, coupons.get(reward.id))),
    )
