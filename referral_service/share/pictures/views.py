"""Pictures over HTTP: an invitation's preview, as messengers show it, and the QR codes of a link."""

from __future__ import annotations

from typing import Any, cast

from flask import Flask, Response, current_app

from referral_service.codes.links import links_of
from referral_service.kit.errors import NotFound
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import service
from referral_service.kit.ttl_cache import TtlCache
from referral_service.programs.store_logo import find_logo
from referral_service.share.invite.texts import program_name, texts_of, who_invites
from referral_service.share.invite.views.look_up import business_time, invitations, read_code
from referral_service.share.invite.views.parameters import LANG, SIGNED_CODE
from referral_service.share.pages.page import choose_language
from referral_service.share.pictures.card import Card, draw_card
from referral_service.share.pictures.qr import qr_png, qr_svg
from referral_service.share.wiring import current_voice
from referral_service.tenants.auth import public

CARDS = "referral_service.cards"
CARDS_MAX, CARD_SECONDS = 512, 300.0
QR_CHANNEL = "qr"
# Messengers ask once and keep it; browsers of people hardly ever see it.
PICTURE_KEEP_SECONDS = 3600
_HEADERS = {"Cross-Origin-Resource-Policy": "cross-origin", "X-Robots-Tag": "noindex"}
_PICTURE: dict[str, Any] = {"type": "string", "format": "binary"}

blueprint = Blueprint("pictures", __name__, description="What messengers show of an invitation, and QR codes.")


def install(app: Flask) -> None:
    """Make where drawn previews are kept, once for this application."""
    app.extensions[CARDS] = TtlCache[tuple[str, str], bytes](entries_max=CARDS_MAX, ttl_seconds=CARD_SECONDS)


@blueprint.get("/i/<signed_code>/card.png", operation_id="getInvitationCard", parameters=[SIGNED_CODE, LANG])
@public("Whoever has the link may see its preview.")
@blueprint.response(200, _PICTURE, content_type="image/png")
@blueprint.alt_response(404)
def card(signed_code: str) -> Response:
    """Load the preview image of an invitation.

    1200 by 630 pixels, as messengers show it under a link.
    """
    locale = choose_language()
    cards = cast(TtlCache[tuple[str, str], bytes], current_app.extensions[CARDS])
    # The signature is looked at each time, so that nothing is drawn or kept for a text that anybody made up.
    app_id, folded = read_code(signed_code)
    return _picture(cards.get_or_load((f"{app_id}:{folded}", locale), lambda: _draw(app_id, folded)), "image/png")


@blueprint.get("/q/<signed_code>.svg", operation_id="getQrCode", parameters=[SIGNED_CODE])
@public("It shows the link that whoever asks has already.")
@blueprint.response(200, _PICTURE, content_type="image/svg+xml")
@blueprint.alt_response(404)
def qr(signed_code: str) -> Response:
    """Load the QR code of a share link.

    As SVG, for screens. Asks nothing of the database.
    """
    return _picture(qr_svg(_scanned_link(signed_code)), "image/svg+xml")


@blueprint.get("/q/<signed_code>.png", operation_id="getPrintableQrCode", parameters=[SIGNED_CODE])
@public("It shows the link that whoever asks has already.")
@blueprint.response(200, _PICTURE, content_type="image/png")
@blueprint.alt_response(404)
def printable_qr(signed_code: str) -> Response:
    """Load the QR code of a share link, to print.

    As PNG of about a thousand pixels. Asks nothing of the database.
    """
    return _picture(qr_png(_scanned_link(signed_code)), "image/png")


def _draw(app_id: int, folded: str) -> bytes:
    found = invitations().find(app_id, folded)
    if found is None or found.standing(business_time(found)) != "open":
        raise NotFound
    voice = current_voice()
    words = texts_of(voice, found, link="", now=business_time(found))
    palette, logo = found.branding.palette, None
    if found.branding.logo is not None:
        logo = service().database.read(lambda session: find_logo(session, program_id=found.program_id))
    return draw_card(
        Card(
            program=program_name(found),
            title=who_invites(voice, found),
            gift=words.offer or "",
            reason=words.reason or "",
            brand=palette.brand,
            ink=palette.on_brand,
            logo=logo.png if logo else None,
        )
    )


def _picture(content: bytes, content_type: str) -> Response:
    response = Response(content, content_type=content_type)
    response.headers.update(_HEADERS)
    response.headers["Cache-Control"] = f"public, max-age={PICTURE_KEEP_SECONDS}"
    return response


def _scanned_link(signed_code: str) -> str:
    read_code(signed_code)
    return links_of(service().settings.base_url, signed_code.upper(), channel=QR_CHANNEL).share_url
