"""Read the tokens of a claim and look up the codes they lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.clicks.token import InvalidClickToken, read_click_token
from referral_service.codes.resolve import ResolvedCode, resolve_codes
from referral_service.codes.signed_code import InvalidSignedCode, read_signed_code
from referral_service.journeys.claiming.given import GivenTouch
from referral_service.kit.ids import fold
from referral_service.referrals.attribution import CLICK, CODE, SIGNED_CODE, TouchSeen
from referral_service.signing.key_ring import KeyRing


@dataclass(frozen=True, slots=True)
class Seen:
    """The evidence as it was read; and of each program that it leads to (`prg_…`) the status and the newest version."""

    touches: list[TouchSeen]
    programs: dict[str, tuple[str, int]]


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
) -> Seen:
    """Verify each touch of a claim and find its code. What is not valid stays, and says why."""
    return see_all(session, key_ring=key_ring, app_id=app_id, given=[(given, claimed_at)], now=now)[0]


def see_all(
    session: Session,
    *,
    key_ring: KeyRing,
    app_id: int,
    given: Sequence[tuple[Sequence[GivenTouch], datetime]],
    now: datetime,
) -> list[Seen]:
    """The same for several claims, each with its time: all their codes in one statement."""
    claims = [
        [_read(touch, key_ring, app_id=app_id, claimed_at=claimed_at, now=now) for touch in touches]
        for touches, claimed_at in given
    ]
    folded = [touch.folded for touches in claims for touch in touches if touch.folded]
    codes = resolve_codes(session, app_id=app_id, folded=folded)
    return [_seen_of(touches, codes) for touches in claims]


def _seen_of(touches: Sequence[_Read], codes: Mapping[str, ResolvedCode]) -> Seen:
    found = [codes.get(touch.folded or "") for touch in touches]
    return Seen(
        touches=[_seen(n, touch, code) for n, (touch, code) in enumerate(zip(touches, found, strict=True), start=1)],
        programs={code.program_id: (code.program_status, code.program_version) for code in found if code is not None},
    )


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
