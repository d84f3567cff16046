"""Invitations over HTTP: the page behind a link, its preview image, QR codes, and the page for typed codes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from urllib.parse import quote, urlencode

from flask import Flask, Response, current_app, redirect, request

from referral_service.codes.links import is_channel, links_of
from referral_service.codes.signed_code import FOLDED_CHARACTERS_MAX, InvalidSignedCode, read_signed_code, sign_code
from referral_service.kit.errors import NotFound
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import Service, service
from referral_service.kit.http.limits import CODE_LOOKUPS
from referral_service.kit.http.parameters import path_parameter
from referral_service.kit.ids import fold
from referral_service.kit.ttl_cache import TtlCache
from referral_service.programs.store_logo import find_logo
from referral_service.share.invite.invitation import Invitation, Invitations
from referral_service.share.invite.texts import program_name, texts_of, who_invites
from referral_service.share.pages.limited import limited_page
from referral_service.share.pages.page import (
    LANGUAGE_PARAMETER,
    NOBODY,
    brand_of,
    choose_language,
    show_notice,
    show_page,
)
from referral_service.share.pictures.card import Card, draw_card
from referral_service.share.pictures.qr import qr_png, qr_svg
from referral_service.share.wiring import current_voice
from referral_service.tenants.auth import public

INVITATIONS, CARDS = "referral_service.invitations", "referral_service.cards"
SLUG_CHARACTERS_MAX = 64
QR_CHANNEL = "qr"
CARDS_MAX, CARD_SECONDS = 512, 300.0
# Messengers ask once and keep it; browsers of people hardly ever see it.
PICTURE_KEEP_SECONDS = 3600
_PICTURE_HEADERS = {"Cross-Origin-Resource-Policy": "cross-origin", "X-Robots-Tag": "noindex"}

_SIGNED_CODE = path_parameter("signed_code", "A signed code.", example="A11CE200000010019FG5ZPB72R3WY6N3")
_SLUG = path_parameter("app_slug", "The app's slug.", example="shop")
_CODE = path_parameter("code", "A public code.", example="ALICE20")
_LANG: dict[str, Any] = {
    "name": LANGUAGE_PARAMETER,
    "in": "query",
    "required": False,
    "description": "The language: `en`, `uk`, `ru` or `bg`. Without it, the browser's.",
    "schema": {"type": "string"},
}
_CHANNEL: dict[str, Any] = {
    "name": "ch",
    "in": "query",
    "required": False,
    "description": "How the link was shared; passed on to the share link behind the button.",
    "schema": {"type": "string"},
}
_PAGE = {"type": "string"}
_TYPED = {
    "required": True,
    "content": {
        "application/x-www-form-urlencoded": {
            "schema": {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]},
            "example": {"code": "ALICE20"},
        }
    },
}
_PICTURE = {"type": "string", "format": "binary"}

blueprint = Blueprint("invitations", __name__, description="What a friend sees: invitations, previews, QR codes.")


def install(app: Flask, service: Service) -> None:
    """Make what the invitations need, once for this application."""
    app.extensions[INVITATIONS] = Invitations(service.database, service.sealer)
    app.extensions[CARDS] = TtlCache[tuple[str, str], bytes](entries_max=CARDS_MAX, ttl_seconds=CARD_SECONDS)


@blueprint.get("/i/<signed_code>", operation_id="showInvitation", parameters=[_SIGNED_CODE, _LANG, _CHANNEL])
@public("The signature proves the link; the page names nobody who did not agree to it.")
@blueprint.response(200, _PAGE, content_type="text/html")
@blueprint.alt_response(404, schema=_PAGE, content_type="text/html")
@blueprint.alt_response(410, schema=_PAGE, content_type="text/html")
def invite(signed_code: str) -> Response:
    """Show an invitation.

    A page for people, and a preview for messengers. Its button leads to the share link, which records the click.
    """
    choose_language()
    found = _by_signed_code(signed_code)
    return show_notice("unknown", status=404) if found is None else _show(found, signed_code.upper())


@blueprint.get("/i/<app_slug>/<code>", operation_id="showPrettyInvitation", parameters=[_SLUG, _CODE, _LANG, _CHANNEL])
@public("Codes are short, so the look-ups are limited by address and cost the same for all.")
@limited_page(CODE_LOOKUPS)
@blueprint.response(200, _PAGE, content_type="text/html")
@blueprint.alt_response(404, schema=_PAGE, content_type="text/html")
@blueprint.alt_response(410, schema=_PAGE, content_type="text/html")
def invite_by_code(app_slug: str, code: str) -> Response:
    """Show the invitation of a public code.

    The same as by a signed link, but for a limit of 30 look-ups a minute by address; programs may want signed links
    only.
    """
    choose_language()
    found = _by_typed_code(app_slug, code)
    return show_notice("unknown", status=404) if found is None else _show(found, _sign(found))


@blueprint.get("/i/<signed_code>/card.png", operation_id="getInvitationCard", parameters=[_SIGNED_CODE, _LANG])
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
    app_id, folded = _read(signed_code)
    return _picture(cards.get_or_load((f"{app_id}:{folded}", locale), lambda: _draw(app_id, folded)), "image/png")


@blueprint.get("/q/<signed_code>.svg", operation_id="getQrCode", parameters=[_SIGNED_CODE])
@public("It shows the link that whoever asks has already.")
@blueprint.response(200, _PICTURE, content_type="image/svg+xml")
@blueprint.alt_response(404)
def qr(signed_code: str) -> Response:
    """Load the QR code of a share link.

    As SVG, for screens. Asks nothing of the database.
    """
    return _picture(qr_svg(_scanned_link(signed_code)), "image/svg+xml")


@blueprint.get("/q/<signed_code>.png", operation_id="getPrintableQrCode", parameters=[_SIGNED_CODE])
@public("It shows the link that whoever asks has already.")
@blueprint.response(200, _PICTURE, content_type="image/png")
@blueprint.alt_response(404)
def printable_qr(signed_code: str) -> Response:
    """Load the QR code of a share link, to print.

    As PNG of about a thousand pixels. Asks nothing of the database.
    """
    return _picture(qr_png(_scanned_link(signed_code)), "image/png")


@blueprint.get("/code/<app_slug>", operation_id="showCodePage", parameters=[_SLUG, _LANG])
@public("A form; what is typed into it is looked up with a limit.")
@blueprint.response(200, _PAGE, content_type="text/html")
def code_page(app_slug: str) -> Response:
    """Show the page to type a code.

    For friends who were told a code. The same for every slug, whether or not there is such an app.
    """
    choose_language()
    return _code_form(app_slug)


@blueprint.post("/code/<app_slug>", operation_id="lookUpTypedCode", parameters=[_SLUG, _LANG])
@public("Codes are short, so the look-ups are limited by address and cost the same for all.")
@limited_page(CODE_LOOKUPS)
@blueprint.doc(requestBody=_TYPED)  # type: ignore[untyped-decorator]
@blueprint.response(303, description="On to the invitation.", headers={"Location": {"required": True, "schema": _PAGE}})
@blueprint.alt_response(404, schema=_PAGE, content_type="text/html")
def look_up_code(app_slug: str) -> Response:
    """Look up a typed code.

    Leads on to its invitation, or shows the form again.
    """
    choose_language()
    typed = request.form.get("code", "")[: FOLDED_CHARACTERS_MAX * 2]
    found = _by_typed_code(app_slug, typed)
    if found is None:
        fault = current_voice().gettext("We do not know this code. Compare it letter by letter, or ask your friend.")
        return _code_form(app_slug, typed=typed, fault=fault, status=404)
    return cast(Response, redirect(f"/i/{_sign(found)}{_language_asked_for()}", code=303))


def _show(found: Invitation, signed_code: str) -> Response:
    brand = brand_of(found.branding, program_name=found.program_name)
    now = _business(found)
    standing = found.standing(now)
    if standing != "open":
        return show_notice(standing, status=410 if standing == "ended" else 404, brand=brand)
    voice = current_voice()
    channel = request.args.get("ch")
    tag = channel if channel and is_channel(channel) else None
    links = links_of(service().settings.base_url, signed_code, channel=tag)
    words = texts_of(voice, found, link=links.share_url, now=now)
    address = links_of(service().settings.base_url, signed_code).invite_url
    shown = {
        "headline": words.headline,
        "lead": words.lead,
        "gift": {"amount": words.offer, "reason": words.reason} if words.offer else None,
        "href": links.share_url,
        "button": words.button,
        "steps": words.steps,
        "notes": words.points,
        "card": {
            "title": who_invites(voice, found),
            "description": words.headline,
            "url": address,
            "locale": voice.locale,
            "image_url": f"{address}/card.png?{urlencode({LANGUAGE_PARAMETER: voice.locale})}",
        },
    }
    return show_page("invite.html", title=who_invites(voice, found), brand=brand, invite=shown)


def _draw(app_id: int, folded: str) -> bytes:
    found = _invitations().find(app_id, folded)
    if found is None or found.standing(_business(found)) != "open":
        raise NotFound
    voice = current_voice()
    words = texts_of(voice, found, link="", now=_business(found))
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


def _code_form(slug: str, *, typed: str = "", fault: str | None = None, status: int = 200) -> Response:
    form = {"action": f"/code/{quote(slug, safe='')}{_language_asked_for()}", "typed": typed, "fault": fault}
    title = current_voice().gettext("Enter your code")
    return show_page("code.html", title=title, brand=NOBODY, status=status, code=form)


def _language_asked_for() -> str:
    asked_for = request.args.get(LANGUAGE_PARAMETER)
    return f"?{urlencode({LANGUAGE_PARAMETER: asked_for})}" if asked_for else ""


def _picture(content: bytes, content_type: str) -> Response:
    response = Response(content, content_type=content_type)
    response.headers.update(_PICTURE_HEADERS)
    response.headers["Cache-Control"] = f"public, max-age={PICTURE_KEEP_SECONDS}"
    return response


def _invitations() -> Invitations:
    return cast(Invitations, current_app.extensions[INVITATIONS])


def _read(signed_code: str) -> tuple[int, str]:
    """Return app number and folded code of a signed code; raise NotFound."""
    try:
        signed = read_signed_code(service().key_ring, signed_code)
    except InvalidSignedCode:
        raise NotFound from None
    return signed.app_id, signed.folded


def _by_signed_code(signed_code: str) -> Invitation | None:
    try:
        app_id, folded = _read(signed_code)
    except NotFound:
        return None
    return _invitations().find(app_id, folded)


def _by_typed_code(slug: str, code: str) -> Invitation | None:
    """One look-up, whether or not anything of it exists."""
    folded = fold(code)
    if folded is None or len(folded) > FOLDED_CHARACTERS_MAX:
        folded = ""
    found = _invitations().find(slug if len(slug) <= SLUG_CHARACTERS_MAX else "", folded)
    return None if found is None or found.signed_links_only else found


def _sign(found: Invitation) -> str:
    return sign_code(service().key_ring, folded=found.folded, app_id=found.app_id)


def _scanned_link(signed_code: str) -> str:
    _read(signed_code)
    return links_of(service().settings.base_url, signed_code.upper(), channel=QR_CHANNEL).share_url


def _business(found: Invitation) -> datetime:
    return service().clock.now() + found.offset
