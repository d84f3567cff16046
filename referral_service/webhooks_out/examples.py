"""Examples for the API's documentation."""

from __future__ import annotations

from typing import Any

_ID = "whe_01kq2m8v6wf8dr0c1h3zb2n4xj"
_NOTIFICATION_ID = "ntf_01kq2m9a5hf6bt3v0x8c7d2e1f"
_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDn3jT0GxW5aU="

ADD_ENDPOINT: dict[str, Any] = {"url": "https://shop.example/hooks/referrals", "events": ["reward.*", "balance.*"]}
CHANGE_ENDPOINT = {"url": "https://shop.example/hooks/rewards", "events": ["reward.*"], "state": "enabled"}
ENDPOINT: dict[str, Any] = {
    "id": _ID,
    **ADD_ENDPOINT,
    "state": "enabled",
    "reason": None,
    "failing_since": None,
    "paused_until": None,
    "created_at": "2026-11-21T10:00:00Z",
}
CHANGED_ENDPOINT = ENDPOINT | CHANGE_ENDPOINT
NEW_ENDPOINT = {**ENDPOINT, "secret": _SECRET}
ENDPOINTS = {"items": [ENDPOINT], "next_cursor": None}
ROTATED_SECRET = {**NEW_ENDPOINT, "old_secret_valid_until": "2026-11-22T10:00:00Z"}
TEST_SENT = {"notification_id": _NOTIFICATION_ID}
RESEND = {"what": "failed", "from": "2026-11-21T00:00:00Z", "to": "2026-11-22T00:00:00Z"}
RESENT = {"scheduled": 312, "more": False, "after": None}
DELIVERY: dict[str, Any] = {
    "id": "dlv_01kq2m9a5gf4bs2t1v0w9x8y7z",
    "notification_id": _NOTIFICATION_ID,
    "type": "reward.available",
    "endpoint_id": _ID,
    "state": "scheduled",
    "attempts": 2,
    "next_attempt_at": "2026-11-21T10:05:04Z",
    "last_attempt_at": "2026-11-21T10:00:05Z",
    "last_status": 503,
    "last_error": None,
    "last_duration_ms": 184,
    "created_at": "2026-11-21T10:00:00Z",
    "done_at": None,
}
RESENT_DELIVERY = DELIVERY | {"attempts": 0, "next_attempt_at": "2026-11-21T10:02:00Z"}
DELIVERIES = {"items": [DELIVERY], "next_cursor": None}
