"""The heart: bring referrals to where their facts say they ought to stand.

A claim, a purchase, a refund, a dispute and a review all end here. Whatever happened, the referral is judged anew from
all its facts by the pure `decide`; the difference to what is stored is then carried out, once, in the caller's
transaction. So a message that comes twice, late or in the wrong order needs no code of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.events.facts_of import PurchaseFacts, purchases_of
from referral_service.journeys.plan_rewards import plan_rewards
from referral_service.notifications.announce import Change
from referral_service.programs.terms.document import Terms
from referral_service.programs.terms_of import terms_of
from referral_service.referrals.policy import CONVERTED, REVERSED, Decision, Standing, decide
from referral_service.referrals.progress import Fact
from referral_service.referrals.store import (
    ConversionRow,
    ReferralRow,
    counted_facts,
    replace_counted,
    save_conversions,
    update_referrals,
)
from referral_service.rewards.carry_out import carry_out
from referral_service.rewards.plan import Holding, Plan
from referral_service.rewards.store import rewards_of_referrals


@dataclass(slots=True)
class Settled:
    """What settling did to one referral. `facts` are all its referee's; `plans` what became of its rewards."""

    referral: ReferralRow
    terms: Terms
    facts: Sequence[Fact]
    was: Standing
    decision: Decision
    plans: list[Plan] = field(default_factory=list)

    @property
    def reward_ids(self) -> list[str]:
        return [plan.reward.id for plan in self.plans]

    @property
    def counted_ids(self) -> frozenset[str]:
        return frozenset(item.fact.id for item in self.decision.counted)

    @property
    def counted_before(self) -> frozenset[str]:
        return frozenset(fact_id for _, fact_id, _ in self.was.counted)

    @property
    def is_taken_over(self) -> bool:
        """An earlier fact has taken the place of the one that was counted."""
        return bool(self.counted_before) and self.counted_ids != self.counted_before


def settle(session: Session, *, app_id: int, referrals: Sequence[ReferralRow], now: datetime) -> dict[str, Settled]:
    """Settle locked referrals, set-wise; gives what became of each, by referral id. `now` is business time."""
    if not referrals:
        return {}
    stored = rewards_by_referral(session, app_id=app_id, referrals=referrals)
    judged = judge(session, app_id=app_id, referrals=referrals, rewards=stored)
    changes: list[Change] = []
    for item in judged:
        changes += _turn(item, now=now)
        item.plans = plan_rewards(
            item.referral,
            item.terms,
            item.decision,
            stored=stored.get(item.referral.id, []),
            taken_over=item.is_taken_over,
            now=now,
        )
    _write(session, app_id=app_id, judged=judged, now=now)
    carry_out(
        session,
        app_id=app_id,
        plans=[plan for item in judged for plan in item.plans],
        told_before=changes,
        spent_policy={item.referral.id: item.terms.on_refund.spent for item in judged},
        now=now,
    )
    return {item.referral.id: item for item in judged}


def judge(
    session: Session, *, app_id: int, referrals: Sequence[ReferralRow], rewards: dict[str, list[Holding]]
) -> list[Settled]:
    """Read what the referrals' judgement rests on, set-wise, and decide each; changes nothing."""
    terms = terms_of(session, app_id=app_id, versions={(row.program_id, row.version) for row in referrals})
    counted = counted_facts(session, app_id=app_id, current=referrals)
    bought = purchases_of(session, app_id=app_id, customer_ids=sorted({row.referee_id for row in referrals}))
    facts = {customer_id: [as_fact(purchase) for purchase in theirs] for customer_id, theirs in bought.items()}
    judged = []
    for row in referrals:
        was = Standing(
            state=row.state,
            reason=row.reason,
            window=row.window,
            conversion_no=row.conversion_no,
            counted=counted.get(row.id, ()),
            is_released=any(
                reward.released_at is not None and reward.conversion_no == row.conversion_no
                for reward in rewards.get(row.id, [])
            ),
        )
        their_terms, their_facts = terms[row.program_id, row.version], facts[row.referee_id]
        judged.append(Settled(row, their_terms, their_facts, was, decide(was, their_facts, their_terms)))
    return judged


def as_fact(purchase: PurchaseFacts) -> Fact:
    """A confirmed purchase as the matcher sees it."""
    return Fact(
        id=purchase.id,
        type="purchase",
        occurred_at=purchase.occurred_at,
        recorded_at=purchase.confirmed_at,
        amount_minor=purchase.amount_minor,
        currency=purchase.currency,
        refunded_minor=purchase.refunded_minor,
        dispute=purchase.dispute_state,
        name=purchase.order_key,
        lines=purchase.lines,
        attributes=purchase.attributes,
    )


def rewards_by_referral(
    session: Session, *, app_id: int, referrals: Sequence[ReferralRow], lock: bool = True
) -> dict[str, list[Holding]]:
    """Read, and unless told otherwise lock, the rewards of referrals that ever converted, by referral."""
    found: dict[str, list[Holding]] = {}
    converted = [row.id for row in referrals if row.conversion_no]
    for reward in rewards_of_referrals(session, app_id=app_id, referral_ids=converted, lock=lock):
        found.setdefault(reward.referral_id or "", []).append(reward)
    return found


def _turn(item: Settled, *, now: datetime) -> list[Change]:
    """Move the referral to the decided state; a purchase that meets its own refund passes through `converted`."""
    referral, decision = item.referral, item.decision
    if decision.counted:
        referral.conversion_no, referral.converted_at = decision.conversion_no, decision.converted_at
    if decision.state == item.was.state:
        if decision.state == REVERSED:
            # For one reason, and now for another: no transition, but the reason told is the one that stands.
            referral.reason = decision.reason
        return []
    changes = []
    if decision.state == REVERSED and item.was.state != CONVERTED:
        changes.append(referral.turn(CONVERTED, event="referral.converted", reason=None, now=now))
    reason = decision.reason
    if decision.state == CONVERTED and item.was.state == REVERSED:
        reason = "earlier_purchase" if item.is_taken_over else "dispute_won"
    changes.append(referral.turn(decision.state, event=f"referral.{decision.state}", reason=reason, now=now))
    return changes


def _write(session: Session, *, app_id: int, judged: Sequence[Settled], now: datetime) -> None:
    moved = [item for item in judged if _is_moved(item)]
    update_referrals(session, app_id=app_id, rows=[item.referral for item in moved])
    converted = [item for item in moved if item.decision.counted]
    save_conversions(
        session,
        app_id=app_id,
        rows=[
            ConversionRow(
                referral_id=item.referral.id,
                n=item.decision.conversion_no,
                state=item.decision.state,
                reason=item.decision.reason,
                occurred_at=max(counted.fact.occurred_at for counted in item.decision.counted),
                amount_minor=item.decision.counted_minor,
                refunded_minor=item.decision.taken.gone_minor,
            )
            for item in converted
        ],
        now=now,
    )
    recounted = [item for item in converted if item.counted_ids != item.counted_before]
    replace_counted(
        session,
        app_id=app_id,
        counted=[(item.referral.id, item.decision.conversion_no, item.decision.counted) for item in recounted],
        replaced=[item.referral.id for item in recounted if item.counted_before],
    )


def _is_moved(item: Settled) -> bool:
    """Whether anything about the referral or its conversion is to be written; most redeliveries change nothing."""
    before, after = item.was, item.referral
    if (after.state, after.reason) != (before.state, before.reason) or item.counted_ids != item.counted_before:
        return True
    return any(plan.is_changed for plan in item.plans) or bool(item.decision.taken.gone_minor)
