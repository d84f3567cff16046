"""Corruptions of what was spent: lots beside their rewards, and coupons."""

from __future__ import annotations

from doctor.corruptions import OF, planted

SPENT = (
    planted(
        "a reward is redeemed and its lot is full",
        "I1 I5 I8",
        f"UPDATE rewards SET state = 'redeemed' WHERE {OF.format('id', 'converted_thanks')}",
        "It is redeemed, and 1000 of its lot are left.",
    ),
    planted(
        "a reward is available and its lot is empty",
        "I1 I5 I8",
        f"UPDATE rewards SET state = 'available' WHERE {OF.format('id', 'redeemed_thanks')}",
        "It is available, and 0 of its lot are left.",
    ),
    planted(
        "a reward has expired and its lot has not lapsed",
        "I1 I5 I8",
        f"UPDATE rewards SET state = 'expired' WHERE {OF.format('id', 'converted_thanks')}",
        "It is expired, and 1000 of its lot are left.",
    ),
)

COUPONS = (
    planted(
        "a coupon stands elsewhere than its reward",
        "I8",
        f"UPDATE coupons SET state = 'revoked' WHERE {OF.format('id', 'unused_coupon')}",
        "unused_coupon",
    ),
    planted(
        "a revoked coupon can be used",
        "I8",
        f"UPDATE coupons SET state = 'active' WHERE {OF.format('id', 'revoked_coupon')}",
        "revoked_coupon",
    ),
    planted(
        "a coupon was used and its reward is still available",
        "I8",
        "UPDATE coupons SET state = 'redeemed', redeemed_order = 'o-1', redeemed_at = valid_from "
        f"WHERE {OF.format('id', 'unused_coupon')}",
        "unused_coupon",
    ),
    planted(
        "the order that used a coupon was forgotten",
        "I8",
        f"UPDATE coupons SET redeemed_order = NULL WHERE {OF.format('id', 'used_up_coupon')}",
        "used_up_coupon",
    ),
    planted(
        "a coupon was used after its end",
        "I8",
        f"UPDATE coupons SET redeemed_at = valid_until WHERE {OF.format('id', 'used_coupon')}",
        "used_coupon",
    ),
    planted(
        "a released reward has no coupon",
        "I8",
        f"DELETE FROM coupons WHERE {OF.format('id', 'unused_coupon')}",
        "unused_gift",
    ),
    planted(
        "a reward of money has a coupon",
        "I8",
        f"UPDATE coupons SET reward_id = :converted_thanks WHERE {OF.format('id', 'over_coupon')}",
        "converted_thanks",
    ),
    planted(
        "two coupons come from one reward",
        "I2 I8",
        f"UPDATE coupons SET reward_id = :used_gift WHERE {OF.format('id', 'used_up_coupon')}",
        "coupons come from the one reward",
        "coupons",
    ),
    planted(
        "a coupon outlives its reward",
        "I8",
        f"UPDATE coupons SET valid_until = NULL WHERE {OF.format('id', 'used_coupon')}",
        "used_coupon",
    ),
    planted(
        "a coupon takes nothing off",
        "I8",
        f"UPDATE coupons SET percent_off_hundredths = NULL WHERE {OF.format('id', 'over_coupon')}",
        "over_coupon",
    ),
)

SPENT_OR_NOT = SPENT + COUPONS
