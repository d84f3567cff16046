"""Examples for the OpenAPI document."""

from __future__ import annotations

STATS = {
    "clicks": 120,
    "claims": 40,
    "conversions": 12,
    "reversed": 1,
    "rewards": {"available": 20, "capped": 1, "pending": 3},
    "by_day": [
        {"day": "2026-11-20", "clicks": 111, "claims": 37, "conversions": 11},
        {"day": "2026-11-21", "clicks": 9, "claims": 3, "conversions": 1},
    ],
    "by_channel": [{"channel": None, "clicks": 116}, {"channel": "whatsapp", "clicks": 4}],
}
LEADERBOARD = {
    "items": [
        {"rank": 1, "customer_id": "alice", "display_name": "Alice", "conversions": 7, "badge": "silver"},
        {"rank": 3, "customer_id": "carol", "display_name": "Carol", "conversions": 2, "badge": None},
    ],
    "next_cursor": None,
}
LIABILITY = {
    "items": [
        {"unit": "USD", "outstanding": 52000, "held": 4000, "expected": 9000},
        {"unit": "points", "outstanding": 12500, "held": 0, "expected": 4500},
    ]
}
