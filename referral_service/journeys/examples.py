"""Examples for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from referral_service.kit.errors import InvalidRequest

_PROGRAM, _REFERRAL = "prg_01k0c7q2v8f3w9n5x4z6t1r0me", "ref_01k0c8aaj5e0hr7k2m9x4v6tqw"
_REWARD_A, _REWARD_B = "rwd_01k0c8bq7dfc1n3g5s8z2y4hkp", "rwd_01k0c8bq7dfc1n3g5s8z2y4hkq"

CLAIM = {"code": "K7QM3XTS", "referee": {"customer_id": "bob", "email": "bob@example.com"}}
REFERRAL: dict[str, Any] = {
    "id": _REFERRAL,
    "program_id": _PROGRAM,
    "program_version": 1,
    "state": "pending",
    "reason": None,
    "referrer": {"customer_id": "alice"},
    "referee": {"customer_id": "bob"},
    "claimed_at": "2026-11-21T10:00:00Z",
    "converted_at": None,
    "expires_at": "2027-02-19T10:00:00Z",
}
REFERRALS = {"items": [REFERRAL], "next_cursor": None}
REVIEW = {"reason": "Looked at by support: two people of one household."}
MIGRATE = {"to_version": 2, "dry_run": True, "reason": "The deadline is longer now."}
MIGRATION = {
    "program_id": _PROGRAM,
    "to_version": 2,
    "dry_run": True,
    "moved": 0,
    "remaining": 1,
    "states": {"pending": 1},
    "items": [
        {
            "referral_id": _REFERRAL,
            "from_version": 1,
            "expires_at_before": "2027-02-19T10:00:00Z",
            "expires_at": "2027-05-20T10:00:00Z",
            "state": "pending",
            "reason": None,
        }
    ],
}
PURCHASE = {
    "id": "e-1",
    "type": "purchase",
    "customer_id": "bob",
    "order_id": "o-1",
    "amount": {"amount_minor": 5000, "currency": "USD"},
    "occurred_at": "2026-11-21T10:05:00Z",
}
REFUND = {
    "id": "e-2",
    "type": "refund",
    "order_id": "o-1",
    "refunded_total": {"amount_minor": 2500, "currency": "USD"},
    "occurred_at": "2026-11-22T09:00:00Z",
}
DISPUTE = {
    "id": "e-3",
    "type": "dispute",
    "order_id": "o-1",
    "status": "opened",
    "occurred_at": "2026-11-23T09:00:00Z",
}
SIGNUP = {"id": "e-4", "type": "signup", "customer_id": "bob", "occurred_at": "2026-11-21T10:00:00Z"}
EVENTS: dict[str, Any] = {
    "purchase": {"summary": "A purchase is confirmed.", "value": PURCHASE},
    "refund": {"summary": "What has been refunded of an order in all.", "value": REFUND},
    "dispute": {"summary": "A payment is disputed.", "value": DISPUTE},
    "custom": {"summary": "An event of your own.", "value": SIGNUP},
    "batch": {"summary": "Several at once.", "value": {"events": [SIGNUP, PURCHASE]}},
}
_RESULT = {
    "program_id": _PROGRAM,
    "referral_id": _REFERRAL,
    "outcome": "converted",
    "reason": None,
    "reward_ids": [_REWARD_A, _REWARD_B],
}
CONVERTED = {
    "id": "e-1",
    "outcome": "converted",
    "reason": None,
    "duplicate": False,
    "referral_id": _REFERRAL,
    "reward_ids": [_REWARD_A, _REWARD_B],
    "results": [_RESULT],
}
_INVALID = {
    "id": "e-5",
    "outcome": "invalid",
    "error": InvalidRequest(errors={"occurred_at": ["Missing data for required field."]}).to_document(
        "https://refer.example.com"
    ),
}
EVENT_ANSWERS: dict[str, Any] = {
    "seen_before": {"summary": "The first answer again.", "value": {**CONVERTED, "duplicate": True}},
    "batch": {"summary": "One answer for each item.", "value": {"results": [CONVERTED, _INVALID]}},
}
REWARD: dict[str, Any] = {
    "id": _REWARD_A,
    "key": "referrer_credit",
    "side": "referrer",
    "state": "pending",
    "kind": "credit",
    "reason": None,
    "badge": None,
    "ordinal": 1,
    "amount": {"amount_minor": 1000, "currency": "USD"},
    "reversed": {"amount_minor": 0, "currency": "USD"},
    "customer_id": "alice",
    "referral_id": _REFERRAL,
    "program_id": _PROGRAM,
    "hold_ends_at": "2026-12-05T10:05:00Z",
    "accept_by": None,
    "expires_at": None,
    "created_at": "2026-11-21T10:05:01Z",
    "coupon": None,
}
REWARDS = {"items": [REWARD], "next_cursor": None}
EXPLANATION = {
    "referral_id": _REFERRAL,
    "state": "pending",
    "summary": "Waiting for the first purchase of at least 10.00 USD until 2027-02-19T10:00:00Z.",
    "touches": [{"kind": "code", "at": "2026-11-21T10:00:00Z", "code": "K7QM3XTS", "counted": True, "reason": None}],
    "checks": [
        {
            "rule": "qualification.min_amount",
            "required": "10.00 USD",
            "observed": "5.00 USD",
            "passed": False,
            "at": "2026-11-21T10:05:00Z",
        }
    ],
    "next_step": "Waiting for the first purchase of at least 10.00 USD.",
    "deadline": "2027-02-19T10:00:00Z",
    "rewards": [{"key": "referrer_credit", "state": "expected", "reason": None, "expected_at": None}],
}
ADVANCE = {"seconds": 86400}
ADVANCED = {"now": "2026-11-22T10:00:00Z"}
