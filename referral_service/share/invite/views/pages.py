"""Invitations over HTTP: the page behind a link, and the page for typed codes. Their pictures: share/pictures."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote, urlencode

from flask import Response, redirect, request

from referral_service.codes.links import is_channel, links_of
from referral_service.codes.signed_code import FOLDED_CHARACTERS_MAX
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import service
from referral_service.kit.http.limits import CODE_LOOKUPS
from referral_service.share.invite.invitation import Invitation
from referral_service.share.invite.texts import texts_of, who_invites
from referral_service.share.invite.views.look_up import business_time, by_signed_code, by_typed_code, signed_code_of
from referral_service.share.invite.views.parameters import CODE, LANG, SIGNED_CODE, SLUG
from referral_service.share.pages.limited import limited_page
from referral_service.share.pages.page import (
    LANGUAGE_PARAMETER,
    NOBODY,
    brand_of,
    choose_language,
    show_notice,
    show_page,
)
from referral_service.share.wiring import current_voice
from referral_service.tenants.auth import public

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

blueprint = Blueprint("invitations", __name__, description="Invitations, and a page for codes that were heard.")


@blueprint.get("/i/<signed_code>", operation_id="showInvitation", parameters=[SIGNED_CODE, LANG, _CHANNEL])
@public("The signature proves the link; the page names nobody who did not agree to it.")
@blueprint.response(200, _PAGE, content_type="text/html")
@blueprint.alt_response(404, schema=_PAGE, content_type="text/html")
@blueprint.alt_response(410, schema=_PAGE, content_type="text/html")
def invite(signed_code: str) -> Response:
    """Show an invitation.

    A page for people, and a preview for messengers. Its button leads to the share link, which records the click.
    """
    choose_language()
    found = by_signed_code(signed_code)
    return show_notice("unknown", status=404) if found is None else _show(found, signed_code.upper())


@blueprint.get("/i/<app_slug>/<code>", operation_id="showPrettyInvitation", parameters=[SLUG, CODE, LANG, _CHANNEL])
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
    found = by_typed_code(app_slug, code)
    return show_notice("unknown", status=404) if found is None else _show(found, signed_code_of(found))


@blueprint.get("/code/<app_slug>", operation_id="showCodePage", parameters=[SLUG, LANG])
@public("A form; what is typed into it is looked up with a limit.")
@blueprint.response(200, _PAGE, content_type="text/html")
def code_page(app_slug: str) -> Response:
    """Show the page to type a code.

    For friends who were told a code. The same for every slug, whether or not there is such an app.
    """
    choose_language()
    return _code_form(app_slug)


@blueprint.post("/code/<app_slug>", operation_id="lookUpTypedCode", parameters=[SLUG, LANG])
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
    found = by_typed_code(app_slug, typed)
    if found is None:
        fault = current_voice().gettext("We do not know this code. Compare it letter by letter, or ask your friend.")
        return _code_form(app_slug, typed=typed, fault=fault, status=404)
    return cast(Response, redirect(f"/i/{signed_code_of(found)}{_language_asked_for()}", code=303))


def _show(found: Invitation, signed_code: str) -> Response:
    brand = brand_of(found.branding, program_name=found.program_name)
    now = business_time(found)
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


def _code_form(slug: str, *, typed: str = "", fault: str | None = None, status: int = 200) -> Response:
    form = {"action": f"/code/{quote(slug, safe='')}{_language_asked_for()}", "typed": typed, "fault": fault}
    title = current_voice().gettext("Enter your code")
    return show_page("code.html", title=title, brand=NOBODY, status=status, code=form)


def _language_asked_for() -> str:
    asked_for = request.args.get(LANGUAGE_PARAMETER)
    return f"?{urlencode({LANGUAGE_PARAMETER: asked_for})}" if asked_for else ""
