"""Examples for the OpenAPI document."""

from __future__ import annotations

ISSUE_CODE = {"customer_id": "alice", "vanity": "ALICE20", "channel": None}
_SIGNED = "A11CE200000010019FG5ZPB72R3WY6N3"
CODE = {
    "code": "ALICE20",
    "signed_code": _SIGNED,
    "customer_id": "alice",
    "program_id": "prg_01k0c7s4h6b2d8f0g3j5k7m9np",
    "state": "active",
    "share_url": f"https://refer.example/r/{_SIGNED}",
    "invite_url": f"https://refer.example/i/{_SIGNED}",
    "qr_url": f"https://refer.example/q/{_SIGNED}.svg",
}
CHECKED_CODE = {**CODE, "valid": True, "reason": None}
REVOKED_CODE = {**CODE, "state": "revoked", "valid": False, "reason": "code_revoked"}
