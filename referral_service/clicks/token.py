"""Click tokens: what the landing page is handed, as proof that a person came through a share link at that moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from referral_service.kit.clock import LEEWAY_SECONDS
from referral_service.signing.key_ring import KeyRing, Signing
from referral_service.signing.tokens import InvalidToken, read_timed, sign_timed

PURPOSE = "click"
CLICK_CHARACTERS = 26
_LEEWAY = timedelta(seconds=LEEWAY_SECONDS)


class InvalidClickToken(Exception):
    """A token that proves no click of this app.

    `reason`: `malformed`, `unknown_key` (also a revoked one), `bad_signature`, `other_app` or `from_the_future`.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class ClickToken:
    """A genuine click: of which code, which click (`clk_…`), and when in the app's business time."""

    app_id: int
    folded: str
    click_id: str
    at: datetime


def mint_click_token(signing: Signing, *, app_id: int, folded: str, click_id: str, now: datetime) -> str:
    """Return the token of a click that happens `now`, in the app's business time. It carries no personal data."""
    # Of another length, it would be read with a part of the code, or the code with a part of it.
    if not click_id.startswith("clk_") or len(click_id) != 4 + CLICK_CHARACTERS:
        raise ValueError("Not the id of a click.")
    payload = folded + click_id[-CLICK_CHARACTERS:].upper()
    return sign_timed(signing, purpose=PURPOSE, app_id=app_id, payload=payload, at=now)


def read_click_token(key_ring: KeyRing, text: str, *, app_id: int, now: datetime) -> ClickToken:
    """Return the click that a token proves to this app; raise InvalidClickToken.

    How old a click may be is the program's business. One from the future, past the leeway of a minute, is refused:
    `now` is the app's business time, which only moves forward.
    """
    try:
        token = read_timed(key_ring, text, purpose=PURPOSE)
    except InvalidToken as error:
        raise InvalidClickToken(error.reason) from None
    if token.app_id != app_id:
        raise InvalidClickToken("other_app")
    if token.at > now + _LEEWAY:
        raise InvalidClickToken("from_the_future")
    folded, suffix = token.payload[:-CLICK_CHARACTERS], token.payload[-CLICK_CHARACTERS:].lower()
    return ClickToken(app_id=app_id, folded=folded, click_id=f"clk_{suffix}", at=token.at)
