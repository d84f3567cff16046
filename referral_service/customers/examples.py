"""Examples for the OpenAPI document."""

from __future__ import annotations

PUT_CUSTOMER = {
    "email": "alice@example.com",
    "display_name": "Alice",
    "locale": "uk",
    "leaderboard_opt_in": True,
    "invite_name_opt_in": True,
    "attributes": {"plan": "plus", "country": "UA"},
}
CUSTOMER = {
    "id": "cus_01k0c7q2v8f3w9n5x4z6t1r0me",
    "customer_id": "alice",
    **PUT_CUSTOMER,
    "created_at": "2026-11-21T10:00:00Z",
    "updated_at": "2026-11-21T10:00:00Z",
}
