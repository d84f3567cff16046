"""What an event meant for each referral it touched, told from the settled state. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from referral_service.events.given import Result
from referral_service.journeys.settle import Settled
from referral_service.referrals.policy import CONVERTED, REJECTED, REVERSED
from referral_service.referrals.progress import why_not_counted


def purchase_result(settled: Settled, purchase_id: str) -> Result:
    """What a confirmed purchase meant for one referral of its customer."""
    decision = settled.decision
    result = Result(settled.referral.program_id, settled.referral.id, "recorded")
    if purchase_id in settled.counted_ids:
        result.reward_ids = settled.reward_ids
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
    fact = next(fact for fact in settled.facts if fact.id == purchase_id)
    why = why_not_counted(fact, settled.terms, settled.referral.window)
    if why == "wrong_currency":
        result.outcome = "parked"
    if why is None:
        why = _why_passed_over(settled)
    result.reason = why
    return result


def taken_back_result(settled: Settled, purchase_id: str) -> Result:
    """What a refund or a dispute of a purchase meant for one referral of its customer."""
    decision = settled.decision
    result = Result(settled.referral.program_id, settled.referral.id, "recorded")
    if purchase_id not in settled.counted_ids:
        result.reason = "not_counted"
        return result
    takes = _rewards_moved(settled, "void", "claw_back")
    gives_back = _rewards_moved(settled, "restore")
    result.reward_ids = [reward_id for reward_id in settled.reward_ids if reward_id in takes | gives_back]
    has_turned = decision.state != settled.was.state
    if gives_back or (settled.was.state == REVERSED and decision.state == CONVERTED):
        result.outcome, result.reason = "converted", "dispute_won"
    elif takes or (has_turned and decision.state == REVERSED):
        result.outcome, result.reason = "reversed", decision.taken.reason
    else:
        result.reason = "already_reversed" if decision.state == REVERSED else "nothing_to_reverse"
    return result


def _rewards_moved(settled: Settled, *movements: str) -> set[str]:
    return {plan.reward.id for plan in settled.plans if any(move.movement in movements for move in plan.moves)}


def other_results(settled: Iterable[Settled]) -> list[Result]:
    """What an event that no program of its customer waits for meant: it is kept for whoever asks."""
    return [Result(item.referral.program_id, item.referral.id, "recorded", "not_asked_for") for item in settled]


def _why_passed_over(settled: Settled) -> str:
    if settled.decision.state == REJECTED:
        return "referral_rejected"
    if settled.decision.reason == "person_erased":
        return "person_erased"
    return "already_released" if settled.was.is_released else "already_converted"
