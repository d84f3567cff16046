from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from terms_documents import (
    RECIPES,
    any_of_several,
    contest,
    document,
    gift_voucher,
    partner_commission,
    reward,
    storage_boost,
)

from referral_service.kit.strict_json import dumps, loads
from referral_service.programs.terms.document import (
    Alternative,
    Coupon,
    Credit,
    Filter,
    Give,
    Percent,
    Points,
    Quota,
    Terms,
    Tier,
)
from referral_service.programs.terms.parse import InvalidTerms, parse_terms

# SHAPES.md, "Terms", letter by letter; only the example rewards and prizes are left out.
SHAPES_DEFAULTS: dict[str, Any] = {
    "attribution": {"touch": "last", "window_days": 30, "late_claim_days": 7, "evidence": ["link", "code"]},
    "eligibility": {
        "referee_is_new": True,
        "referrer_has_purchased": False,
        "referee_audience": {},
        "referrer_audience": {},
        "one_program_per_referee": False,
        "max_referees_per_referrer": None,
    },
    "qualification": {
        "within_days": 90,
        "ordered": False,
        "steps": [
            {
                "key": "first_purchase",
                "event": "purchase",
                "min_amount_minor": 0,
                "count": 1,
                "cumulative_minor": None,
                "distinct_days": False,
                "where": {},
                "exclude": {},
            }
        ],
    },
    "on_refund": {"spent": "negative_balance", "below_minimum": "reverse", "requalify": False},
    "budget": {"amount_minor": None, "count": None, "reserve": "granted"},
    "schedule": {"starts_at": None, "ends_at": None, "sunset_days": 90},
    "prizes": [],
}
SHAPES_REWARD_DEFAULTS: dict[str, Any] = {
    "hold_days": 0,
    "accept_within_days": None,
    "expires_days": None,
    "tiers": [],
    "every": None,
    "milestones": [],
    "cap": None,
    "audience": {},
    "limit": {"count": None, "months": None},
    "value_minor": 0,
    "on_refund": "reverse",
}


def refusal(doc: object) -> dict[str, list[str]]:
    with pytest.raises(InvalidTerms) as caught:
        parse_terms(doc)
    assert caught.value.errors is not None
    return dict(caught.value.errors)


# --- defaults and the canonical form -------------------------------------------------------------------------


def test_only_currency_and_rewards_are_required_and_the_rest_is_as_published() -> None:
    canonical, _ = parse_terms({"currency": "USD", "rewards": [reward()]})

    assert canonical == {"currency": "USD", "rewards": [reward() | SHAPES_REWARD_DEFAULTS], **SHAPES_DEFAULTS}


def test_an_empty_section_means_its_defaults() -> None:
    sections: dict[str, Any] = {name: {} for name in SHAPES_DEFAULTS if name != "prizes"}
    assert parse_terms(document(**sections)) == parse_terms(document())


def test_the_defaults_of_the_document_are_those_of_the_frozen_classes() -> None:
    _, terms = parse_terms(document())
    assert terms == Terms(currency="USD", rewards=terms.rewards)


def test_a_step_without_key_or_event_is_the_first_purchase() -> None:
    canonical, _ = parse_terms(document(qualification={"steps": [{"min_amount_minor": 1000}]}))
    (step,) = canonical["qualification"]["steps"]
    assert step == SHAPES_DEFAULTS["qualification"]["steps"][0] | {"min_amount_minor": 1000}


def test_a_step_for_another_event_must_be_given_a_key() -> None:
    errors = refusal(document(qualification={"steps": [{"event": "signup"}]}))
    assert errors == {"qualification.steps.0.key": ["Missing data for required field."]}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
def test_every_recipe_is_expressible_and_its_canonical_form_stays_what_it_is(recipe: Any) -> None:
    said = recipe()
    before = copy.deepcopy(said)

    canonical, terms = parse_terms(said)

    assert said == before, "the sender's document is not ours to change"
    assert parse_terms(canonical) == (canonical, terms)
    assert parse_terms(loads(dumps(canonical), max_bytes=65536)) == (canonical, terms)


def test_percents_times_and_evidence_are_written_in_one_way() -> None:
    give = {"kind": "percent", "percent": "7.5"}
    said = document(
        reward(give=give),
        attribution={"evidence": ["code", "link"]},
        schedule={"ends_at": "2026-12-24T02:00:00.50+02:00"},
    )

    canonical, _ = parse_terms(said)

    assert canonical["rewards"][0]["give"]["percent"] == "7.50"
    assert canonical["attribution"]["evidence"] == ["link", "code"]
    assert canonical["schedule"]["ends_at"] == "2026-12-24T00:00:00.500000Z"


# --- the frozen terms ------------------------------------------------------------------------------------------


def test_terms_carry_types_that_rules_can_reckon_with() -> None:
    _, commission = parse_terms(partner_commission())
    _, voucher = parse_terms(gift_voucher())
    _, boost = parse_terms(storage_boost())
    coupon = voucher.rewards[0].give

    assert commission.attribution.window == timedelta(days=60)
    assert commission.attribution.late_claim == timedelta(days=7)
    assert commission.qualification.within == timedelta(days=90)
    assert commission.rewards[0].hold == timedelta(days=30)
    assert commission.rewards[0].give == Percent(Decimal("20.00"))
    assert isinstance(coupon, Coupon)
    assert coupon.valid_until == datetime(2027, 1, 6, 22, tzinfo=UTC)
    assert voucher.schedule.ends_at == datetime(2026, 12, 24, tzinfo=UTC)
    assert boost.rewards[4].event_type == "tour.finished"
    assert boost.rewards[2].audience.accepts({"plan": "plus"})
    assert not boost.rewards[2].audience.accepts({"plan": "free"})
    assert not boost.rewards[2].audience.accepts({})


def test_alternatives_keep_their_own_conditions() -> None:
    _, terms = parse_terms(any_of_several())
    spend, purchase = terms.qualification.steps

    assert spend.written_as_any_of
    assert [alternative.event for alternative in spend.alternatives] == ["transfer", "card", "purchase"]
    assert spend.alternatives[0].where == Filter((("channel", ("app", "web")), ("tier", ("plus",))))
    assert spend.alternatives[2].exclude == ("gift_card",)
    assert purchase.alternatives == (Alternative(min_amount_minor=500),)
    assert terms.rewards[0].step_key == "spend"


def test_tiers_say_from_which_one_on() -> None:
    tiers = [{"from": 4, "amount_minor": 2000}, {"from": 9, "badge": "gold"}]
    _, terms = parse_terms(document(reward(tiers=tiers)))
    assert terms.rewards[0].tiers == (Tier(4, amount_minor=2000), Tier(9, badge="gold"))


def test_a_wallet_counts_each_kind_in_its_own_unit() -> None:
    terms = Terms(currency="EUR")
    gives: list[Give] = [Credit(1), Percent(Decimal(1)), Points(1), Quota(1, "MB"), Coupon(amount_off_minor=1)]
    assert [terms.unit_of(give) for give in gives] == ["EUR", "EUR", "points", "MB", None]


def test_equal_terms_are_equal_and_can_be_keys() -> None:
    for recipe in RECIPES.values():
        assert len({parse_terms(recipe())[1], parse_terms(recipe())[1]}) == 1


def test_the_contest_gives_prizes_alone() -> None:
    _, terms = parse_terms(contest())
    assert terms.rewards == ()
    assert [prize.rank for prize in terms.prizes] == [1, 2]
