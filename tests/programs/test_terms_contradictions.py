from __future__ import annotations

from typing import Any

import pytest
from terms_documents import Document, document, reward

from referral_service.programs.terms.parse import InvalidTerms, parse_terms

CREDIT = {"kind": "credit", "amount_minor": 1000}
PERCENT = {"kind": "percent", "percent": "10.00"}
POINTS = {"kind": "points", "quantity": 5}
CUSTOM = {"kind": "custom", "data": {}}
COUPON = {"kind": "coupon", "percent_off": "15.00"}
QUOTA = {"kind": "quota", "quantity": 5, "unit": "MB"}
BY_AMOUNT = {"kind": "points", "quantity": 1, "per_minor": 100}
SIGNUP = {"steps": [{"key": "in", "event": "signup"}]}
CARD_OR_PURCHASE = {"steps": [{"key": "pay", "any_of": [{"event": "card"}, {"event": "purchase"}]}]}
MIXED = {"steps": [{"key": "in", "event": "signup"}, {"key": "buy", "event": "purchase"}]}


def one(**said: Any) -> Document:
    return document(reward(**said))


def steps(*said: Document) -> Document:
    return document(qualification={"steps": list(said)})


def tiers(*froms: int) -> list[Document]:
    return [{"from": nth, "amount_minor": 100 * nth} for nth in froms]


def at(*nths: int) -> list[Document]:
    return [{"at": nth} for nth in nths]


CONTRADICTIONS: dict[str, tuple[Document, str, str]] = {
    "a currency that does not exist": (document() | {"currency": "XYZ"}, "currency", "XYZ"),
    "a currency without a minor unit": (document() | {"currency": "XAU"}, "currency", "minor unit"),
    "nothing to give": (document() | {"rewards": []}, "rewards", "gives nothing"),
    "the same reward key twice": (document(reward(), reward()), "rewards.1.key", "thanks"),
    "the key of a contest's prizes": (one(key="prize"), "rewards.0.key", "prizes of a contest"),
    "the same step key twice": (steps({"key": "a"}, {"key": "a"}), "qualification.steps.1.key", "key a"),
    "two steps left at the default key": (steps({}, {}), "qualification.steps.1.key", "first_purchase"),
    "waiting for a refund": (steps({"key": "a", "event": "refund"}), "qualification.steps.0.event", "undoes"),
    "waiting for a dispute among others": (
        steps({"key": "a", "any_of": [{"event": "card"}, {"event": "dispute"}]}),
        "qualification.steps.0.any_of.1.event",
        "undoes",
    ),
    "distinct days of one event": (
        steps({"key": "a", "distinct_days": True}),
        "qualification.steps.0.distinct_days",
        "count of 2",
    ),
    "distinct days of one event, in an alternative": (
        steps({"key": "a", "any_of": [{"event": "card", "distinct_days": True}]}),
        "qualification.steps.0.any_of.0.distinct_days",
        "count of 2",
    ),
    "a step that is not there": (one(on="step:install"), "rewards.0.on", "no step with the key install"),
    "a reward for a refund": (one(on="event:refund"), "rewards.0.on", "undoes"),
    "a purchase named as a custom event": (one(on="event:purchase"), "rewards.0.on", "every_purchase"),
    "self on the conversion": (one(side="self"), "rewards.0.side", "every_purchase and event"),
    "self on repeat purchases": (one(side="self", on="repeat_purchase"), "rewards.0.side", "every_purchase"),
    "a percentage of a claim": (one(on="claimed", give=PERCENT), "rewards.0.give.percent", "claimed"),
    "a percentage of a custom event": (
        one(on="event:trip", give=PERCENT),
        "rewards.0.give.percent",
        "event:trip does not always",
    ),
    "a percentage of a conversion without purchase": (
        document(reward(give=PERCENT), qualification=SIGNUP),
        "rewards.0.give.percent",
        "converted",
    ),
    "a percentage of what may be no purchase": (
        document(reward(give=PERCENT), qualification=CARD_OR_PURCHASE),
        "rewards.0.give.percent",
        "converted",
    ),
    "a percentage of a step without purchase": (
        document(reward(on="step:in", give=PERCENT), qualification=MIXED),
        "rewards.0.give.percent",
        "step:in",
    ),
    "points by the amount of a claim": (
        one(on="claimed", give=BY_AMOUNT),
        "rewards.0.give.per_minor",
        "fixed quantity",
    ),
    "a hold longer than the reward lives": (
        one(hold_days=31, expires_days=30),
        "rewards.0.hold_days",
        "after 30 days",
    ),
    "acceptance after the reward is gone": (
        one(accept_within_days=31, expires_days=30),
        "rewards.0.accept_within_days",
        "after 30 days",
    ),
    "two ends for a coupon": (
        one(give=COUPON | {"valid_days": 30}, expires_days=30),
        "rewards.0.expires_days",
        "one place",
    ),
    "a coupon that takes nothing off": (
        one(give={"kind": "coupon"}),
        "rewards.0.give.percent_off",
        "amount_off_minor",
    ),
    "a coupon that takes off both": (
        one(give=COUPON | {"amount_off_minor": 500}),
        "rewards.0.give.amount_off_minor",
        "not both",
    ),
    "a coupon valid by days and by dates": (
        one(give=COUPON | {"valid_days": 3, "valid_until": "2026-12-24T00:00:00Z"}),
        "rewards.0.give.valid_days",
        "not both",
    ),
    "a coupon that ends as it begins": (
        one(give=COUPON | {"valid_from": "2026-12-24T00:00:00Z", "valid_until": "2026-12-24T01:00:00+01:00"}),
        "rewards.0.give.valid_until",
        "before it begins",
    ),
    "a coupon that ends before the program starts": (
        document(
            reward(give=COUPON | {"valid_until": "2026-12-24T00:00:00Z"}),
            schedule={"starts_at": "2026-12-24T00:00:00Z"},
        ),
        "rewards.0.give.valid_until",
        "schedule.starts_at",
    ),
    "a quota in a currency": (one(give=QUOTA | {"unit": "EUR"}), "rewards.0.give.unit", "EUR is a currency"),
    "a quota in points": (one(give=QUOTA | {"unit": "points"}), "rewards.0.give.unit", "kind points"),
    "a limit on what comes once": (one(limit={"count": 3}), "rewards.0.limit.count", "converted comes once"),
    "a limit in months on a claim": (one(on="claimed", limit={"months": 3}), "rewards.0.limit.months", "once"),
    "months from a conversion that self does not have": (
        one(side="self", on="every_purchase", limit={"months": 3}),
        "rewards.0.limit.months",
        "self has none",
    ),
    "a cap that holds nothing back": (one(cap={"per": "calendar_year"}), "rewards.0.cap", "holds nothing back"),
    "an amount cap on coupons": (
        one(give=COUPON, cap={"amount_minor": 5}),
        "rewards.0.cap.amount_minor",
        "coupon has no amount",
    ),
    "an amount cap on custom rewards": (
        one(give=CUSTOM, cap={"amount_minor": 5, "count": 5}),
        "rewards.0.cap.amount_minor",
        "custom has no amount",
    ),
    "a weight for what is money": (one(value_minor=100), "rewards.0.value_minor", "money already"),
    "kept rewards that can be earned again and again": (
        document(reward(on_refund="keep"), on_refund={"requalify": True}),
        "rewards.0.on_refund",
        "granted anew",
    ),
    "a tier in a value of another kind": (
        one(give=POINTS, tiers=tiers(4)),
        "rewards.0.tiers.0.amount_minor",
        "points has no amount_minor",
    ),
    "a tier for a coupon's percentage": (
        one(give=COUPON, tiers=[{"from": 4, "percent": "20"}]),
        "rewards.0.tiers.0.percent",
        "coupon has no percent",
    ),
    "a milestone in a value of another kind": (
        one(give=CREDIT, milestones=[{"at": 3, "quantity": 5}]),
        "rewards.0.milestones.0.quantity",
        "credit has no quantity",
    ),
    "a tier that changes nothing": (one(tiers=[{"from": 4}]), "rewards.0.tiers.0", "changes nothing"),
    "tiers that do not ascend": (one(tiers=tiers(4, 10, 7)), "rewards.0.tiers.2.from", "after 10"),
    "tiers from the same one on": (one(tiers=tiers(4, 4)), "rewards.0.tiers.1.from", "after 4"),
    "two milestones at one place": (one(milestones=at(3, 1, 3)), "rewards.0.milestones.2.at", "at 3"),
    "milestones and every": (one(milestones=at(3), every=2), "rewards.0.every", "milestones"),
    "milestones and tiers": (one(milestones=at(3), tiers=tiers(4)), "rewards.0.tiers", "milestones"),
    "a tier beyond the cap": (
        one(tiers=tiers(2, 6), cap={"count": 5}),
        "rewards.0.tiers.1.from",
        "cap ends it after 5",
    ),
    "a tier beyond the cap of each second one": (
        one(tiers=tiers(4, 11), every=2, cap={"count": 5}),
        "rewards.0.tiers.1.from",
        "cap ends it after 5",
    ),
    "more milestones than the cap allows": (
        one(milestones=at(10, 1, 3), cap={"count": 2}),
        "rewards.0.milestones.0.at",
        "cap ends it after 2",
    ),
    "a tier beyond the largest number of referees": (
        document(reward(tiers=tiers(2, 6)), eligibility={"max_referees_per_referrer": 5}),
        "rewards.0.tiers.1.from",
        "at most 5 referees",
    ),
    "a milestone beyond the largest number of referees": (
        document(reward(on="claimed", milestones=at(3, 6)), eligibility={"max_referees_per_referrer": 5}),
        "rewards.0.milestones.1.at",
        "at most 5 referees",
    ),
    "each n-th of fewer referees": (
        document(reward(every=6), eligibility={"max_referees_per_referrer": 5}),
        "rewards.0.every",
        "Nothing would ever be granted",
    ),
    "a referee's second conversion": (one(side="referee", tiers=tiers(2)), "rewards.0.tiers.0.from", "comes once"),
    "each second conversion of a referee": (one(side="referee", every=2), "rewards.0.every", "comes once"),
    "a reserve without a budget": (document(budget={"reserve": "claimed"}), "budget.reserve", "no budget"),
    "a budget of money for what weighs none": (
        document(reward(give=POINTS), budget={"amount_minor": 1000}),
        "budget.amount_minor",
        "value_minor",
    ),
    "a reserve for a share that has no maximum": (
        document(reward(give=PERCENT), budget={"amount_minor": 1000, "reserve": "claimed"}),
        "rewards.0.give.max_amount_minor",
        "set a maximum",
    ),
    "more distinct days than the window has": (
        document(
            qualification={
                "within_days": 7,
                "steps": [{"key": "a", "event": "visit", "distinct_days": True, "count": 11}],
            },
            attribution={"late_claim_days": 2},
        ),
        "qualification.steps.0.count",
        "10 at most",
    ),
    "a weight beyond the budget": (
        document(reward(give=COUPON, value_minor=1001), budget={"amount_minor": 1000}),
        "rewards.0.value_minor",
        "more than the whole budget",
    ),
    "a coupon that ends before its hold does": (
        document(
            reward(give=COUPON | {"valid_until": "2026-12-24T00:00:00Z"}, hold_days=14),
            schedule={"starts_at": "2026-12-10T00:00:00Z"},
        ),
        "rewards.0.give.valid_until",
        "hold_days",
    ),
    "a prize that is over when it is given": (
        document(
            prizes=[{"rank": 1, "give": COUPON | {"valid_until": "2026-12-24T00:00:00Z"}}],
            schedule={"ends_at": "2026-12-24T00:00:00Z"},
        ),
        "prizes.0.give.valid_until",
        "when the prizes are given",
    ),
    "a program that ends before it starts": (
        document(schedule={"starts_at": "2026-12-24T00:00:00Z", "ends_at": "2026-12-23T00:00:00Z"}),
        "schedule.ends_at",
        "before it starts",
    ),
    "two prizes for one rank": (
        document(prizes=[{"rank": 1, "give": CREDIT}, {"rank": 1, "give": POINTS}]),
        "prizes.1.rank",
        "rank 1",
    ),
    "a prize as a percentage": (
        document(prizes=[{"rank": 1, "give": PERCENT}]),
        "prizes.0.give.percent",
        "no purchase",
    ),
    "a prize by the amount spent": (
        document(prizes=[{"rank": 1, "give": BY_AMOUNT}]),
        "prizes.0.give.per_minor",
        "no amount",
    ),
    "a prize that is half a coupon": (
        document(prizes=[{"rank": 1, "give": {"kind": "coupon"}}]),
        "prizes.0.give.percent_off",
        "takes something off",
    ),
}

ALLOWED: dict[str, Document] = {
    "an account in a currency of three decimals": document() | {"currency": "KWD"},
    "distinct days of several events": steps({"key": "a", "distinct_days": True, "count": 2}),
    "a percentage of the purchase among the steps": document(reward(give=PERCENT), qualification=MIXED),
    "a percentage of the step that is a purchase": document(reward(on="step:buy", give=PERCENT), qualification=MIXED),
    "a percentage of every purchase of a program without purchases": document(
        reward(on="every_purchase", give=PERCENT), qualification=SIGNUP
    ),
    "points by the amount of a custom event": one(on="event:trip", give=BY_AMOUNT),
    "a reward for the signup": one(on="event:signup"),
    "a hold and a time to accept as long as the reward lives": one(
        hold_days=30, accept_within_days=30, expires_days=30
    ),
    "a coupon without an end": one(give=COUPON, expires_days=30),
    "a coupon from a day on": one(give=COUPON | {"valid_from": "2026-12-24T00:00:00Z"}),
    "a limit on purchases": one(on="repeat_purchase", limit={"count": 3, "months": 12}),
    "a limit on the own purchases": one(side="self", on="every_purchase", limit={"count": 3}),
    "a cap on count and amount": one(cap={"count": 3, "amount_minor": 500, "per": "rolling_30_days"}),
    "a tier within the cap": one(tiers=tiers(5), cap={"count": 5}),
    "a tier beyond a cap that opens again": one(tiers=tiers(6), cap={"count": 5, "per": "calendar_month"}),
    "a tier within the cap of each second one": one(tiers=tiers(10), every=2, cap={"count": 5}),
    "as many distinct days as the window has": document(
        qualification={"within_days": 7, "steps": [{"key": "a", "distinct_days": True, "count": 10}]},
        attribution={"late_claim_days": 2},
    ),
    "a weight as large as the budget": document(reward(give=COUPON, value_minor=1000), budget={"amount_minor": 1000}),
    "a tier with a badge alone": one(give=CUSTOM, tiers=[{"from": 3, "badge": "gold"}]),
    "milestones in any order": one(milestones=at(10, 1, 3), cap={"count": 3}),
    "tiers of a referee's purchases": one(side="referee", on="every_purchase", tiers=tiers(2)),
    "tiers of a referee who may convert again": document(
        reward(side="referee", tiers=tiers(2)), on_refund={"requalify": True}
    ),
    "kept rewards that are earned once": one(on_refund="keep"),
    "kept rewards of the claim, which ignore refunds": document(
        reward(on="claimed", on_refund="keep"), on_refund={"requalify": True}
    ),
    "a weight for points": document(reward(give=POINTS, value_minor=5), budget={"amount_minor": 1000}),
    "a budget of money for prizes": document(
        reward(give=POINTS), prizes=[{"rank": 1, "give": CREDIT}], budget={"amount_minor": 10}
    ),
    "a reserve for a share with a maximum": document(
        reward(give=PERCENT | {"max_amount_minor": 5}), budget={"amount_minor": 10, "reserve": "claimed"}
    ),
    "a reserve by number for a share without one": document(
        reward(give=PERCENT), budget={"count": 10, "reserve": "claimed"}
    ),
    "prizes with gaps between the ranks": document(prizes=[{"rank": 10, "give": CREDIT}, {"rank": 1, "give": QUOTA}]),
    "a claim long after the click's window": document(attribution={"window_days": 1, "late_claim_days": 30}),
}


@pytest.mark.parametrize(("doc", "path", "why"), CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_a_contradiction_is_refused_naming_the_field_and_the_reason(doc: Document, path: str, why: str) -> None:
    with pytest.raises(InvalidTerms) as caught:
        parse_terms(doc)

    errors = dict(caught.value.errors or {})
    assert list(errors) == [path]
    assert why in errors[path][0]


@pytest.mark.parametrize("doc", ALLOWED.values(), ids=ALLOWED.keys())
def test_what_is_merely_unusual_is_accepted(doc: Document) -> None:
    parse_terms(doc)


def test_every_contradiction_is_reported_at_once() -> None:
    doc = document(
        reward(side="self", give={"kind": "coupon"}),
        reward(on="step:nowhere"),
        schedule={"starts_at": "2026-12-24T00:00:00Z", "ends_at": "2026-12-23T00:00:00Z"},
    )
    with pytest.raises(InvalidTerms) as caught:
        parse_terms(doc)

    assert list(caught.value.errors or {}) == [
        "rewards.1.key",
        "rewards.0.side",
        "rewards.0.give.percent_off",
        "rewards.1.on",
        "schedule.ends_at",
    ]
