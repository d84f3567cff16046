from __future__ import annotations

from typing import Any

import pytest
from terms_documents import RECIPES, Document, both_sides, document, reward, ride_credit

from referral_service.programs.terms.carried_out import parts_not_there_yet
from referral_service.programs.terms.parse import parse_terms

CREDIT = {"kind": "credit", "amount_minor": 1000}


def missing(doc: Document) -> list[str]:
    _, terms = parse_terms(doc)
    found = parts_not_there_yet(terms)
    assert all(path in sentence or " yet" in sentence for path, sentence in found)
    return [path for path, _ in found]


def one(**said: Any) -> Document:
    return document(reward(**said))


def step(**said: Any) -> Document:
    return document(qualification={"steps": [{"key": "first"} | said]})


def test_the_ride_credit_program_is_carried_out_whole() -> None:
    assert missing(ride_credit()) == []


CARRIED_OUT: dict[str, Document] = {
    "the defaults": document(),
    "every attribution": document(
        attribution={"touch": "first", "window_days": 7, "late_claim_days": 0, "evidence": ["code"]}
    ),
    "referees who bought before": document(eligibility={"referee_is_new": False}),
    "a minimum amount, under any key": step(min_amount_minor=5000),
    "a deadline, and an order of one": document(qualification={"within_days": 7, "ordered": True}),
    "both sides, with a hold": document(*both_sides(hold_days=14)),
    "several rewards for one side": document(reward(), reward(key="more")),
    "points": one(give={"kind": "points", "quantity": 50}),
    "a percentage": one(give={"kind": "percent", "percent": "5"}),
    "a percentage with a maximum": one(give={"kind": "percent", "percent": "5", "max_amount_minor": 100}),
    "rewards kept after a refund": one(on_refund="keep"),
    "what is spent written off": document(on_refund={"spent": "write_off"}),
    "in proportion below the minimum": document(on_refund={"below_minimum": "proportional"}),
}


@pytest.mark.parametrize("doc", CARRIED_OUT.values(), ids=CARRIED_OUT.keys())
def test_what_is_carried_out_is_not_named(doc: Document) -> None:
    assert missing(doc) == []


NOT_YET: list[tuple[Document, list[str]]] = [
    (document(eligibility={"referrer_has_purchased": True}), ["eligibility.referrer_has_purchased"]),
    (document(eligibility={"referee_audience": {"a": "b"}}), ["eligibility.referee_audience"]),
    (document(eligibility={"referrer_audience": {"a": "b"}}), ["eligibility.referrer_audience"]),
    (document(eligibility={"one_program_per_referee": True}), ["eligibility.one_program_per_referee"]),
    (document(eligibility={"max_referees_per_referrer": 5}), ["eligibility.max_referees_per_referrer"]),
    (document(qualification={"steps": [{"key": "a"}, {"key": "b"}]}), ["qualification.steps"]),
    (step(event="signup"), ["qualification.steps.0.event"]),
    (step(count=2), ["qualification.steps.0.count"]),
    (step(count=2, distinct_days=True), ["qualification.steps.0.count", "qualification.steps.0.distinct_days"]),
    (step(cumulative_minor=1), ["qualification.steps.0.cumulative_minor"]),
    (step(where={"a": "b"}), ["qualification.steps.0.where"]),
    (step(exclude={"category": "gift_card"}), ["qualification.steps.0.exclude"]),
    (step(any_of=[{"event": "purchase"}]), ["qualification.steps.0.any_of"]),
    (one(side="self", on="every_purchase"), ["rewards.0.side", "rewards.0.on"]),
    (one(on="claimed"), ["rewards.0.on"]),
    (one(on="step:first_purchase"), ["rewards.0.on"]),
    (one(on="repeat_purchase"), ["rewards.0.on"]),
    (one(on="event:trip"), ["rewards.0.on"]),
    (one(on="every_purchase", limit={"count": 1}), ["rewards.0.on", "rewards.0.limit.count"]),
    (one(on="every_purchase", limit={"months": 1}), ["rewards.0.on", "rewards.0.limit.months"]),
    (one(give={"kind": "coupon", "percent_off": "5"}), ["rewards.0.give.kind"]),
    (one(give={"kind": "quota", "quantity": 5, "unit": "MB"}), ["rewards.0.give.kind"]),
    (one(give={"kind": "custom"}), ["rewards.0.give.kind"]),
    (one(give={"kind": "points", "quantity": 5, "per_minor": 100}), ["rewards.0.give.per_minor"]),
    (one(accept_within_days=5), ["rewards.0.accept_within_days"]),
    (one(expires_days=5), ["rewards.0.expires_days"]),
    (one(tiers=[{"from": 2, "amount_minor": 5}]), ["rewards.0.tiers"]),
    (one(every=2), ["rewards.0.every"]),
    (one(milestones=[{"at": 2}]), ["rewards.0.milestones"]),
    (one(cap={"count": 2}), ["rewards.0.cap"]),
    (one(audience={"a": "b"}), ["rewards.0.audience"]),
    (one(give={"kind": "points", "quantity": 5}, value_minor=5), ["rewards.0.value_minor"]),
    (document(reward(), reward(key="second", every=3)), ["rewards.1.every"]),
    (document(on_refund={"requalify": True}), ["on_refund.requalify"]),
    (document(budget={"amount_minor": 5}), ["budget.amount_minor"]),
    (document(budget={"count": 5, "reserve": "claimed"}), ["budget.count", "budget.reserve"]),
    (document(schedule={"starts_at": "2026-12-24T00:00:00Z"}), ["schedule.starts_at"]),
    (document(schedule={"ends_at": "2026-12-24T00:00:00Z"}), ["schedule.ends_at"]),
    (document(schedule={"sunset_days": 5}), ["schedule.sunset_days"]),
    (document(prizes=[{"rank": 1, "give": CREDIT}]), ["prizes"]),
]


@pytest.mark.parametrize(("doc", "paths"), NOT_YET, ids=["+".join(paths) for _, paths in NOT_YET])
def test_a_part_that_is_not_there_yet_is_named(doc: Document, paths: list[str]) -> None:
    assert missing(doc) == paths


@pytest.mark.parametrize("name", sorted(set(RECIPES) - {"ride_credit"}))
def test_every_other_recipe_waits_for_something(name: str) -> None:
    assert missing(RECIPES[name]())
