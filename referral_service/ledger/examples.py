"""Examples for the OpenAPI document."""

from __future__ import annotations

BALANCES = {
    "items": [
        {"unit": "USD", "available": 1000, "pending": 0},
        {"unit": "points", "available": 500, "pending": 0},
    ]
}
REDEEM = {"unit": "USD", "amount": 400, "reference": "order o-9"}
ADJUST = {"unit": "USD", "amount": 500, "reason": "A voucher of ours did not work.", "expires_at": None}
ADJUSTMENT = {
    "id": "adj_01k0c7xq3v8y2b4d6f8h0k2m4n",
    "customer_id": "alice",
    **ADJUST,
    "recorded_at": "2026-11-21T10:00:00Z",
}
REDEMPTION = {
    "id": "rdm_01k0c7w4n6z1t3f5h7k9m2p4rs",
    "customer_id": "alice",
    **REDEEM,
    "recorded_at": "2026-11-21T10:00:00Z",
}
