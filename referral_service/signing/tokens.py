"""Timed tokens: a payload, the tenant, the key and the moment in fixed widths, and a signature over all of it.

    PAYLOAD… AAAAAA KKK TTTTTTTTTTT SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS

is the text, without the spaces: the app's number, the key's id, microseconds since 1970, 160 bits of signature. It is
read from the right, and has one spelling.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from referral_service.kit.ids import encode_number
from referral_service.signing.key_ring import KeyRing, Signing
from referral_service.signing.signers import APP_CHARACTERS, KID_CHARACTERS, SIGNERS_MAX, read_number, token_signer

PAYLOAD_CHARACTERS_MAX = 128
TIME_CHARACTERS = 11
SIGNATURE_CHARACTERS = 32
_HEAD_CHARACTERS = APP_CHARACTERS + KID_CHARACTERS + TIME_CHARACTERS
_TAIL_CHARACTERS = _HEAD_CHARACTERS + SIGNATURE_CHARACTERS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_PAYLOAD = re.compile(f"[0-9A-Z]{{1,{PAYLOAD_CHARACTERS_MAX}}}")
_TOKEN = re.compile(f"[0-9A-Z]{{1,{PAYLOAD_CHARACTERS_MAX}}}[0-9A-HJKMNP-TV-Z]{{{_TAIL_CHARACTERS}}}")


class InvalidToken(Exception):
    """A token that proves nothing. `reason`: `malformed`, `unknown_key` (also a revoked one) or `bad_signature`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class TimedToken:
    """What a genuine token says."""

    app_id: int
    payload: str
    at: datetime


def sign_timed(signing: Signing, *, purpose: str, app_id: int, payload: str, at: datetime) -> str:
    """Return a token with a payload of upper-case letters and digits, signed by the current key."""
    if not _PAYLOAD.fullmatch(payload):
        raise ValueError("A payload is 1 to 128 upper-case letters and digits.")
    kid, key = signing.current()
    moment = encode_number((at - _EPOCH) // _MICROSECOND, TIME_CHARACTERS)
    return token_signer(purpose, app_id, key).sign(payload + _issuer(app_id, kid) + moment).decode("ascii")


@lru_cache(maxsize=SIGNERS_MAX)
def _issuer(app_id: int, kid: int) -> str:
    """The tenant and the key as they stand in a token."""
    return encode_number(app_id, APP_CHARACTERS) + encode_number(kid, KID_CHARACTERS)


def read_timed(key_ring: KeyRing, text: str, *, purpose: str) -> TimedToken:
    """Return what a token of this purpose says, whatever its tenant and age; raise InvalidToken."""
    if not _TOKEN.fullmatch(text):
        raise InvalidToken("malformed")
    signed = text.encode("ascii")
    head = signed[-_TAIL_CHARACTERS:-SIGNATURE_CHARACTERS]
    app_id = read_number(head[:APP_CHARACTERS])
    key = key_ring.get(read_number(head[APP_CHARACTERS:-TIME_CHARACTERS]))
    if key is None:
        raise InvalidToken("unknown_key")
    signer = token_signer(purpose, app_id, key)
    if not signer.verify_signature(signed[:-SIGNATURE_CHARACTERS], signed[-SIGNATURE_CHARACTERS:]):
        raise InvalidToken("bad_signature")
    at = _EPOCH + timedelta(microseconds=read_number(head[-TIME_CHARACTERS:]))
    return TimedToken(app_id=app_id, payload=text[:-_TAIL_CHARACTERS], at=at)
