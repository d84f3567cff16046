"""Why a referral stands where it stands: told from the same decision that grants, for the person it concerns."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.codes.models import Code
from referral_service.journeys.settling.judge import Settled
from referral_service.journeys.telling.survey import Survey, survey
from referral_service.journeys.telling.words import asked, asks_for_one, money, next_step, observed, summary, why
from referral_service.kit.clock import format_rfc3339
from referral_service.programs.terms.document import Eligibility
from referral_service.referrals.policy import bought_before
from referral_service.referrals.progress import Fact, Progress, why_not_counted
from referral_service.referrals.read_referrals import TouchRow, read_referral, read_touches
from referral_service.referrals.store import ReferralRow

# A person who bought very often is told of the purchases closest to the window's beginning.
FACTS_SHOWN_MAX = 50


def explain(session: Session, *, app_id: int, referral_id: str, now: datetime) -> dict[str, Any]:
    """Return the explanation of one referral; changes nothing. Raises ReferralNotFound."""
    referral = read_referral(session, app_id=app_id, referral_id=referral_id)
    (surveyed,) = survey(session, app_id=app_id, referrals=[referral], now=now)
    judged, found = surveyed.judged, surveyed.found
    touches = read_touches(session, app_id=app_id, referral_id=referral_id)
    codes = _code_texts(session, app_id=app_id, ids={touch.code_id for touch in touches if touch.code_id})
    return {
        "referral_id": referral.id,
        "state": referral.state,
        "summary": summary(referral, judged.terms, found),
        "touches": [_touch(touch, codes) for touch in touches],
        "checks": list(_checks(judged, touches, found, now)),
        "next_step": next_step(surveyed.next_step, judged.terms),
        "deadline": format_rfc3339(referral.deadline_at) if surveyed.is_open else None,
        "rewards": _rewards(surveyed),
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
    yield from _step_checks(judged, found)
    yield from _eligibility_checks(terms.eligibility, referral)
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


def _eligibility_checks(rules: Eligibility, referral: ReferralRow) -> Iterable[dict[str, Any]]:
    """What the program asks of either side beside being new; judged once, at the claim."""
    asked_for = (
        ("referee_audience", bool(rules.referee_audience), "not_eligible_referee"),
        ("referrer_audience", bool(rules.referrer_audience), "not_eligible_referrer"),
        ("referrer_has_purchased", rules.referrer_has_purchased, "referrer_has_not_purchased"),
        ("max_referees_per_referrer", rules.max_referees_per_referrer is not None, "too_many_referees"),
    )
    for rule, is_asked, refusal in asked_for:
        if is_asked:
            is_refused = referral.reason == refusal
            yield _check(
                f"eligibility.{rule}",
                "as the program asks, at the claim",
                why(refusal) if is_refused else "met",
                passed=not is_refused,
                at=referral.claimed_at,
            )


def _step_checks(judged: Settled, found: Progress) -> Iterable[dict[str, Any]]:
    """Each step by itself, where there is more than the first purchase to wait for."""
    steps = judged.terms.qualification.steps
    if len(steps) == 1 and not steps[0].written_as_any_of and asks_for_one(steps[0].alternatives[0]):
        return
    for step in found.steps:
        yield _check(
            f"qualification.steps.{step.step.key}",
            asked(step, judged.terms),
            observed(step, judged.terms),
            passed=step.is_met,
            at=step.met_at,
        )


def _fact_check(judged: Settled, fact: Fact) -> dict[str, Any]:
    terms, window = judged.terms, judged.referral.window
    seen = fact.type if fact.currency is None else money(fact.amount_minor, fact.currency)
    if fact.refunded_minor:
        seen += f", {money(fact.refunded_minor, fact.currency or terms.currency)} of it refunded"
    if fact.dispute:
        seen += f", dispute {fact.dispute}"
    refusal = why_not_counted(fact, terms, window)
    edges = f"from {format_rfc3339(window.starts_at)} to {format_rfc3339(window.deadline_at)}"
    alternatives = [alternative for step in terms.qualification.steps for alternative in step.alternatives]
    minimum = min((it.min_amount_minor for it in alternatives if it.event == fact.type), default=0)
    least = ("qualification.min_amount", money(minimum, terms.currency))
    rules = {
        "below_minimum": least,
        "wrong_currency": ("currency", terms.currency),
        "no_amount": ("qualification.min_amount", "an amount"),
        "before_window": ("qualification.window", edges),
        "after_deadline": ("qualification.within_days", edges),
        "arrived_too_late": ("qualification.within_days", "its message within 7 days after the deadline"),
        "attributes_differ": ("qualification.where", "attributes that match"),
        "all_lines_excluded": ("qualification.exclude", "something besides the excluded categories"),
        "other_type": ("qualification.event", " or ".join(sorted({it.event for it in alternatives}))),
    }
    is_counted = fact.id in judged.counted_ids
    rule, required = rules.get(refusal or "", least if fact.currency else ("qualification.event", fact.type))
    if refusal is None and not is_counted:
        rule, required = (
            ("qualification.first", "the earliest that counts")
            if judged.counted_ids
            else ("qualification.steps", "all steps together")
        )
    return _check(rule, required, seen, passed=is_counted, at=fact.occurred_at)


def _check(rule: str, required: str, observed: str | None, *, passed: bool, at: datetime | None) -> dict[str, Any]:
    return {
        "rule": rule,
        "required": required,
        "observed": observed,
        "passed": passed,
        "at": format_rfc3339(at) if at is not None else None,
    }


def _rewards(surveyed: Survey) -> list[dict[str, Any]]:
    """What was granted, or refused with its reason; then what the terms still promise this referral as things are."""
    told = [
        {
            "key": reward.reward_key,
            "state": reward.state,
            "reason": reward.reason,
            "expected_at": format_rfc3339(reward.hold_ends_at) if reward.state == "pending" else None,
        }
        for reward in surveyed.judged.stored
    ]
    return told + [
        {"key": reward.key, "state": "expected", "reason": None, "expected_at": None} for reward in surveyed.promised
    ]
