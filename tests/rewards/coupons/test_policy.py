"""Where a coupon stands, and whether an order may redeem it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from cast import NOON
from referral_service.kit.ids import ALPHABET, fold
from referral_service.programs.terms.gives import Coupon
from referral_service.rewards.coupons.document import coupon_document
from referral_service.rewards.coupons.policy import (
    HeldCoupon,
    begins,
    hundredths,
    judge,
    new_text,
    standing,
)

DAY = timedelta(days=1)
COUPON = HeldCoupon(
    id="cpn_1",
    reward_id="rwd_1",
    text="FRIEND-7Q2M4XTD",
    folded="FR1END7Q2M4XTD",
    percent_off_hundredths=1500,
    amount_off_minor=None,
    currency="USD",
    valid_from=NOON,
    valid_until=NOON + 30 * DAY,
    state="active",
    redeemed_order=None,
    redeemed_at=None,
)
USED = replace(COUPON, state="redeemed", redeemed_order="o-7", redeemed_at=NOON)


@pytest.mark.parametrize(
    ("coupon", "at", "verdict"),
    [
        (COUPON, NOON - timedelta(microseconds=1), "not_yet_valid"),
        (COUPON, NOON, "redeem"),
        (COUPON, NOON + 30 * DAY - timedelta(microseconds=1), "redeem"),
        # At its end a coupon is over, as a lot is.
        (COUPON, NOON + 30 * DAY, "expired"),
        (replace(COUPON, valid_until=None), NOON + 3000 * DAY, "redeem"),
        (replace(COUPON, state="revoked"), NOON, "revoked"),
        (replace(COUPON, state="revoked"), NOON + 40 * DAY, "revoked"),
        (replace(COUPON, state="expired"), NOON, "expired"),
        (USED, NOON, "again"),
        (USED, NOON + 40 * DAY, "again"),
        (replace(USED, redeemed_order="o-8"), NOON, "redeemed"),
        (replace(USED, redeemed_order="o-8"), NOON + 40 * DAY, "redeemed"),
    ],
)
def test_a_coupon_is_good_once_within_its_time(coupon: HeldCoupon, at: object, verdict: str) -> None:
    assert judge(coupon, order_id="o-7", now=at) == verdict  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reward_state", "is_used", "state"),
    [
        ("available", False, "active"),
        ("expired", False, "expired"),
        ("clawed_back", False, "revoked"),
        ("redeemed", True, "redeemed"),
        # Nobody is charged for a coupon that was used before its reward was taken back.
        ("clawed_back", True, "redeemed"),
    ],
)
def test_a_coupon_stands_where_its_reward_stands(reward_state: str, is_used: bool, state: str) -> None:
    assert standing(reward_state, is_used=is_used) == state


def test_a_text_is_the_prefix_and_eight_random_characters_of_the_code_alphabet() -> None:
    prefix, _, body = new_text(Coupon(percent_off=Decimal(15), prefix="FRIEND")).partition("-")
    assert prefix == "FRIEND"
    assert len(body) == 8
    assert set(body) <= set(ALPHABET)
    plain = new_text(Coupon(percent_off=Decimal(15)))
    assert len(plain) == 8
    assert fold(plain) == plain


def test_texts_are_drawn_evenly_from_the_whole_alphabet() -> None:
    drawn = "".join(new_text(Coupon(amount_off_minor=100)) for _ in range(4000))
    # 32,000 draws of 32 characters: each comes 1,000 times, give or take 31; eight times that is never seen.
    assert {character for character in ALPHABET if abs(drawn.count(character) - 1000) > 250} == set()


def test_a_coupon_is_valid_from_its_release_unless_the_terms_name_a_time() -> None:
    assert begins(Coupon(percent_off=Decimal(5)), released_at=NOON) == NOON
    assert begins(Coupon(percent_off=Decimal(5), valid_from=NOON + DAY), released_at=NOON) == NOON + DAY


@pytest.mark.parametrize(
    ("percent", "stored", "told"), [("15.00", 1500, "15.00"), ("7.5", 750, "7.50"), ("0.01", 1, "0.01")]
)
def test_percentages_are_kept_and_told_to_the_hundredth(percent: str, stored: int, told: str) -> None:
    assert hundredths(Decimal(percent)) == stored
    assert coupon_document(replace(COUPON, percent_off_hundredths=stored))["percent_off"] == told


def test_an_amount_off_has_no_percentage() -> None:
    assert hundredths(None) is None
    document = coupon_document(replace(COUPON, percent_off_hundredths=None, amount_off_minor=500))
    assert (document["percent_off"], document["amount_off_minor"], document["currency"]) == (None, 500, "USD")
