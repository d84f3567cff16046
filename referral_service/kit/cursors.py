"""Opaque cursors: where a list goes on, signed so that nobody can ask for what was never offered."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

import orjson
from itsdangerous import Signer
from itsdangerous.encoding import base64_decode, base64_encode

from referral_service.kit.errors import Problem

CURSOR_CHARACTERS_MAX = 1024


class InvalidCursor(Problem):
    code, status = "invalid_cursor", 400
    title = "This cursor is not valid for this list."
    remedy = "Send next_cursor exactly as it came with the page before, with the same filters, or start anew."


class Cursors:
    """Signs and reads cursors with HMAC-SHA256. `keys` come newest first: one signs, all of them verify."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise ValueError("Cursors need a key.")
        self._keys = tuple(keys)

    def sign(self, scope: str, values: list[Any]) -> str:
        """Return a cursor that holds JSON `values` and is good for one scope: tenant, list and filters.

        Raises ValueError where the values make it longer than 1024 characters.
        """
        text = _signer(self._keys[0], scope).sign(base64_encode(orjson.dumps(values))).decode("ascii")
        if len(text) > CURSOR_CHARACTERS_MAX:
            raise ValueError("The cursor is too long.")
        return text

    def read(self, scope: str, text: str) -> list[Any]:
        """Return the values of a cursor that was signed for this scope; raise InvalidCursor for all else."""
        if len(text) > CURSOR_CHARACTERS_MAX or not text.isascii():
            raise InvalidCursor
        signed = text.encode("ascii")
        payload, _, _ = signed.rpartition(b".")
        for key in self._keys:
            # Signing again and comparing the whole text admits one spelling only: decoding the signature
            # would let spare bits of its base64 vary.
            if hmac.compare_digest(_signer(key, scope).sign(payload), signed):
                values: list[Any] = orjson.loads(base64_decode(payload))
                return values
        raise InvalidCursor


def _signer(key: bytes, scope: str) -> Signer:
    return Signer(key, salt=f"cursor:{scope}", key_derivation="hmac", digest_method=hashlib.sha256)
