"""Examples for the OpenAPI document."""

from __future__ import annotations

MINT_TOKEN = {"program_id": "prg_01k0c7q2v8f3w9n5x4z6t1r0me", "expires_in_seconds": 604800}
_TOKEN = (
    "01K0C7Q2V8F3W9N5X4Z6T1R0ME01K0C7Q2V8F3W9N5X4Z6T1R0ME00000000JEM000000100"
    "11K0RSP7MA0000DNK82HPTD9GZKMPZR5PXWVWX9PNZ15"
)
TOKEN = {
    "token": _TOKEN,
    "url": f"https://refer.example.com/me/{_TOKEN}",
    "expires_at": "2026-11-28T10:00:00Z",
}
