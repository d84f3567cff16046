"""Examples for the OpenAPI document."""

from __future__ import annotations

OPEN_APP = {"name": "Shop", "mode": "test", "now": "2022-03-01T00:00:00Z"}
_APP = {
    "id": "app_01k0c7q2v8f3w9n5x4z6t1r0me",
    "name": "Shop",
    "slug": "shop",
    "mode": "test",
    "created_at": "2026-11-21T10:00:00Z",
}
OPENED_APP = {
    **_APP,
    "now": "2022-03-01T00:00:00Z",
    "api_key": "sk_test_" + "4fK9" + 39 * "x",
}
APPS = {"items": [_APP], "next_cursor": None}
CREATE_KEY = {"name": "Checkout", "scopes": ["write"], "expires_at": None}
_KEY = {
    "id": "key_01k0c7r5d2a8h4j6k9m3p7s1vb",
    "name": "Checkout",
    "prefix": "sk_live_4fK9",
    "scopes": ["write"],
    "created_at": "2026-11-21T10:00:00Z",
    "expires_at": None,
    "revoked_at": None,
}
NEW_KEY = {**_KEY, "api_key": "sk_live_" + "4fK9" + 39 * "x"}
KEYS = {"items": [_KEY], "next_cursor": None}
ROTATE_KEY = {"grace_seconds": 86400}
