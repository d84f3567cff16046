"""What stands in the addresses of invitations, as the reference tells it."""

from __future__ import annotations

from typing import Any

from referral_service.kit.http.parameters import path_parameter
from referral_service.share.pages.page import LANGUAGE_PARAMETER

SIGNED_CODE = path_parameter("signed_code", "A signed code.", example="A11CE200000010019FG5ZPB72R3WY6N3")
SLUG = path_parameter("app_slug", "The app's slug.", example="shop")
CODE = path_parameter("code", "A public code.", example="ALICE20")
LANG: dict[str, Any] = {
    "name": LANGUAGE_PARAMETER,
    "in": "query",
    "required": False,
    "description": "The language: `en`, `uk`, `ru` or `bg`. Without it, the browser's.",
    "schema": {"type": "string"},
}
