"""The signers behind every code and token: itsdangerous, HMAC-SHA256, one salt per purpose and tenant.

Signatures are cut to a whole number of base32 characters and appended without a separator, in the alphabet of the
codes. No bit is spare, so a signed text has one spelling only.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from typing import ClassVar

from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import want_bytes
from itsdangerous.signer import SigningAlgorithm

from referral_service.kit.ids import ALPHABET, encode_number

APP_CHARACTERS = 6
KID_CHARACTERS = 3
KID_MAX = 32**KID_CHARACTERS - 1
# A few thousand (purpose, tenant, key) at work at once; a forged tenant costs one derivation, never memory.
SIGNERS_MAX = 4096

_ALPHABET_BYTES = ALPHABET.encode("ascii")
# int(…, 32) reads 0-9 a-v in C, many times faster than a loop.
_TO_DIGITS = bytes.maketrans(_ALPHABET_BYTES, b"0123456789abcdefghijklmnopqrstuv")


def read_number(characters: bytes) -> int:
    """Return the number that upper-case Crockford base32 writes; ValueError for anything else."""
    # Checked first, since int() would also take signs, spaces and underscores.
    if not characters or characters.translate(None, _ALPHABET_BYTES):
        raise ValueError("Not Crockford base32.")
    return int(characters.translate(_TO_DIGITS), 32)


class TruncatedHmac(SigningAlgorithm):
    """HMAC-SHA256, of which the first bits are kept (RFC 2104, section 5)."""

    def __init__(self, bits: int) -> None:
        if bits % 40 or not 80 <= bits <= 256:
            raise ValueError("Eight characters hold 40 bits, and fewer than 80 can be guessed.")
        self._bytes = bits // 8
        # To copy what has taken the key already costs half as much as to begin with the key. A signer has one key.
        self._keyed = lru_cache(maxsize=2)(lambda key: hmac.new(key, digestmod="sha256"))

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        """Return the signature; its length is fixed."""
        digest = self._keyed(key).copy()
        digest.update(value)
        return digest.digest()[: self._bytes]


class FixedWidthSigner(Signer):
    """Appends a signature of `bits` in base32. The key is derived once, not at every use."""

    bits: ClassVar[int]

    def __init__(self, key: bytes, *, salt: str) -> None:
        super().__init__(
            key, salt=salt, key_derivation="hmac", digest_method=hashlib.sha256, algorithm=TruncatedHmac(self.bits)
        )
        self._width = self.bits // 5
        self._derived = super().derive_key()

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:  # noqa: ARG002 -- there is one key
        """Return the key for this salt, by HMAC."""
        return self._derived

    def get_signature(self, value: str | bytes) -> bytes:
        """Return the signature in base32."""
        number = int.from_bytes(self.algorithm.get_signature(self._derived, want_bytes(value)))
        return encode_number(number, self._width).encode("ascii")

    def sign(self, value: str | bytes) -> bytes:
        """Return the value with its signature behind it."""
        return want_bytes(value) + self.get_signature(value)

    def verify_signature(self, value: str | bytes, sig: str | bytes) -> bool:
        """Tell, in constant time, whether the signature is the value's."""
        sig = want_bytes(sig)
        if len(sig) != self._width:
            return False
        try:
            given = read_number(sig).to_bytes(self.bits // 8)
        except ValueError:
            return False
        return self.algorithm.verify_signature(self._derived, want_bytes(value), given)

    def unsign(self, signed_value: str | bytes) -> bytes:
        """Return the value; raise BadSignature."""
        signed_value = want_bytes(signed_value)
        value, signature = signed_value[: -self._width], signed_value[-self._width :]
        if not self.verify_signature(value, signature):
            raise BadSignature("The signature does not match.", payload=value)
        return value


class CodeSigner(FixedWidthSigner):
    """80 bits in 16 characters: short enough for a printed code, and nobody can try forgeries offline."""

    bits = 80


class TokenSigner(FixedWidthSigner):
    """160 bits in 32 characters: for what a machine carries."""

    bits = 160


@lru_cache(maxsize=SIGNERS_MAX)
def code_signer(purpose: str, app_id: int, key: bytes) -> CodeSigner:
    """Return the signer of short signatures for one purpose and tenant, derived once."""
    return CodeSigner(key, salt=f"{purpose}:{app_id}")


@lru_cache(maxsize=SIGNERS_MAX)
def token_signer(purpose: str, app_id: int, key: bytes) -> TokenSigner:
    """Return the signer of long signatures for one purpose and tenant, derived once."""
    return TokenSigner(key, salt=f"{purpose}:{app_id}")
