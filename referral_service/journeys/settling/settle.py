"""The heart: bring referrals to where their facts say they ought to stand.

A claim, a purchase, a refund, a dispute and a review all end here. Whatever happened, the referral is judged anew from
all its facts by the pure `decide`; the difference to what is stored is then carried out, once, in the caller's
transaction. So a message that comes twice, late or in the wrong order needs no code of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.journeys.settling.judge import Settled, judge
from referral_service.journeys.settling.plan_rewards import Item, plan_rewards
from referral_service.journeys.settling.sunsets import sunsets_of
from referral_service.notifications.announce import Change
from referral_service.referrals.claim_slots import give_back_claim_slots
from referral_service.referrals.policy import (
    CONVERTED,
    FOR_GOOD,
    PENDING,
    REJECTED,
    REVERSED,
    UNDER_REVIEW,
    decide,
)
from referral_service.referrals.progress import progress
from referral_service.referrals.ranks import count_conversions
from referral_service.referrals.store import (
    ConversionRow,
    ReferralRow,
    replace_counted,
    save_conversions,
    update_referrals,
)
from referral_service.rewards.carry_out import carry_out
from referral_service.rewards.dues import dues_of
from referral_service.rewards.fitting import Orphan
from referral_service.rewards.policy import CAPPED, CLAWED_BACK, VOIDED, rules_of, worth_at_most
from referral_service.rewards.steps import Holding

__all__ = ["Settled", "settle"]


def settle(
    session: Session,
    *,
    app_id: int,
    referrals: Sequence[ReferralRow],
    own: Sequence[Item] = (),
    now: datetime,
    estimate: bool = False,
) -> dict[str, Settled]:
    """Settle locked referrals, set-wise; gives what became of each, by referral id. `now` is business time.

    `own` are people's own rewards that the same facts touch: granted in the same order of locks. An `estimate` says
    what would become of everything and writes nothing.
    """
    found = _settle_once(session, app_id=app_id, referrals=referrals, own=own, now=now, estimate=estimate)
    anew = found
    while again := [] if estimate else [settled.referral for settled in anew.values() if _may_qualify_anew(settled)]:
        anew = _settle_once(session, app_id=app_id, referrals=again, own=(), now=now, estimate=False)
        anew = {referral_id: settled for referral_id, settled in anew.items() if settled.is_new_conversion}
        for referral_id, settled in anew.items():
            settled.before, found[referral_id] = found[referral_id], settled
    return found


def _settle_once(
    session: Session,
    *,
    app_id: int,
    referrals: Sequence[ReferralRow],
    own: Sequence[Item],
    now: datetime,
    estimate: bool,
) -> dict[str, Settled]:
    if not referrals and not own:
        return {}
    judged = judge(session, app_id=app_id, referrals=referrals, lock=not estimate)
    _respect_sunsets(session, app_id=app_id, judged=judged)
    changes: list[Change] = []
    for settled in judged:
        changes += _turn(settled, now=now)
    items = [_item(settled) for settled in judged]
    changes += plan_rewards(session, app_id=app_id, items=[*items, *own], now=now, estimate=estimate)
    for settled, item in zip(judged, items, strict=True):
        settled.plans = item.plans
    if not estimate:
        _write(session, app_id=app_id, judged=judged, now=now)
        carry_out(
            session,
            app_id=app_id,
            plans=[plan for item in [*items, *own] for plan in item.plans],
            told_before=changes,
            now=now,
        )
    return {settled.referral.id: settled for settled in judged}


def _respect_sunsets(session: Session, *, app_id: int, judged: Sequence[Settled]) -> None:
    """Judge open referrals of closed programs by the sunset: what happened after it converts nothing, also while the
    worker has not yet been there to expire them."""
    turning = [item for item in judged if item.was.state == PENDING and item.decision.counted]
    if not turning:
        return
    ends = sunsets_of(session, app_id=app_id, program_ids={item.referral.program_id for item in turning})
    for item in turning:
        ends_at = ends.get(item.referral.program_id, item.was.window.deadline_at)
        if ends_at < item.was.window.deadline_at:
            item.was = replace(item.was, window=replace(item.was.window, deadline_at=ends_at))
            item.decision = decide(item.was, item.facts, item.terms)


def _may_qualify_anew(item: Settled) -> bool:
    """A conversion has just been reversed for good, and later facts may make another one."""
    decision = item.decision
    return (
        item.terms.on_refund.requalify
        and decision.state == REVERSED
        and decision.reason in FOR_GOOD
        and (item.was.state != REVERSED or item.was.reason != decision.reason or item.is_new_conversion)
    )


def _item(settled: Settled) -> Item:
    """What the decision about a referral asks for, as rewards."""
    referral, terms, decision = settled.referral, settled.terms, settled.decision
    if decision.state == UNDER_REVIEW:
        return Item(referral.program_id, referral.id, ())
    found = progress(settled.facts, terms, referral.window, pinned=settled.was.pinned)
    dues = dues_of(referral, terms, decision, found, settled.facts)
    sets_aside = decision.state == PENDING and terms.budget.reserve == "claimed"
    return Item(
        referral.program_id,
        referral.id,
        dues,
        stored=settled.stored,
        orphans=_orphans(settled, {(due.reward.key, due.subject) for due in dues}),
        reserve=worth_at_most(terms) if sets_aside else None,
        # One that was moved to newer terms may hold what the older ones had set aside.
        may_hold_reservation=terms.budget.reserve == "claimed" or referral.version > 1,
        closes_reservation=settled.was.state == PENDING and decision.state != PENDING,
        back_for="earlier_purchase" if settled.is_taken_over else "dispute_won",
    )


def _orphans(settled: Settled, due: set[tuple[str, str]]) -> list[Orphan]:
    """Stored rewards that nothing is due for any more, and that may still be taken back."""
    decision = settled.decision
    if decision.state in (CONVERTED, REVERSED) and decision.converted_at is None:
        # Its facts have turned out to be another person's after a release: nothing moves any more.
        return []
    lost = [
        held for held in settled.stored if (held.reward_key, held.subject) not in due and _may_be_lost(held, settled)
    ]
    return [Orphan(held, rules_of(settled.terms, key=held.reward_key, subject=held.subject)) for held in lost]


def _may_be_lost(held: Holding, settled: Settled) -> bool:
    if held.state in (CAPPED, VOIDED, CLAWED_BACK):
        return False
    if held.conversion_no is not None and held.conversion_no < settled.decision.conversion_no:
        # A conversion that has a successor is closed.
        return False
    if held.released_at is None:
        return True
    # A purchase that was two is one after all, and what it had earned twice is taken back; other releases stay.
    bought = {f"purchase:{fact.id}" for fact in settled.facts}
    return held.subject.startswith("purchase:") and held.subject not in bought


def _turn(item: Settled, *, now: datetime) -> list[Change]:
    """Move the referral to the decided state; a purchase that meets its own refund passes through `converted`."""
    referral, decision, was = item.referral, item.decision, item.was
    if decision.counted:
        referral.conversion_no, referral.converted_at = decision.conversion_no, decision.converted_at
    if decision.state == was.state and not (decision.state == REVERSED and item.is_new_conversion):
        if decision.state == REVERSED:
            # For one reason, and now for another: no transition, but the reason told is the one that stands.
            referral.reason = decision.reason
        return []
    anew = "requalified" if was.conversion_no and item.is_new_conversion else None
    changes = []
    if decision.state == REVERSED and (was.state != CONVERTED or item.is_new_conversion):
        changes.append(referral.turn(CONVERTED, event="referral.converted", reason=anew, now=now))
    reason = decision.reason
    if decision.state == CONVERTED and was.state == REVERSED:
        reason = anew or ("earlier_purchase" if item.is_taken_over else "dispute_won")
    changes.append(referral.turn(decision.state, event=f"referral.{decision.state}", reason=reason, now=now))
    return changes


def _write(session: Session, *, app_id: int, judged: Sequence[Settled], now: datetime) -> None:
    moved = [item for item in judged if _is_moved(item)]
    give_back_claim_slots(
        session,
        app_id=app_id,
        referrals=[item.referral for item in moved if item.decision.state == REJECTED != item.was.state],
    )
    ranks: Counter[tuple[str, str]] = Counter()
    for item in moved:
        counts = (item.decision.state == CONVERTED) - (item.was.state == CONVERTED)
        ranks[item.referral.program_id, item.referral.referrer_id] += counts
    count_conversions(session, app_id=app_id, deltas=ranks)
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
        replaced=[item.referral.id for item in recounted if item.counted_before and not item.is_new_conversion],
    )


def _is_moved(item: Settled) -> bool:
    """Whether anything about the referral or its conversion is to be written; most redeliveries change nothing."""
    before, after = item.was, item.referral
    if (after.state, after.reason) != (before.state, before.reason) or item.counted_ids != item.counted_before:
        return True
    return any(plan.is_changed for plan in item.plans) or bool(item.decision.taken.gone_minor)
