"""Terms documents for tests: the well-known programs of PRODUCT.md, each as somebody would write it."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def reward(**said: Any) -> Document:
    """A reward of 10.00 for the referrer on the conversion, but for what is said."""
    return {
        "key": "thanks",
        "side": "referrer",
        "on": "converted",
        "give": {"kind": "credit", "amount_minor": 1000},
    } | said


def document(*rewards: Document, **sections: Any) -> Document:
    """Terms in USD with these rewards (one plain reward if none is given), and these sections."""
    return {"currency": "USD", "rewards": list(rewards) or [reward()]} | sections


def both_sides(**said: Any) -> list[Document]:
    return [reward(key="referrer", **said), reward(key="referee", side="referee", **said)]


def ride_credit() -> Document:
    give = {"kind": "percent", "percent": "100.00", "max_amount_minor": 3000}
    step = {"key": "first_trip", "event": "purchase", "min_amount_minor": 100}
    return document(*both_sides(give=give), qualification={"within_days": 30, "steps": [step]})


def storage_boost() -> Document:
    boost = {"kind": "quota", "quantity": 500, "unit": "MB"}
    cap = {"count": 32}
    subscribers = {"plan": ["plus", "professional"]}
    return document(
        *both_sides(give=boost, cap=cap),
        reward(key="referrer_double", give=boost, cap=cap, audience=subscribers),
        reward(key="referee_double", side="referee", give=boost, cap=cap, audience=subscribers),
        reward(key="tour", side="self", on="event:tour.finished", give=boost, limit={"count": 1}),
        eligibility={"referee_is_new": False},
        qualification={
            "ordered": True,
            "steps": [{"key": "installed", "event": "app_installed"}, {"key": "in", "event": "signup"}],
        },
    )


def travel_credit() -> Document:
    stay = {"key": "stay", "event": "stay_completed", "min_amount_minor": 7500}
    cap = {"amount_minor": 500_000, "per": "lifetime"}
    return document(*both_sides(expires_days=365, cap=cap), qualification={"within_days": 365, "steps": [stay]})


def friend_coupon() -> Document:
    coupon = {"kind": "coupon", "percent_off": "15.00", "valid_days": 30, "prefix": "FRIEND"}
    after_order = {"kind": "coupon", "amount_off_minor": 1500, "on_order_cancelled": "restore"}
    return document(
        reward(key="welcome", side="referee", on="claimed", give=coupon),
        reward(key="thanks", give=after_order, hold_days=14),
    )


def partner_commission() -> Document:
    commission = {"kind": "percent", "percent": "20.00"}
    return document(
        reward(key="commission", on="every_purchase", give=commission, hold_days=30, limit={"months": 12}),
        attribution={"touch": "first", "window_days": 60, "evidence": ["link"]},
        on_refund={"spent": "negative_balance", "below_minimum": "proportional"},
    )


def points_club() -> Document:
    per_dollar = {"kind": "points", "quantity": 1, "per_minor": 100}
    yearly = {"count": 1, "per": "calendar_year"}
    return document(
        reward(key="spend", side="self", on="every_purchase", give=per_dollar, expires_days=365),
        reward(key="referral", give={"kind": "points", "quantity": 500}, expires_days=365),
        reward(key="bday", side="self", on="event:birthday", give={"kind": "points", "quantity": 300}, cap=yearly),
    )


def gift_voucher() -> Document:
    voucher = {
        "kind": "coupon",
        "amount_off_minor": 2000,
        "valid_from": "2026-12-01T00:00:00Z",
        "valid_until": "2027-01-07T00:00:00+02:00",
    }
    return document(*both_sides(give=voucher), schedule={"ends_at": "2026-12-24T00:00:00Z"})


def ambassador_tiers() -> Document:
    steps = [(1, 1000, "starter"), (3, 3000, "bronze"), (10, 10_000, "silver"), (25, 30_000, "gold")]
    milestones = [{"at": at, "amount_minor": amount, "badge": badge} for at, amount, badge in steps]
    tiers = [{"from": 4, "amount_minor": 2000}, {"from": 26, "amount_minor": 4000, "badge": "legend"}]
    return document(reward(key="ladder", milestones=milestones), reward(key="each", tiers=tiers))


def contest() -> Document:
    return document(
        schedule={"starts_at": "2026-11-01T00:00:00Z", "ends_at": "2026-12-01T00:00:00Z", "sunset_days": 14},
        budget={"count": 5000, "reserve": "claimed"},
        prizes=[
            {"rank": 1, "give": {"kind": "credit", "amount_minor": 50_000}},
            {"rank": 2, "give": {"kind": "custom", "data": {"sku": "T-SHIRT", "sizes": ["S", "M"], "paid": True}}},
        ],
    ) | {"rewards": []}


def any_of_several() -> Document:
    """No recipe, but the parts that no recipe uses."""
    alternatives = [
        {"event": "transfer", "min_amount_minor": 20_000, "where": {"channel": ["app", "web"], "tier": "plus"}},
        {"event": "card", "cumulative_minor": 10_000, "count": 3, "distinct_days": True},
        {"event": "purchase", "exclude": {"category": ["gift_card"]}},
    ]
    return document(
        reward(on="step:spend", every=2, accept_within_days=7),
        reward(key="second", on="repeat_purchase", on_refund="keep", value_minor=0, limit={"count": 3}),
        reward(key="gb", on="claimed", give={"kind": "quota", "quantity": 1, "unit": "GB"}, value_minor=200),
        qualification={"steps": [{"key": "spend", "any_of": alternatives}, {"min_amount_minor": 500}]},
        eligibility={
            "referrer_has_purchased": True,
            "one_program_per_referee": True,
            "max_referees_per_referrer": 50,
            "referee_audience": {"country": ["UA", "PL"]},
            "referrer_audience": {"plan": "plus"},
        },
        budget={"amount_minor": 1_000_000, "count": None, "reserve": "granted"},
        on_refund={"spent": "write_off", "requalify": False},
    )


RECIPES = {
    recipe.__name__: recipe
    for recipe in (
        ride_credit,
        storage_boost,
        travel_credit,
        friend_coupon,
        partner_commission,
        points_club,
        gift_voucher,
        ambassador_tiers,
        contest,
        any_of_several,
    )
}
