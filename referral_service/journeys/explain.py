"""Why a referral stands where it stands: told from the same decision that grants, for the person it concerns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.codes.models import Code
from referral_service.journeys.judge import Settled, judge
from referral_service.kit.clock import format_rfc3339
from referral_service.kit.money import Money, format_money
from referral_service.programs.terms.document import Terms
from referral_service.referrals.policy import CONVERTED, EXPIRED, PENDING, REJECTED, REVERSED, bought_before
from referral_service.referrals.progress import Fact, Progress, StepProgress, progress, why_not_counted
from referral_service.referrals.read_referrals import TouchRow, read_referral, read_touches
from referral_service.rewards.dues import ON_CONVERSION
from referral_service.rewards.plan import Holding

# A person who bought very often is told of the purchases closest to the window's beginning.
FACTS_SHOWN_MAX = 50

REASONS = {
    "not_new": "the referee had bought before",
    "self_referral": "referrer and referee are the same person",
    "already_referred": "the referee had already been referred by someone else",
    "refunded": "the purchase was refunded",
    "below_minimum": "what was left after the refund is below the minimum",
    "dispute_opened": "the purchase is disputed",
    "dispute_lost": "the dispute over the purchase was lost",
    "deadline_passed": "the deadline passed",
    "person_erased": "one of the two people asked to be forgotten",
}


def explain(session: Session, *, app_id: int, referral_id: str, now: datetime) -> dict[str, Any]:
    """Return the explanation of one referral; changes nothing. Raises ReferralNotFound."""
    referral = read_referral(session, app_id=app_id, referral_id=referral_id)
    (judged,) = judge(session, app_id=app_id, referrals=[referral], lock=False)
    touches = read_touches(session, app_id=app_id, referral_id=referral_id)
    codes = _code_texts(session, app_id=app_id, ids={touch.code_id for touch in touches if touch.code_id})
    found = progress(judged.facts, judged.terms, referral.window)
    is_open = referral.state == PENDING and now <= referral.deadline_at
    return {
        "referral_id": referral.id,
        "state": referral.state,
        "summary": _summary(judged, found),
        "touches": [_touch(touch, codes) for touch in touches],
        "checks": list(_checks(judged, touches, found, now)),
        "next_step": _next_step(judged.terms, found) if is_open else None,
        "deadline": format_rfc3339(referral.deadline_at) if is_open else None,
        "rewards": _rewards(judged, judged.stored),
    }


def _code_texts(session: Session, *, app_id: int, ids: Iterable[str]) -> dict[str, str]:
    rows = session.execute(select(Code.id, Code.text).where(Code.app_id == app_id, Code.id.in_(sorted(ids))))
    return {row.id: row.text for row in rows}


def _touch(touch: TouchRow, codes: dict[str, str]) -> dict[str, Any]:
    return {
        "kind": touch.kind,
        "at": touch.at and format_rfc3339(touch.at),
        "code": codes.get(touch.code_id or ""),
        "counted": touch.counted,
        "reason": touch.reason,
    }


def _money(amount_minor: int, terms: Terms) -> str:
    return format_money(Money(amount_minor, terms.currency))


def _asked(step: StepProgress, terms: Terms) -> str:
    """What a step asks for, in words."""
    nearest = step.nearest
    what = "the first purchase" if nearest.event == "purchase" and nearest.count == 1 else f"{nearest.event}"
    if nearest.count > 1:
        what = f"{nearest.count} times {nearest.event}"
    if nearest.min_amount_minor:
        what += f" of at least {_money(nearest.min_amount_minor, terms)}"
    if nearest.cumulative_minor:
        what += f", {_money(nearest.cumulative_minor, terms)} in all"
    return what


def _next_step(terms: Terms, found: Progress) -> str | None:
    waiting = [step for step in found.steps if not step.is_met]
    return f"Waiting for {_asked(waiting[0], terms)}." if waiting else None


def _summary(judged: Settled, found: Progress) -> str:
    referral = judged.referral
    why = REASONS.get(referral.reason or "", (referral.reason or "").replace("_", " "))
    until = format_rfc3339(referral.deadline_at)
    match referral.state:
        case "pending":
            asked = " and ".join(_asked(step, judged.terms) for step in found.steps if not step.is_met)
            return f"Waiting for {asked or 'the next message'} until {until}."
        case "converted":
            at = format_rfc3339(referral.converted_at) if referral.converted_at else "an unknown time"
            return f"Converted by what happened at {at}; the rewards below follow from it."
        case "reversed":
            return f"Converted, then reversed: {why}."
        case "expired":
            return f"Expired: {why}; nothing that counts had happened by {until}."
        case "rejected":
            return f"Rejected: {why}."
        case _:
            return "Held for a review by a person."


def _checks(judged: Settled, touches: list[TouchRow], found: Progress, now: datetime) -> Iterable[dict[str, Any]]:
    referral, terms = judged.referral, judged.terms
    counted = next((touch for touch in touches if touch.counted), None)
    yield _check(
        "attribution.touch",
        f"the {terms.attribution.touch} valid touch within {terms.attribution.window_days} days",
        counted.kind if counted else None,
        passed=counted is not None,
        at=counted.at if counted else None,
    )
    yield _check(
        "eligibility.self_referral",
        "referrer and referee are two people",
        "the same person" if referral.reason == "self_referral" else "two people",
        passed=referral.reason != "self_referral",
        at=referral.claimed_at,
    )
    if terms.eligibility.referee_is_new:
        start = referral.window_starts_at
        earlier = [fact for fact in judged.facts if fact.type == "purchase" and fact.occurred_at < start]
        yield _check(
            "eligibility.referee_is_new",
            f"no purchase before {format_rfc3339(start)}",
            f"a purchase at {format_rfc3339(min(fact.occurred_at for fact in earlier))}" if earlier else "none",
            passed=not bought_before(judged.facts, referral.window),
            at=min((fact.occurred_at for fact in earlier), default=None),
        )
    for fact in sorted(judged.facts, key=lambda fact: fact.order)[:FACTS_SHOWN_MAX]:
        yield _fact_check(judged, fact)
    if not found.is_complete:
        yield _check(
            "qualification.within_days",
            f"by {format_rfc3339(referral.deadline_at)}",
            f"not yet at {format_rfc3339(now)}",
            passed=now <= referral.deadline_at,
            at=referral.deadline_at,
        )


def _fact_check(judged: Settled, fact: Fact) -> dict[str, Any]:
    terms, window = judged.terms, judged.referral.window
    amount = f"{fact.amount_minor} minor units" if fact.currency is None else ""
    observed = amount or format_money(Money(fact.amount_minor, fact.currency or terms.currency))
    if fact.refunded_minor:
        observed += f", {format_money(Money(fact.refunded_minor, fact.currency or terms.currency))} of it refunded"
    if fact.dispute:
        observed += f", dispute {fact.dispute}"
    why = why_not_counted(fact, terms, window)
    edges = f"from {format_rfc3339(window.starts_at)} to {format_rfc3339(window.deadline_at)}"
    minimum = min(
        (alternative.min_amount_minor for step in terms.qualification.steps for alternative in step.alternatives),
        default=0,
    )
    rules = {
        "below_minimum": ("qualification.min_amount", _money(minimum, terms)),
        "wrong_currency": ("currency", terms.currency),
        "before_window": ("qualification.window", edges),
        "after_deadline": ("qualification.within_days", edges),
        "arrived_too_late": ("qualification.within_days", "its message within 7 days after the deadline"),
    }
    rule, required = rules.get(why or "", ("qualification.min_amount", _money(minimum, terms)))
    if why is None and fact.id not in judged.counted_ids:
        rule, required = "qualification.first", "the earliest that counts"
    return _check(rule, required, observed, passed=fact.id in judged.counted_ids, at=fact.occurred_at)


def _check(rule: str, required: str, observed: str | None, *, passed: bool, at: datetime | None) -> dict[str, Any]:
    return {
        "rule": rule,
        "required": required,
        "observed": observed,
        "passed": passed,
        "at": format_rfc3339(at) if at is not None else None,
    }


def _rewards(judged: Settled, stored: Sequence[Holding]) -> list[dict[str, Any]]:
    if stored:
        return [
            {
                "key": reward.reward_key,
                "state": reward.state,
                "reason": reward.reason,
                "expected_at": format_rfc3339(reward.hold_ends_at) if reward.state == "pending" else None,
            }
            for reward in stored
        ]
    if judged.referral.state in (REJECTED, EXPIRED, REVERSED, CONVERTED):
        return []
    # Nothing is granted yet: what the terms promise once the referral converts.
    return [
        {"key": reward.key, "state": "expected", "reason": None, "expected_at": None}
        for reward in judged.terms.rewards
        if reward.on == ON_CONVERSION
    ]
