"""What an event meant for each referral it touched, told from the settled state. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from referral_service.events.given import Result
from referral_service.journeys.settling.judge import Settled
from referral_service.journeys.settling.plan_rewards import Item
from referral_service.referrals.policy import CONVERTED, PENDING, REJECTED, REVERSED
from referral_service.referrals.progress import why_not_counted
from referral_service.rewards.document import reward_document
from referral_service.rewards.steps import Plan

GIVES_BACK, TAKES = frozenset({"restore"}), frozenset({"void", "claw_back"})


def fact_result(settled: Settled, fact_id: str) -> Result:
    """What a confirmed purchase, or another event, meant for one referral of its customer."""
    settled = settled.about(fact_id)
    decision = settled.decision
    result = Result(settled.referral.program_id, settled.referral.id, "recorded", reward_ids=_ids(settled, fact_id))
    if fact_id in settled.counted_ids:
        if decision.state == REVERSED:
            result.outcome, result.reason = "reversed", decision.reason
        else:
            result.outcome = "converted"
            result.reason = "earlier_purchase" if settled.is_taken_over else None
        return result
    if decision.reason == "not_new":
        if settled.was.state == CONVERTED and decision.state == REVERSED:
            result.outcome, result.reward_ids = "reversed", settled.reward_ids
        result.reason = "not_new"
        return result
    if result.reward_ids:
        return result
    fact = next((fact for fact in settled.facts if fact.id == fact_id), None)
    if fact is None:
        result.reason = "not_asked_for"
        return result
    why = why_not_counted(fact, settled.terms, settled.referral.window)
    if why == "other_type" and fact.currency not in (None, settled.terms.currency):
        why = "wrong_currency"
    if why == "wrong_currency":
        result.outcome = "parked"
    result.reason = _why_passed_over(settled) if why is None else why
    return result


def taken_back_result(settled: Settled, purchase_id: str) -> Result:
    """What a refund or a dispute of a purchase meant for one referral of its customer."""
    settled = settled.about(purchase_id)
    decision = settled.decision
    result = Result(settled.referral.program_id, settled.referral.id, "recorded")
    standing = _standing_on(settled.plans, purchase_id)
    is_counted = purchase_id in settled.counted_ids
    if not is_counted and not standing:
        result.reason = "not_counted"
        return result
    takes, gives_back = _moved(standing, TAKES), _moved(standing, GIVES_BACK)
    result.reward_ids = [plan.reward.id for plan in standing if plan.reward.id in takes | gives_back]
    has_turned = is_counted and decision.state != settled.was.state
    if gives_back or (is_counted and settled.was.state == REVERSED and decision.state == CONVERTED):
        result.outcome, result.reason = "converted", "dispute_won"
    elif takes or (has_turned and decision.state == REVERSED):
        result.outcome, result.reason = "reversed", decision.taken.reason or _why(standing)
    else:
        result.reason = "already_reversed" if decision.state == REVERSED else "nothing_to_reverse"
    return result


def own_results(own: Iterable[Item], customer_id: str, fact_id: str) -> list[Result]:
    """What a fact earned its own customer, or took back, by program."""
    results = []
    for item in own:
        mine = [plan for plan in item.plans if plan.is_changed and plan.reward.recipient_id == customer_id]
        standing = _standing_on(mine, fact_id)
        if standing:
            result = Result(item.program_id or "", None, "recorded", reward_ids=[plan.reward.id for plan in standing])
            if _moved(standing, TAKES):
                result.outcome, result.reason = "reversed", _why(standing)
            results.append(result)
    return results


def would_stand(theirs: Iterable[Settled], own: Iterable[Item], fact_id: str) -> list[dict[str, Any]]:
    """Of an estimate: the rewards that a fact would make or change, as they would stand."""
    items: list[Settled | Item] = [*theirs, *own]
    plans = [plan for item in items for plan in item.plans if plan.is_changed]
    return [reward_document(plan.reward) for plan in _standing_on(plans, fact_id)]


def together(results: Iterable[Result], own: Iterable[Result]) -> list[Result]:
    """One result for each program: what a person's own rewards add joins what the referral there was told."""
    joined = {result.program_id: result for result in results}
    for result in own:
        there = joined.setdefault(result.program_id, result)
        if there is not result:
            there.reward_ids = [*there.reward_ids, *result.reward_ids]
            if there.outcome == "recorded":
                there.outcome, there.reason = result.outcome, result.reason
    return list(joined.values())


def _standing_on(plans: Iterable[Plan], fact_id: str) -> list[Plan]:
    return [plan for plan in plans if any(counted[1] == fact_id for counted in plan.reward.counted)]


def _ids(settled: Settled, fact_id: str) -> list[str]:
    return [plan.reward.id for plan in _standing_on(settled.plans, fact_id)]


def _moved(plans: Iterable[Plan], movements: frozenset[str]) -> set[str]:
    return {plan.reward.id for plan in plans if any(move.movement in movements for move in plan.moves)}


def _why(plans: Iterable[Plan]) -> str | None:
    return next((move.reason for plan in plans for move in plan.moves if move.movement in TAKES), None)


def _why_passed_over(settled: Settled) -> str:
    if settled.decision.state == REJECTED:
        return "referral_rejected"
    if settled.decision.reason == "person_erased":
        return "person_erased"
    if settled.decision.state == PENDING:
        return "more_needed"
    return "already_released" if settled.was.is_released else "already_converted"
