"""Examples for the OpenAPI document."""

from __future__ import annotations

NOTIFICATIONS = {
    "items": [
        {
            "type": "balance.changed",
            "id": "ntf_01k0c7v2m4x8s1d5f7g9h3j6kp",
            "timestamp": "2026-11-21T10:00:00Z",
            "api_version": "v1",
            "object_id": "acc_01k0c7v2m4x8s1d5f7g9h3j6kp",
            "sequence": 3,
            "position": 42,
            "data": {
                "object": {"customer_id": "alice", "unit": "USD", "available": 1000, "pending": 0},
                "previous_state": None,
                "state": "changed",
                "reason": "hold_ended",
            },
        }
    ],
    "next_cursor": None,
}
