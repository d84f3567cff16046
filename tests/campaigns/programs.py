"""The programs that the campaigns play: each brings a few parts of the terms to where they meet one another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from campaigns.terms import (
    Budget,
    Cap,
    Condition,
    CouponTerms,
    Give,
    Nth,
    RewardTerms,
    Schedule,
    Step,
    Terms,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
SHARE = Give("percent", percent=Decimal("12.50"), ceiling_minor=3000)
TENTH = Give("percent", percent=Decimal(10))
CREDIT = RewardTerms("credit", "referrer", Give("credit", 1000), hold_days=14)
PLUS = (("plan", ("plus", "pro")),)

# The first purchase converts, and both sides get something for it.
PLAIN = {
    "held": Terms(
        min_amount_minor=2000,
        rewards=(CREDIT, RewardTerms("share", "referee", SHARE, hold_days=14)),
    ),
    "prompt": Terms(
        min_amount_minor=2000,
        rewards=(
            RewardTerms("credit", "referrer", Give("credit", 999)),
            RewardTerms("points", "referee", Give("points", 501), keep=True),
        ),
    ),
    "mixed": Terms(
        touch="first",
        min_amount_minor=2000,
        below_minimum="proportional",
        rewards=(
            RewardTerms("points", "referrer", Give("points", 500), hold_days=30),
            RewardTerms("share", "referee", SHARE, hold_days=120),
            RewardTerms("bonus", "referrer", SHARE, hold_days=100),
        ),
    ),
    "euro": Terms(
        currency="EUR",
        referee_is_new=False,
        late_claim_days=2,
        within_days=20,
        rewards=(
            RewardTerms("credit", "referee", Give("credit", 1000), hold_days=3),
            RewardTerms("kept", "referrer", Give("percent", percent=Decimal(5)), hold_days=40, keep=True),
        ),
    ),
}

WHOLE = {
    "steps": Terms(
        referee_is_new=False,
        ordered=True,
        steps=(
            Step("signup", (Condition("signup"),)),
            Step("orders", (Condition(min_amount_minor=2000, count=2, distinct_days=True),)),
        ),
        rewards=(
            RewardTerms("welcome", "referee", Give("points", 100), on="step:signup", hold_days=20),
            RewardTerms("credit", "referrer", Give("credit", 1000), on="step:orders", hold_days=14),
            RewardTerms("share", "referee", SHARE, hold_days=14),
        ),
    ),
    "spend": Terms(
        referee_is_new=False,
        below_minimum="proportional",
        steps=(Step("spend", (Condition("task", min_amount_minor=20_000), Condition(cumulative_minor=8000))),),
        rewards=(
            RewardTerms("points", "referee", Give("points", 3, per_minor=1000), hold_days=10),
            RewardTerms("quota", "referrer", Give("quota", 512, unit="MB"), hold_days=3),
        ),
    ),
    "club": Terms(
        referee_is_new=False,
        spent="write_off",
        rewards=(
            RewardTerms("points", "self", Give("points", 1, per_minor=100), on="every_purchase", expires_days=20),
            RewardTerms("task", "self", Give("points", 500), on="event:task", limit_count=2, hold_days=2),
            RewardTerms("friend", "referrer", Give("points", 700), expires_days=40),
        ),
    ),
    "partner": Terms(
        referee_is_new=False,
        rewards=(
            RewardTerms("first", "referee", Give("credit", 300), on="claimed"),
            RewardTerms("share", "referrer", TENTH, on="every_purchase", limit_months=2, hold_days=5),
            RewardTerms("more", "referee", TENTH, on="repeat_purchase", limit_count=3, hold_days=30),
        ),
    ),
    "capped": Terms(
        referee_is_new=False,
        rewards=(
            RewardTerms(
                "credit", "referrer", Give("credit", 1000), cap=Cap(count=2, per="rolling_30_days"), hold_days=3
            ),
            RewardTerms("share", "referrer", SHARE, cap=Cap(amount=700), hold_days=30),
            RewardTerms("tiered", "referrer", Give("points", 10), tiers=(Nth(2, 20), Nth(3, 40, badge="gold"))),
            RewardTerms("own", "referee", TENTH, audience=PLUS, hold_days=1),
        ),
    ),
    "budget": Terms(
        referee_is_new=False,
        budget=Budget(amount_minor=3500, count=6),
        rewards=(
            RewardTerms("credit", "referrer", Give("credit", 1000), hold_days=20),
            RewardTerms("share", "referee", SHARE, hold_days=20),
            RewardTerms("mug", "referrer", Give("custom"), value_minor=600),
        ),
    ),
    "reserved": Terms(
        min_amount_minor=2000,
        within_days=20,
        budget=Budget(amount_minor=4000, count=5, at_claim=True),
        rewards=(
            RewardTerms("hello", "referee", Give("points", 50), on="claimed", value_minor=100),
            RewardTerms("share", "referrer", SHARE, hold_days=10),
        ),
    ),
    # Nothing is given at the claim, and all the same something happens there.
    "promised": Terms(
        min_amount_minor=2000,
        within_days=20,
        budget=Budget(amount_minor=100_000, count=2, at_claim=True),
        rewards=(RewardTerms("share", "referrer", SHARE), RewardTerms("theirs", "referee", SHARE)),
    ),
    "offers": Terms(
        min_amount_minor=2000,
        rewards=(
            RewardTerms("offer", "referrer", Give("credit", 800), hold_days=4, accept_within_days=5, expires_days=15),
            RewardTerms("share", "referee", SHARE, accept_within_days=30),
        ),
    ),
    "coupons": Terms(
        referee_is_new=False,
        rewards=(
            RewardTerms(
                "welcome", "referee", Give("coupon", coupon=CouponTerms(valid_days=30, restore=True)), on="claimed"
            ),
            RewardTerms("off", "referrer", Give("coupon", coupon=CouponTerms(None, 500)), hold_days=2, expires_days=20),
            RewardTerms("mug", "referee", Give("custom"), hold_days=5),
        ),
    ),
    "contest": Terms(
        referee_is_new=False,
        schedule=Schedule(ends_at=START + timedelta(days=20, hours=6), sunset_days=10),
        prizes=(Give("credit", 50_000), Give("points", 20_000)),
        rewards=(
            RewardTerms(
                "badge", "referrer", Give("points", 5), milestones=(Nth(1, badge="new"), Nth(3, 50, badge="pro"))
            ),
            RewardTerms("second", "referrer", Give("credit", 200), every=2, hold_days=7),
        ),
    ),
    "again": Terms(
        min_amount_minor=2000,
        requalify=True,
        spent="write_off",
        rewards=(CREDIT, RewardTerms("share", "referee", SHARE, cap=Cap(count=2))),
    ),
    "picky": Terms(
        referee_is_new=False,
        referrer_has_purchased=True,
        one_program=True,
        most_referees=2,
        referee_audience=PLUS,
        rewards=(CREDIT,),
    ),
}
PROGRAMS = {**PLAIN, **WHOLE}
