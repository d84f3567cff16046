"""Which invitation an address means: by its signed code, or by an app's slug and a code that somebody typed."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from flask import Flask, current_app

from referral_service.codes.signed_code import FOLDED_CHARACTERS_MAX, InvalidSignedCode, read_signed_code, sign_code
from referral_service.kit.errors import NotFound
from referral_service.kit.http.edge import Service, service
from referral_service.kit.ids import fold
from referral_service.share.invite.invitation import Invitation, Invitations

INVITATIONS = "referral_service.invitations"
SLUG_CHARACTERS_MAX = 64


def install(app: Flask, service: Service) -> None:
    """Make what finds invitations, once for this application."""
    app.extensions[INVITATIONS] = Invitations(service.database, service.sealer)


def invitations() -> Invitations:
    return cast(Invitations, current_app.extensions[INVITATIONS])


def read_code(signed_code: str) -> tuple[int, str]:
    """Return app number and folded code of a signed code; raise NotFound."""
    try:
        signed = read_signed_code(service().key_ring, signed_code)
    except InvalidSignedCode:
        raise NotFound from None
    return signed.app_id, signed.folded


def by_signed_code(signed_code: str) -> Invitation | None:
    try:
        app_id, folded = read_code(signed_code)
    except NotFound:
        return None
    return invitations().find(app_id, folded)


def by_typed_code(slug: str, code: str) -> Invitation | None:
    """One look-up, whether or not anything of it exists."""
    folded = fold(code)
    if folded is None or len(folded) > FOLDED_CHARACTERS_MAX:
        folded = ""
    found = invitations().find(slug if len(slug) <= SLUG_CHARACTERS_MAX else "", folded)
    return None if found is None or found.signed_links_only else found


def signed_code_of(found: Invitation) -> str:
    return sign_code(service().key_ring, folded=found.folded, app_id=found.app_id)


def business_time(found: Invitation) -> datetime:
    return service().clock.now() + found.offset
