"""Examples for the OpenAPI document."""

from __future__ import annotations

from typing import Any

_REWARD = "rwd_01k0c8bq7dfc1n3g5s8z2y4hkp"

FULFIL = {"reference": "parcel 00340434161094"}
DECISION = {"reason": "The friend is a second account of the same person."}
ORDER = {"order_id": "o-7"}
COUPON: dict[str, Any] = {
    "code": "FRIEND-7Q2M4XTD",
    "percent_off": "15.00",
    "amount_off_minor": None,
    "currency": "USD",
    "valid_from": "2026-11-21T10:05:01Z",
    "valid_until": "2026-12-21T10:05:01Z",
    "state": "active",
    "valid": True,
    "reason": None,
    "customer_id": "bob",
    "reward_id": _REWARD,
    "program_id": "prg_01k0c7q2v8f3w9n5x4z6t1r0me",
    "redeemed_order": None,
    "redeemed_at": None,
}
REDEEMED_COUPON = {
    **COUPON,
    "state": "redeemed",
    "valid": False,
    "reason": "coupon_redeemed",
    "redeemed_order": "o-7",
    "redeemed_at": "2026-11-24T18:30:00Z",
}
