"""Read the tokens of a claim and look up the codes they lead to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.clicks.token import InvalidClickToken, read_click_token
from referral_service.codes.resolve import ResolvedCode, resolve_codes
from referral_service.codes.signed_code import InvalidSignedCode, read_signed_code
from referral_service.kit.ids import fold
from referral_service.referrals.attribution import CLICK, CODE, SIGNED_CODE, TouchSeen
from referral_service.signing.key_ring import KeyRing


@dataclass(frozen=True, slots=True)
class GivenTouch:
    """One piece of evidence as the app kept it; exactly one of the three is set."""

    click_token: str | None = None
    signed_code: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    kind: str
    at: datetime
    folded: str | None
    click_id: str | None = None
    reason: str | None = None


def see_touches(
    session: Session,
    *,
    key_ring: KeyRing,
    app_id: int,
    given: Sequence[GivenTouch],
    claimed_at: datetime,
    now: datetime,
) -> list[TouchSeen]:
    """Verify each touch and find its code, all codes in one statement. What is not valid stays, and says why."""
    read = [_read(touch, key_ring, app_id=app_id, claimed_at=claimed_at, now=now) for touch in given]
    codes = resolve_codes(session, app_id=app_id, folded=[touch.folded for touch in read if touch.folded])
    return [_seen(n, touch, codes.get(touch.folded or "")) for n, touch in enumerate(read, start=1)]


def _read(touch: GivenTouch, key_ring: KeyRing, *, app_id: int, claimed_at: datetime, now: datetime) -> _Read:
    if touch.click_token is not None:
        try:
            token = read_click_token(key_ring, touch.click_token, app_id=app_id, now=now)
        except InvalidClickToken as error:
            return _Read(CLICK, claimed_at, None, reason=f"token_{error.reason}")
        return _Read(CLICK, token.at, token.folded, click_id=token.click_id)
    if touch.signed_code is not None:
        try:
            signed = read_signed_code(key_ring, touch.signed_code)
        except InvalidSignedCode as error:
            return _Read(SIGNED_CODE, claimed_at, None, reason=f"code_{error.reason}")
        if signed.app_id != app_id:
            return _Read(SIGNED_CODE, claimed_at, None, reason="code_other_app")
        return _Read(SIGNED_CODE, claimed_at, signed.folded)
    folded = fold(touch.code or "")
    return _Read(CODE, claimed_at, folded, reason=None if folded else "code_malformed")


def _seen(n: int, touch: _Read, code: ResolvedCode | None) -> TouchSeen:
    reason = touch.reason
    if reason is None and code is None:
        reason = "code_not_found"
    elif code is not None and code.state != "active":
        reason = "code_revoked"
    return TouchSeen(
        n=n,
        kind=touch.kind,
        at=touch.at,
        reason=reason,
        code_id=code.code_id if code else None,
        program_id=code.program_id if code else None,
        referrer_id=code.customer_id if code else None,
        click_id=touch.click_id,
    )
