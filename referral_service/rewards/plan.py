"""From what a reward is to what it ought to be: the steps in between. Pure, so every path can be read and tested here.

A reward that ought to be changed is described by `Wanted`. `plan` compares it with what is stored and gives the changed
reward, the movements for the ledger and the announcements, in the order in which they happen.
"""

from __future__ import annotations

from datetime import datetime

from referral_service.rewards.policy import (
    AVAILABLE,
    CAPPED,
    CLAWED_BACK,
    EXPIRED,
    OFFERED,
    PENDING,
    REDEEMED,
    UNCONDITIONAL,
    UNDER_REVIEW,
    VOIDED,
    Rules,
)
from referral_service.rewards.steps import Holding, Plan, Wanted


def begin(reward: Holding, wanted: Wanted, rules: Rules, *, now: datetime) -> Plan:
    """Plan a new reward: granted, then, where its facts say so already, reversed or released."""
    plan = Plan(reward, rules)
    plan.open("reward.created", now)
    plan.move("grant", reward.granted)
    _before_release(plan, wanted, now)
    return plan


def begin_capped(reward: Holding, rules: Rules, *, reason: str, now: datetime) -> Plan:
    """Plan a reward of which nothing fits: it is recorded with its reason, and stays so."""
    plan = Plan(reward, rules)
    reward.state, reward.reason, reward.granted = CAPPED, reason, 0
    plan.open("reward.capped", now)
    return plan


def change(reward: Holding, wanted: Wanted, rules: Rules, *, now: datetime) -> Plan:
    """Plan what brings a stored reward to what it ought to be."""
    plan = Plan.of(reward, rules)
    if reward.state == CAPPED:
        return plan
    if reward.released_at is not None:
        _after_release(plan, wanted, now)
    elif reward.state == EXPIRED:
        # An offer that nobody accepted: the books hold nothing of it any more, but what is refunded is noted.
        if reward.reversed != wanted.reversed:
            plan.reward.reversed, plan.is_changed = wanted.reversed, True
    else:
        _before_release(plan, wanted, now)
    if plan.is_changed:
        plan.reward.updated_at = now
    return plan


def release(reward: Holding, rules: Rules, *, now: datetime) -> Plan:
    """Plan the end of a hold, by release or by an offer; empty for a reward that is not held or not due."""
    plan = Plan.of(reward, rules)
    _release_when_due(plan, now)
    return plan


def accept(reward: Holding, rules: Rules, *, now: datetime) -> Plan:
    """Plan the acceptance of an offer; `ValueError` for a reward that is not offered."""
    plan = Plan.of(reward, rules)
    _make_available(plan, "accepted", now)
    return plan


def decline(reward: Holding, rules: Rules, *, now: datetime) -> Plan:
    """Plan the end of an offer that nobody accepted in time: what is held goes back."""
    plan = Plan.of(reward, rules)
    plan.move("void", reward.granted - reward.reversed, reason="not_accepted")
    plan.turn(EXPIRED, event="reward.expired", reason="not_accepted", now=now)
    return plan


def lapse(reward: Holding, rules: Rules, *, now: datetime) -> Plan:
    """Plan the end of an available reward whose time is over; its lot or coupon is the caller's."""
    plan = Plan.of(reward, rules)
    plan.turn(EXPIRED, event="reward.expired", reason="lapsed", now=now)
    return plan


def spend(reward: Holding, rules: Rules, *, reason: str, now: datetime) -> Plan:
    """Plan that nothing is left: its lot is empty (`spent`), its coupon `used`, its custom reward `fulfilled`."""
    plan = Plan.of(reward, rules)
    if reason == FULFILLED:
        plan.reward.fulfilled_at = now
    plan.turn(REDEEMED, event="reward.redeemed", reason=reason, now=now)
    return plan


def unspend(reward: Holding, rules: Rules, *, reason: str, now: datetime) -> Plan:
    """Plan that a redeemed reward is there again: its lot was refilled, its coupon restored."""
    plan = Plan.of(reward, rules)
    plan.turn(AVAILABLE, event="reward.restored", reason=reason, now=now)
    return plan


def approve(reward: Holding, rules: Rules, *, now: datetime) -> Plan:
    """Plan that a reward under review is approved: held from now on, or released where its hold is over."""
    plan = Plan.of(reward, rules)
    plan.turn(PENDING, event="reward.approved", reason="approved", now=now)
    _release_when_due(plan, now)
    return plan


def void(reward: Holding, rules: Rules, *, reason: str, now: datetime) -> Plan:
    """Plan to take an unreleased reward back for good; one that is voided already stays so, now for this reason."""
    plan = Plan.of(reward, rules)
    if reward.state == VOIDED:
        plan.reward.reason, plan.is_changed = reason, True
        return plan
    plan.move("void", reward.granted - reward.reversed, reason=reason)
    plan.reward.reversed = reward.granted
    plan.turn(VOIDED, event="reward.voided", reason=reason, now=now)
    return plan


FULFILLED = "fulfilled"
HELD = frozenset({PENDING, OFFERED, UNDER_REVIEW})


def _before_release(plan: Plan, wanted: Wanted, now: datetime) -> None:
    reward = plan.reward
    if reward.state == VOIDED and reward.reason in UNCONDITIONAL:
        return
    if wanted.granted != reward.granted:
        held = reward.granted - reward.reversed
        plan.move("amend", wanted.granted - wanted.reversed, reason="earlier_purchase", previous=held)
    elif wanted.reversed > reward.reversed:
        plan.move("void", wanted.reversed - reward.reversed, reason=wanted.reason)
    elif wanted.reversed < reward.reversed:
        plan.move("restore", reward.reversed - wanted.reversed, reason=wanted.back_for)
    reward.granted, reward.reversed = wanted.granted, wanted.reversed
    _stand_on(plan, wanted)
    if wanted.is_whole and reward.state == VOIDED and reward.reason != wanted.reason:
        reward.reason, plan.is_changed = wanted.reason, True
    if wanted.is_whole and reward.state in HELD:
        plan.turn(VOIDED, event="reward.voided", reason=wanted.reason, now=now)
    elif not wanted.is_whole and reward.state == VOIDED:
        plan.turn(PENDING, event="reward.restored", reason=wanted.back_for, now=now)
    _release_when_due(plan, now)


def _stand_on(plan: Plan, wanted: Wanted) -> None:
    """Let the reward stand on the facts it ought to, which may be others than before, at another time."""
    reward = plan.reward
    if (reward.occurred_at, reward.hold_ends_at) != (wanted.occurred_at, wanted.hold_ends_at):
        reward.occurred_at, reward.hold_ends_at, plan.is_changed = wanted.occurred_at, wanted.hold_ends_at, True
    if wanted.counted is not None and reward.counted != (counted := [list(item) for item in wanted.counted]):
        reward.counted, plan.is_changed = counted, True


def _release_when_due(plan: Plan, now: datetime) -> None:
    reward = plan.reward
    if reward.state != PENDING or reward.hold_ends_at > now:
        return
    if plan.rules.accept_within is None:
        _make_available(plan, "hold_ended", now)
        return
    reward.accept_by = now + plan.rules.accept_within
    plan.turn(OFFERED, event="reward.offered", reason="hold_ended", now=now)


def _make_available(plan: Plan, reason: str, now: datetime) -> None:
    reward, coupon = plan.reward, plan.rules.coupon
    plan.move("release", reward.granted - reward.reversed, reason=reason)
    reward.released_at = now
    if coupon is not None and coupon.says_its_end:
        reward.expires_at = coupon.valid_until if coupon.valid is None else now + coupon.valid
    elif plan.rules.expires is not None:
        reward.expires_at = now + plan.rules.expires
    plan.turn(AVAILABLE, event="reward.available", reason=reason, now=now)


def _after_release(plan: Plan, wanted: Wanted, now: datetime) -> None:
    reward = plan.reward
    taken = wanted.reversed - reward.reversed
    if taken > 0:
        plan.move("claw_back", taken, reason=wanted.reason)
    elif taken < 0:
        plan.move("restore", -taken, reason=wanted.back_for)
    reward.reversed = wanted.reversed
    if wanted.is_whole and reward.state == CLAWED_BACK and reward.reason != wanted.reason:
        reward.reason, plan.is_changed = wanted.reason, True
    if wanted.is_whole and reward.state in (AVAILABLE, REDEEMED, EXPIRED):
        plan.turn(CLAWED_BACK, event="reward.clawed_back", reason=wanted.reason, now=now)
    elif not wanted.is_whole and reward.state == CLAWED_BACK:
        plan.turn(AVAILABLE, event="reward.restored", reason=wanted.back_for, now=now)
        if reward.fulfilled_at is not None:
            # It was handed over before, and must not be again.
            plan.turn(REDEEMED, event="reward.redeemed", reason=FULFILLED, now=now)


def by_the_books(plan: Plan, *, lot_rest: int, now: datetime) -> None:
    """Follow the reward's lot once the books have been written: an empty one is spent, or has lapsed; a refilled one
    can be spent again."""
    reward = plan.reward
    if reward.state == AVAILABLE and lot_rest == 0:
        is_over = reward.expires_at is not None and reward.expires_at <= now
        state, event, reason = (
            (EXPIRED, "reward.expired", "lapsed") if is_over else (REDEEMED, "reward.redeemed", "spent")
        )
        plan.turn(state, event=event, reason=reason, now=now)
    elif reward.state == REDEEMED and lot_rest > 0:
        plan.turn(AVAILABLE, event="reward.restored", reason="refilled", now=now)
