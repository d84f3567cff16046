"""Encryption at rest, keys derived for one purpose each, and blind indexes.

AES-256-GCM (NIST SP 800-38D) under keys that HKDF-SHA256 (RFC 5869) derives from the master keys. Nonces are
random, so a master key is to be replaced well before it has sealed 2^32 texts (section 8.3).
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECRET_CHARACTERS_MIN = 32
_KEY_ID = re.compile("[A-Za-z0-9_-]{1,32}")
_VERSION = 1
_NONCE_BYTES = 12
_TAG_BYTES = 16


class CannotOpen(Exception):
    """Sealed bytes that are damaged, meant for another context, or sealed under a key that is not here."""


class Sealer:
    """Seals and opens with the master keys, given as key id -> secret, newest first. Threads may share it.

    Sealed bytes are: version (1), length of the key id (1), key id, nonce (12), ciphertext with its tag (16).
    All that precedes the nonce is authenticated together with the context.
    """

    def __init__(self, master_keys: Mapping[str, str]) -> None:
        """Raise ValueError without a key, for a secret under 32 characters or an ill-formed key id."""
        if not master_keys:
            raise ValueError("There must be a master key.")
        for key_id, secret in master_keys.items():
            if not _KEY_ID.fullmatch(key_id):
                raise ValueError("A key id is 1 to 32 letters, digits, hyphens or underscores.")
            if len(secret) < SECRET_CHARACTERS_MIN:
                raise ValueError(f"The secret of key {key_id} has fewer than {SECRET_CHARACTERS_MIN} characters.")
        self._secrets = [secret.encode() for secret in master_keys.values()]
        self._derived: dict[str, list[bytes]] = {}
        sealing_keys = zip(master_keys, self._secrets, strict=True)
        self._ciphers = {key_id: AESGCM(_derive(secret, "seal")) for key_id, secret in sealing_keys}
        self._newest = next(iter(master_keys))

    def seal(self, plaintext: bytes, *, context: str) -> bytes:
        """Encrypt under the newest key; only the same `context` (what it is, whose it is) opens it again."""
        header = bytes([_VERSION, len(self._newest)]) + self._newest.encode("ascii")
        nonce = os.urandom(_NONCE_BYTES)
        cipher = self._ciphers[self._newest]
        return header + nonce + cipher.encrypt(nonce, plaintext, header + context.encode())

    def open(self, sealed: bytes, *, context: str) -> bytes:
        """Return the plaintext, sealed under any of the keys; raise CannotOpen."""
        if len(sealed) < 2 or sealed[0] != _VERSION:
            raise CannotOpen("These bytes were not sealed here.")
        header, rest = sealed[: 2 + sealed[1]], sealed[2 + sealed[1] :]
        cipher = self._ciphers.get(header[2:].decode("ascii", "replace"))
        if cipher is None:
            raise CannotOpen("The master key that sealed these bytes is not among the configured ones.")
        if len(rest) < _NONCE_BYTES + _TAG_BYTES:
            raise CannotOpen("The sealed bytes are cut short.")
        try:
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], header + context.encode())
        except InvalidTag:
            raise CannotOpen("The sealed bytes were changed, or belong to another context.") from None

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes for this purpose alone, from the newest master key."""
        return self.derive_all(purpose)[0]

    def derive_all(self, purpose: str) -> list[bytes]:
        """Return 32 bytes for this purpose from every master key, the newest first.

        Purposes are names in the code, never input: each is kept.
        """
        derived = self._derived.get(purpose)
        if derived is None:
            derived = self._derived[purpose] = [_derive(key, f"derive:{purpose}") for key in self._secrets]
        return list(derived)


def blind_index(key: bytes, text: str) -> bytes:
    """Return HMAC-SHA256 of the text: equal texts can be found, and nobody without the key can guess them."""
    return hmac.digest(key, text.encode(), "sha256")


def _derive(secret: bytes, info: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"referral-service:{info}".encode()).derive(secret)
