"""A customer's own page over HTTP: by itself, and as a panel in the app's own site."""

from __future__ import annotations

from typing import Any

from flask import Response

from referral_service.codes.links import links_of
from referral_service.codes.signed_code import sign_code
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import service
from referral_service.kit.http.parameters import path_parameter
from referral_service.share.languages import LOCALES
from referral_service.share.mine.read_page import PageData, read_page
from referral_service.share.mine.tell_page import Addresses, tell_page
from referral_service.share.pages.assets import ASSETS
from referral_service.share.pages.page import (
    LANGUAGE_PARAMETER,
    THEME_PARAMETER,
    THEMES,
    brand_of,
    choose_language,
    show_notice,
    show_page,
)
from referral_service.share.tokens import InvalidShareToken, read_participant
from referral_service.share.wiring import current_voice
from referral_service.tenants.auth import public

_TOKEN = path_parameter("token", "A share token.", example="SHARE-TOKEN")
_QUERY: list[dict[str, Any]] = [
    {
        "name": LANGUAGE_PARAMETER,
        "in": "query",
        "required": False,
        "description": f"The language: {', '.join(f'`{locale}`' for locale in LOCALES)}. Any other, or none: the "
        "customer's own, else the browser's.",
        "schema": {"type": "string"},
    },
    {
        "name": THEME_PARAMETER,
        "in": "query",
        "required": False,
        "description": f"{' or '.join(f'`{theme}`' for theme in THEMES)}. Any other, or none: as the device is set.",
        "schema": {"type": "string"},
    },
]
_HTML: dict[str, Any] = {"type": "string"}
_OVER = "No token that counts, whatever the reason."

blueprint = Blueprint("share-pages", __name__, description="A customer's own share page.")


@blueprint.get("/me/<token>", operation_id="openSharePage", parameters=[_TOKEN, *_QUERY])
@public("The token proves whose page it is; it is timed and can be revoked.")
@blueprint.response(200, _HTML, content_type="text/html")
@blueprint.alt_response(404, schema=_HTML, content_type="text/html", description=_OVER)
def mine(token: str) -> Response:
    """Open a customer's share page.

    The link with all ways to share it, friends and where each stands, rewards, balances, milestones and coupons.

    For the customer's own eyes; nobody may frame it.
    """
    data = _read(token)
    if data is None:
        return show_notice("page_over", status=404)
    page = tell_page(current_voice(), data, addresses=_addresses(data))
    brand = brand_of(data.branding, program_name=data.program_name)
    return show_page("mine.html", title=f"{page.headline} · {brand.name}", brand=brand, scripts=["share.js"], mine=page)


@blueprint.get("/me/<token>/embed", operation_id="openSharePanel", parameters=[_TOKEN, *_QUERY])
@public("The token proves whose panel it is; it is timed and can be revoked.")
@blueprint.response(200, _HTML, content_type="text/html")
@blueprint.alt_response(404, schema=_HTML, content_type="text/html", description=_OVER)
def panel(token: str) -> Response:
    """Open the share panel that the widget frames.

    The link and the ways to share it, without anybody's affairs.

    The program's `embed_origins` may frame it, nobody else.
    """
    data = _read(token)
    if data is None:
        return show_notice("page_over", status=404)
    page = tell_page(current_voice(), data, addresses=_addresses(data))
    brand = brand_of(data.branding, program_name=data.program_name)
    origins = data.branding.embed_origins
    response = show_page(
        "embed.html",
        title=f"{page.headline} · {brand.name}",
        brand=brand,
        scripts=["share.js"],
        framed_by=origins,
        mine=page,
        embed={"script_url": ASSETS["embed.js"].path, "origins": " ".join(origins)},
    )
    # So that sites that isolate themselves (COEP) may frame it too. Who may at all is said by its policy.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Cross-Origin-Embedder-Policy"] = "require-corp"
    del response.headers["Cross-Origin-Opener-Policy"]
    return response


def _read(token: str) -> PageData | None:
    """Read all that a token opens, in one transaction, and choose the language. None: it opens nothing."""
    wired = service()
    now = wired.clock.now()

    def work(session: Any) -> PageData | None:
        participant = read_participant(session, wired.key_ring, token, now=now)
        return read_page(session, wired.sealer, participant=participant)

    try:
        data = wired.database.read(work)
    except InvalidShareToken:
        data = None
    choose_language(None if data is None else data.participant.locale)
    return data


def _addresses(data: PageData) -> Addresses | None:
    if data.folded is None:
        return None
    wired = service()
    signed_code = sign_code(wired.key_ring, folded=data.folded, app_id=data.participant.app_id)
    links = links_of(wired.settings.base_url, signed_code)
    return Addresses(
        link=links.share_url if data.branding.links_lead_to == "landing_page" else links.invite_url,
        qr_svg_path=f"/q/{signed_code}.svg",
        qr_png_path=f"/q/{signed_code}.png",
    )
