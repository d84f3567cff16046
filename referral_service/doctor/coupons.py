"""I8, coupons: each stands where its reward stands, ends when it does, and was used by one order within its time."""

from __future__ import annotations

from referral_service.doctor.books import Question

OF_REWARDS = "FROM coupons c JOIN rewards w ON w.app_id = c.app_id AND w.id = c.reward_id WHERE c.app_id = :app_id"
# A used one stays so, also when its reward is taken back.
UNUSED_STATE = (
    "CASE w.state WHEN 'available' THEN 'active' WHEN 'clawed_back' THEN 'revoked' "
    "WHEN 'expired' THEN 'expired' ELSE '' END"
)

COUPONS = (
    Question(
        "coupons",
        f"SELECT c.id AS object_id, c.state, w.state AS other {OF_REWARDS} AND ("
        "(c.redeemed_order IS NOT NULL AND (c.state <> 'redeemed' OR w.state NOT IN ('redeemed', 'clawed_back'))) "
        f"OR (c.redeemed_order IS NULL AND c.state <> {UNUSED_STATE}))",
        "It is {state}, which does not go with its order or its reward, which is {other}.",
    ),
    Question(
        "rewards",
        "SELECT w.id AS object_id, w.state, count(c.id) AS given FROM rewards w "
        "LEFT JOIN coupons c ON c.app_id = w.app_id AND c.reward_id = w.id WHERE w.app_id = :app_id "
        "GROUP BY w.id, w.state, w.kind, w.released_at HAVING count(c.id) <> "
        "CASE WHEN w.kind = 'coupon' AND w.released_at IS NOT NULL THEN 1 ELSE 0 END",
        "It is {state} and has {given} coupons: a released one has one, and no other reward has any.",
    ),
    Question(
        "coupons",
        f"SELECT c.id AS object_id {OF_REWARDS} "
        "AND (((c.valid_until IS NULL) <> (w.expires_at IS NULL)) OR c.valid_until <> w.expires_at)",
        "It does not end when its reward does.",
    ),
    Question(
        "coupons",
        "SELECT id AS object_id FROM coupons WHERE app_id = :app_id "
        "AND ((redeemed_order IS NULL) <> (redeemed_at IS NULL) OR redeemed_at < valid_from "
        "OR redeemed_at >= valid_until)",
        "It was used outside its time, or at no time.",
    ),
    Question(
        "coupons",
        "SELECT id AS object_id FROM coupons WHERE app_id = :app_id "
        "AND (percent_off_hundredths IS NULL) = (amount_off_minor IS NULL)",
        "It takes off both a percentage and an amount, or neither.",
    ),
)
