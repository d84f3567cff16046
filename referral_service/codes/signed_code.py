"""The signed form of a code: it leads to its tenant and proves itself with no look-up.

    FOLDED… AAAAAA KKK SSSSSSSSSSSSSSSS

without the spaces: the folded code (3 to 20 characters), the app's number, the key's id, 80 bits of signature. The
fields behind the code have fixed widths and are read from the right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from referral_service.kit.ids import encode_number
from referral_service.signing.key_ring import KeyRing
from referral_service.signing.signers import APP_CHARACTERS, KID_CHARACTERS, code_signer, read_number

PURPOSE = "code"
FOLDED_CHARACTERS_MIN = 3
FOLDED_CHARACTERS_MAX = 20
SIGNATURE_CHARACTERS = 16
TAIL_CHARACTERS = APP_CHARACTERS + KID_CHARACTERS + SIGNATURE_CHARACTERS
# Longer than any typed code: no text can be read both ways.
SIGNED_CHARACTERS_MIN = FOLDED_CHARACTERS_MIN + TAIL_CHARACTERS
SIGNED_CHARACTERS_MAX = FOLDED_CHARACTERS_MAX + TAIL_CHARACTERS

_SIGNED = re.compile(
    f"[0-9A-HJKMNP-Z]{{{FOLDED_CHARACTERS_MIN},{FOLDED_CHARACTERS_MAX}}}[0-9A-HJKMNP-TV-Z]{{{TAIL_CHARACTERS}}}"
)


class InvalidSignedCode(Exception):
    """A text that no key of ours signed. `reason`: `malformed`, `unknown_key` (also a revoked one), `bad_signature`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class SignedCode:
    """What a genuine signed code says. Whether the code still stands is another question."""

    folded: str
    app_id: int


def sign_code(key_ring: KeyRing, *, folded: str, app_id: int) -> str:
    """Return the signed form under the current key; raise ValueError for a text that is no folded code."""
    kid, key = key_ring.current()
    value = folded + encode_number(app_id, APP_CHARACTERS) + encode_number(kid, KID_CHARACTERS)
    signed = code_signer(PURPOSE, app_id, key).sign(value).decode("ascii")
    if not _SIGNED.fullmatch(signed):
        raise ValueError("Not a folded code of 3 to 20 characters.")
    return signed


def read_signed_code(key_ring: KeyRing, text: str) -> SignedCode:
    """Return what a signed code says; raise InvalidSignedCode. Lower case is taken, any other spelling is not."""
    # Some mail programs write addresses in lower case. upper() alone would turn other scripts into ASCII letters.
    canonical = text.upper() if text.isascii() else ""
    if not _SIGNED.fullmatch(canonical):
        raise InvalidSignedCode("malformed")
    signed = canonical.encode("ascii")
    head = signed[-TAIL_CHARACTERS:-SIGNATURE_CHARACTERS]
    app_id = read_number(head[:APP_CHARACTERS])
    key = key_ring.get(read_number(head[APP_CHARACTERS:]))
    if key is None:
        raise InvalidSignedCode("unknown_key")
    signer = code_signer(PURPOSE, app_id, key)
    if not signer.verify_signature(signed[:-SIGNATURE_CHARACTERS], signed[-SIGNATURE_CHARACTERS:]):
        raise InvalidSignedCode("bad_signature")
    return SignedCode(folded=canonical[:-TAIL_CHARACTERS], app_id=app_id)
