"""How a signing key lies in its row: 32 random bytes, sealed by a master key for its one purpose."""

from __future__ import annotations

import secrets

from referral_service.kit.crypto import Sealer

FOR_TOKENS = "token"
FOR_EMAIL_INDEX = "email_index"
KEY_BYTES = 32


def sealed_new_key(sealer: Sealer, *, purpose: str) -> bytes:
    """Return a fresh random key, sealed for a row."""
    return sealer.seal(secrets.token_bytes(KEY_BYTES), context=_context(purpose))


def open_key(sealer: Sealer, ciphertext: bytes, *, purpose: str) -> bytes:
    """Return the key; raise CannotOpen where it was sealed for another purpose or its master key is gone."""
    return sealer.open(ciphertext, context=_context(purpose))


def _context(purpose: str) -> str:
    return f"signing_key:{purpose}"
