"""The signature of a shop that signs its body alone: base64 of HMAC-SHA256, with the secret as it is written."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Sequence

from referral_service.webhooks_in.providers.provider import BadSignature

# 32 bytes in base64. It is compared as text: one signature has one spelling, and nothing hostile is ever decoded.
_SIGNATURE = re.compile(r"[A-Za-z0-9+/]{43}=")


def prove(raw: bytes, *, given: str, secrets: Sequence[str]) -> None:
    """Raise BadSignature unless one of the secrets signed these very bytes."""
    if not _SIGNATURE.fullmatch(given):
        raise BadSignature("malformed_signature")
    keys = [secret.encode("utf-8", "replace") for secret in secrets if secret]
    expected = [base64.b64encode(hmac.digest(key, raw, "sha256")) for key in keys]
    # Every secret is tried: how long it takes tells nothing about which one fits.
    matches = [hmac.compare_digest(wanted, given.encode("ascii")) for wanted in expected]
    if not any(matches):
        raise BadSignature("no_signature_fits")
