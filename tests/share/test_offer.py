"""What a program offers, read from its terms: who gets what, when, and what it takes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from share.spoken import offer_from, recipe_offer, steps_offer
from terms_documents import RECIPES, document, reward

from cast import NOON
from referral_service.kit.money import Money
from referral_service.programs.load_recipe import load_recipe
from referral_service.programs.terms.parse import parse_terms
from referral_service.share.deeds import Deed, deed_of, plain_name
from referral_service.share.offer import offer_of
from referral_service.share.promised import Gift, Offer, Worth


def only(gifts: tuple[Gift, ...]) -> Gift:
    (gift,) = gifts
    return gift


def offered(recipe: str, **settings: str) -> Offer:
    return recipe_offer(recipe, **settings)[1]


def test_both_sides_of_a_ride_get_its_price_up_to_a_maximum() -> None:
    offer = offered("ride-credit")
    for gift in (only(offer.referrer), only(offer.referee)):
        assert gift.worth == Worth("percent", percent=Decimal(100), maximum=Money(3000, "USD"))
        assert (gift.moment, gift.buying) == ("converted", "ride")
        assert [(way.deed, way.minimum) for way in gift.ways] == [("ride", Money(100, "USD"))]
    assert offer.headline == only(offer.referee)


def test_a_coupon_says_how_long_it_is_good_and_a_hold_when_it_comes() -> None:
    offer = offered("friend-coupon")
    friend, thanks = only(offer.referee), only(offer.referrer)
    assert (friend.moment, friend.worth.percent, friend.expires_days, friend.tasks) == ("claimed", Decimal(15), 30, ())
    assert (thanks.worth.amount, thanks.hold_days, thanks.expires_days) == (Money(1500, "USD"), 14, 90)


def test_vouchers_have_their_dates() -> None:
    gift = only(offered("gift-voucher").referee)
    assert gift.valid_from is not None
    assert gift.valid_until is not None
    assert gift.valid_from < gift.valid_until
    assert gift.expires_days is None


def test_a_commission_lasts_for_months_and_the_friend_gets_nothing() -> None:
    offer = offered("partner-commission")
    gift = only(offer.referrer)
    assert (gift.moment, gift.limit_months, gift.buying) == ("every", 12, "purchase")
    assert offer.headline is None


def test_own_doings_are_offered_to_oneself() -> None:
    spending, birthday = offered("points-club").own
    assert spending.worth == Worth("points", quantity=1, per=Money(100, "USD"))
    assert [way.deed for way in birthday.ways] == ["birthday"]
    assert birthday.most is not None
    assert (birthday.most.count, birthday.most.per) == (1, "calendar_year")


def test_milestones_have_their_values_and_badges() -> None:
    gift = only(offered("ambassador-tiers").referrer)
    assert [(nth.number, nth.worth.amount, nth.badge) for nth in gift.milestones] == [
        (1, Money(1000, "USD"), "Starter"),
        (3, Money(3000, "USD"), "Bronze"),
        (10, Money(10_000, "USD"), "Silver"),
        (25, Money(30_000, "USD"), "Gold"),
    ]


def test_prizes_stand_in_the_order_of_their_ranks() -> None:
    offer = offered("contest")
    assert [(prize.rank, prize.worth.size) for prize in offer.prizes] == [(1, 50_000), (2, 25_000), (3, 10_000)]
    assert offer.ends_at is not None


def test_what_is_for_an_audience_is_promised_only_to_those_in_it() -> None:
    terms = parse_terms(load_recipe("storage-boost", now=NOON)["terms"])[1]
    assert [gift.worth.quantity for gift in offer_of(terms).referrer] == [500]
    assert [gift.worth.quantity for gift in offer_of(terms, referrer_attributes={"plan": "free"}).referrer] == [500]
    subscriber = offer_of(terms, referrer_attributes={"plan": "plus"})
    assert [gift.worth.quantity for gift in subscriber.referrer] == [1000]
    assert [gift.worth.quantity for gift in subscriber.referee] == [500]


def test_gifts_that_differ_in_more_than_their_amount_stay_apart() -> None:
    offer = offer_from(document(reward(), reward(key="later", hold_days=7), reward(key="more", expires_days=9)))
    assert len(offer.referrer) == 3


def test_the_headline_is_the_biggest_of_the_first_kind() -> None:
    offer = offer_from(
        document(
            reward(key="a", side="referee", give={"kind": "points", "quantity": 5}),
            reward(key="b", side="referee", give={"kind": "points", "quantity": 50}, hold_days=1),
            reward(key="c", side="referee"),
            reward(key="d", side="referee", on="every_purchase", give={"kind": "points", "quantity": 500}),
        )
    )
    assert offer.headline is not None
    assert offer.headline.key == "b"


def test_a_step_asks_for_what_comes_before_it_where_there_is_an_order() -> None:
    steps = [{"key": "in", "event": "signup"}, {"key": "buy", "event": "purchase"}, {"key": "on", "event": "visit"}]
    for ordered, keys in ((True, ["in", "buy"]), (False, ["buy"])):
        offer = offer_from(document(reward(on="step:buy"), qualification={"ordered": ordered, "steps": steps}))
        assert [task.key for task in only(offer.referrer).tasks] == keys


def test_conditions_that_cannot_be_put_into_words_are_noted() -> None:
    plain = {"key": "a", "event": "purchase"}
    assert not steps_offer(plain).has_more_conditions
    assert steps_offer(plain | {"where": {"plan": "plus"}}).has_more_conditions
    assert steps_offer(plain | {"exclude": {"category": ["gift_card"]}}).has_more_conditions


@pytest.mark.parametrize("name", RECIPES)
def test_whatever_terms_say_is_an_offer(name: str) -> None:
    offer = offer_from(RECIPES[name]())
    assert offer.referrer or offer.referee or offer.own or offer.prizes


@pytest.mark.parametrize(
    ("event", "key", "deed"),
    [
        ("purchase", "first_purchase", "purchase"),
        ("purchase", "first_trip", "ride"),
        ("purchase", "stay_paid", "booking"),
        ("purchase", "subscription", "subscription"),
        ("purchase", "installed", "purchase"),
        ("purchase", "bride", "purchase"),
        ("ride.finished", "", "ride"),
        ("bookmark", "", "other"),
        ("booking_confirmed", "", "booking"),
        ("sign-up", "", "signup"),
        ("signed_in", "", "sign_in"),
        ("override", "", "other"),
        ("tourist_tax", "", "other"),
        ("folder_shared", "", "folder"),
        ("", "", "other"),
    ],
)
def test_deeds_are_known_by_the_parts_of_their_names(event: str, key: str, deed: Deed) -> None:
    assert deed_of(event, step_key=key) == deed


def test_an_unknown_event_reads_like_words() -> None:
    assert plain_name("identity.checked_twice") == "identity checked twice"
    assert plain_name("___") == "___"
