"""Fit rewards into their limits: what a stored one becomes, and what a new one grants. Pure.

Both ask `Limits` how much fits and tell it what is taken, one reward after the other: that order is the grant order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from referral_service.kit.ids import new_id
from referral_service.referrals.policy import DISPUTE_OPENED, NOT_COUNTED
from referral_service.rewards.dues import Due
from referral_service.rewards.limits import NO_SLOT, AnchorKey, Limits, Slot, slot_of
from referral_service.rewards.plan import begin, begin_capped, change
from referral_service.rewards.policy import (
    CAPPED,
    EXPIRED,
    PENDING,
    UNCONDITIONAL,
    VOIDED,
    Rules,
    at_ordinal,
    is_taken_whole,
    taken_back,
    worth,
)
from referral_service.rewards.steps import Holding, Plan, Wanted


class Subject(NamedTuple):
    """One counted fact of one anchor."""

    key: AnchorKey
    subject: str


class Orphan(NamedTuple):
    """A stored reward whose facts are gone, with the rules of its version."""

    holding: Holding
    rules: Rules


@dataclass(frozen=True, slots=True)
class DueReward:
    """A due with the reward that is stored for it, if there is one. `back_for` is why it would come back."""

    due: Due
    holding: Holding | None
    back_for: str = "dispute_won"

    @property
    def key(self) -> AnchorKey:
        return (self.due.program_id, self.due.reward.key, self.due.recipient_id)

    @property
    def subject(self) -> Subject:
        return Subject(self.key, self.due.subject)


def slot_held(reward: Holding, rules: Rules) -> Slot:
    """What a reward takes up of its cap and of the budget as it stands."""
    return slot_of(
        state=reward.state,
        reason=reward.reason,
        kind=reward.kind,
        granted=reward.granted,
        value_minor=rules.value_minor,
    )


def _wanted(asked: DueReward, granted: int) -> Wanted:
    due, holding = asked.due, asked.holding
    on_refund = due.reward.on_refund
    back, reason = taken_back(granted, due.taken, on_refund=on_refund), due.taken.reason
    is_whole = is_taken_whole(due.taken, on_refund=on_refund)
    is_released = holding is not None and holding.released_at is not None
    if not due.is_open and not is_released:
        # What its own facts have taken for good stays taken for that.
        is_gone = is_whole and reason != DISPUTE_OPENED
        back, is_whole, reason = granted, True, reason if is_gone else due.closed_for
    return Wanted(
        granted=granted,
        reversed=back,
        is_whole=is_whole,
        occurred_at=due.occurred_at,
        hold_ends_at=due.occurred_at + due.reward.hold,
        reason=reason,
        back_for=asked.back_for,
        counted=None if is_released else due.counted,
    )


def _ought(asked: DueReward) -> int:
    """What a stored reward ought to grant: what it does, unless other facts have taken the place of its own."""
    holding = asked.holding
    if holding is None:
        raise ValueError("only what is stored has an amount already")
    is_fixed = holding.released_at is not None or holding.state == EXPIRED
    if is_fixed or [list(item) for item in asked.due.counted] == holding.counted:
        return holding.granted
    found = at_ordinal(asked.due.reward, holding.ordinal)
    return worth(found[0], asked.due.base) if found is not None else holding.granted


def moves_slot(asked: DueReward, now: datetime) -> bool:
    """Whether a stored reward takes up another slot than before, or its amount is to be weighed anew."""
    holding = asked.holding
    if holding is None or holding.state == CAPPED:
        return False
    wanted = _wanted(asked, _ought(asked))
    plan = change(holding, wanted, asked.due.rules, now=now)
    return slot_held(plan.reward, asked.due.rules) != slot_held(holding, asked.due.rules)


def change_stored(asked: DueReward, limits: Limits, *, now: datetime) -> Plan:
    """Plan what a stored reward becomes; what it takes up anew must fit, its own share counted in."""
    holding, reward = asked.holding, asked.due.reward
    if holding is None:
        raise ValueError("only what is stored can be changed")
    rules = asked.due.rules
    wanted = _wanted(asked, _ought(asked))
    plan = change(holding, wanted, rules, now=now)
    before, after = slot_held(holding, rules), slot_held(plan.reward, rules)
    if before == after:
        return plan
    if after.count > before.count or after.amount > before.amount:
        fit = limits.fit(
            asked.key,
            reward.cap,
            referral_id=asked.due.referral_id,
            kind=holding.kind,
            amount=wanted.granted,
            value_minor=reward.value_minor,
            at=holding.created_at,
            own=before,
        )
        if fit.reason is not None:
            wanted = _refused(wanted, fit.reason)
        elif fit.amount < wanted.granted:
            wanted = _cut(asked, wanted, fit.amount)
        plan = change(holding, wanted, rules, now=now)
        after = slot_held(plan.reward, rules)
    limits.swap(asked.key, referral_id=asked.due.referral_id, at=holding.created_at, before=before, after=after)
    return plan


def _refused(wanted: Wanted, reason: str) -> Wanted:
    return replace(wanted, reversed=wanted.granted, is_whole=True, reason=reason)


def _cut(asked: DueReward, wanted: Wanted, fits: int) -> Wanted:
    """What is granted stays granted once it is released: there, what does not fit stays reversed."""
    if asked.holding is not None and asked.holding.released_at is not None:
        return replace(wanted, reversed=max(wanted.reversed, wanted.granted - fits))
    return _wanted(asked, fits)


def grant_new(
    asked: DueReward,
    limits: Limits,
    taken: list[tuple[Subject, int]],
    attributes: Mapping[str, object],
    *,
    now: datetime,
) -> Plan | None:
    """Count a fact and plan what it grants; None where this n-th, or this person, gets nothing."""
    due, reward = asked.due, asked.due.reward
    anchor = limits.anchors[asked.key]
    if due.referral_id is None and reward.limit.count is not None and anchor.last_ordinal >= reward.limit.count:
        return None
    ordinal = anchor.next_ordinal()
    taken.append((asked.subject, ordinal))
    found = at_ordinal(reward, ordinal)
    if found is None or not reward.audience.accepts(attributes):
        return None
    give, badge = found
    amount = worth(give, due.base)
    fit = limits.fit(
        asked.key,
        reward.cap,
        referral_id=due.referral_id,
        kind=give.kind,
        amount=amount,
        value_minor=reward.value_minor,
        at=now,
    )
    holding = _holding(due, ordinal=ordinal, granted=fit.amount, badge=badge, now=now)
    if fit.reason is not None:
        return begin_capped(holding, due.rules, reason=fit.reason, now=now)
    plan = begin(holding, _wanted(asked, fit.amount), due.rules, now=now)
    limits.swap(asked.key, referral_id=due.referral_id, at=now, before=NO_SLOT, after=slot_held(plan.reward, due.rules))
    return plan


def _holding(due: Due, *, ordinal: int, granted: int, badge: str | None, now: datetime) -> Holding:
    return Holding(
        id=new_id("rwd"),
        program_id=due.program_id,
        version=due.version,
        referral_id=due.referral_id,
        conversion_no=due.conversion_no,
        recipient_id=due.recipient_id,
        reward_key=due.reward.key,
        subject=due.subject,
        side=due.reward.side,
        ordinal=ordinal,
        state=PENDING,
        reason=None,
        kind=due.reward.give.kind,
        unit=due.unit,
        granted=granted,
        reversed=0,
        badge=badge,
        occurred_at=due.occurred_at,
        hold_ends_at=due.occurred_at + due.reward.hold,
        accept_by=None,
        expires_at=None,
        released_at=None,
        created_at=now,
        updated_at=now,
        sequence=0,
        counted=[list(item) for item in due.counted],
    )


def reverse_orphan(limits: Limits, orphan: Orphan, *, now: datetime) -> Plan:
    """Take back a reward whose facts are gone: two purchases were one, or the step that earned it is not met."""
    holding, rules = orphan
    if holding.state == VOIDED and holding.reason in UNCONDITIONAL:
        return Plan.of(holding, rules)
    wanted = Wanted(
        granted=holding.granted,
        reversed=holding.granted,
        is_whole=True,
        occurred_at=holding.occurred_at,
        hold_ends_at=holding.hold_ends_at,
        reason=NOT_COUNTED,
    )
    plan = change(holding, wanted, rules, now=now)
    key = (holding.program_id, holding.reward_key, holding.recipient_id)
    limits.swap(
        key,
        referral_id=holding.referral_id,
        at=holding.created_at,
        before=slot_held(holding, rules),
        after=slot_held(plan.reward, rules),
    )
    return plan
