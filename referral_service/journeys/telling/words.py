"""What is asked of a referral and what became of it, in words. English, for support; pages have words of their own."""

from __future__ import annotations

from referral_service.kit.clock import format_rfc3339
from referral_service.kit.money import Money, format_money
from referral_service.programs.terms.conditions import PURCHASE, Alternative
from referral_service.programs.terms.document import Terms
from referral_service.referrals.progress import Progress, StepProgress
from referral_service.referrals.store import ReferralRow

REASONS = {
    "not_new": "the referee had bought before",
    "self_referral": "referrer and referee are the same person",
    "already_referred": "the referee had already been referred by someone else",
    "not_eligible_referee": "the program is not for people like the referee",
    "not_eligible_referrer": "the program is not for people like the referrer",
    "referrer_has_not_purchased": "the referrer has to buy first",
    "too_many_referees": "the referrer has referred as many people as the program allows",
    "refunded": "the purchase was refunded",
    "below_minimum": "what was left after the refund is below the minimum",
    "dispute_opened": "the purchase is disputed",
    "dispute_lost": "the dispute over the purchase was lost",
    "deadline_passed": "the deadline passed",
    "sunset": "the program ended, and the time that was left to open referrals with it",
    "review": "a person decided so",
    "person_erased": "one of the two people asked to be forgotten",
}


def why(reason: str | None) -> str:
    """A reason code in words."""
    return REASONS.get(reason or "", (reason or "").replace("_", " "))


def money(amount_minor: int, currency: str) -> str:
    """An amount with its currency: `10.00 USD`."""
    return format_money(Money(amount_minor, currency))


def asks_for_one(alternative: Alternative) -> bool:
    """Whether a single event is enough, whatever happened before."""
    return alternative.event == PURCHASE and alternative.count == 1 and alternative.cumulative_minor is None


def asked(step: StepProgress, terms: Terms) -> str:
    """What a step asks for; its alternatives are joined by "or"."""
    return " or ".join(_asked(alternative, terms) for alternative in step.step.alternatives)


def _asked(alternative: Alternative, terms: Terms) -> str:
    what = alternative.event
    if alternative.count > 1:
        what = f"{alternative.count} times {alternative.event}"
    elif alternative.event == PURCHASE and alternative.cumulative_minor is None:
        what = "the first purchase"
    if alternative.distinct_days:
        what += " on different days"
    if alternative.min_amount_minor:
        what += f" of at least {money(alternative.min_amount_minor, terms.currency)}"
    if alternative.cumulative_minor:
        what += f", {money(alternative.cumulative_minor, terms.currency)} in all"
    if alternative.where:
        what += " with " + ", ".join(f"{name} {' or '.join(values)}" for name, values in alternative.where.wanted)
    return what


def observed(step: StepProgress, terms: Terms) -> str:
    """How far a step has come, by the alternative that has come furthest."""
    nearest = step.nearest
    seen = f"{step.observed_count} of {nearest.count}"
    if nearest.cumulative_minor:
        seen += f", {money(step.observed_minor, terms.currency)} of {money(nearest.cumulative_minor, terms.currency)}"
    return seen


def next_step(step: StepProgress | None, terms: Terms) -> str | None:
    """What the referral waits for first; None where it waits for nothing."""
    return None if step is None else f"Waiting for {asked(step, terms)}."


def summary(referral: ReferralRow, terms: Terms, found: Progress) -> str:
    """Where a referral stands, in one sentence."""
    until = format_rfc3339(referral.deadline_at)
    reason = why(referral.reason)
    match referral.state:
        case "pending":
            waiting = " and ".join(asked(step, terms) for step in found.steps if not step.is_met)
            return f"Waiting for {waiting or 'the next message'} until {until}."
        case "converted":
            at = format_rfc3339(referral.converted_at) if referral.converted_at else "an unknown time"
            return f"Converted by what happened at {at}; the rewards below follow from it."
        case "reversed":
            return f"Converted, then reversed: {reason}."
        case "expired":
            return f"Expired: {reason}; nothing that counts had happened by {until}."
        case "rejected":
            return f"Rejected: {reason}."
        case _:
            return "Held for a review by a person."
