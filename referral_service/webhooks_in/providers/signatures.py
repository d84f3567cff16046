"""How signatures are proved: HMAC-SHA256 with the secret as it is written, over what the provider says it signs."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from referral_service.webhooks_in.providers.provider import BadSignature


@dataclass(frozen=True, slots=True)
class Spelling:
    """How 32 bytes are written. They are compared as text: one has one spelling, and nothing hostile is decoded."""

    pattern: re.Pattern[str]
    write: Callable[[bytes], bytes]


HEXADECIMAL = Spelling(re.compile(r"[0-9a-f]{64}"), lambda digest: digest.hex().encode("ascii"))
BASE64 = Spelling(re.compile(r"[A-Za-z0-9+/]{43}="), base64.b64encode)
_TIMESTAMP = re.compile(r"0|[1-9][0-9]{0,11}")


def prove(content: bytes, *, given: Sequence[str], secrets: Sequence[str], spelling: Spelling) -> None:
    """Raise BadSignature unless one of the secrets made one of the given signatures of these very bytes."""
    # A header that was sent twice arrives as one, joined by a comma: no signature has a comma.
    if not given or not all(spelling.pattern.fullmatch(one) for one in given):
        raise BadSignature("malformed_signature")
    keys = [secret.encode("utf-8", "replace") for secret in secrets if secret]
    expected = [spelling.write(hmac.digest(key, content, "sha256")) for key in keys]
    # Every pair is compared: how long it takes tells nothing about which one fits.
    matches = [hmac.compare_digest(wanted, one.encode("ascii")) for wanted in expected for one in given]
    if not any(matches):
        raise BadSignature("no_signature_fits")


def read_timed(header: str, *, separator: str, time: str, signature: str) -> tuple[str, list[str]]:
    """Return the timestamp's text and the signatures of a header such as `t=…,v1=…,v1=…`; raise BadSignature.

    `time` and `signature` are the names of the two; other names (older kinds of signature) are passed over.
    """
    pairs = [part.partition("=") for part in header.split(separator)]
    if not all(equals for _, equals, _ in pairs):
        raise BadSignature("malformed_header")
    timestamps = [value for name, _, value in pairs if name == time]
    # A header that was sent twice arrives as one: then there are two.
    if len(timestamps) != 1 or not _TIMESTAMP.fullmatch(timestamps[0]):
        raise BadSignature("no_usable_timestamp")
    return timestamps[0], [value for name, _, value in pairs if name == signature]
