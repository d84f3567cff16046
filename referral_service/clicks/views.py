"""Share links over HTTP: public, fast, and silent about what does not exist."""

from __future__ import annotations

from typing import Any, cast

from flask import Flask, Response, current_app, request

from referral_service.clicks.bots import kind_of_visit
from referral_service.clicks.follow_link import ShareLinks, Visit
from referral_service.clicks.landing import Landings
from referral_service.clicks.record import ClickBuffer
from referral_service.kit.errors import NotFound
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import Service, limited_by_address
from referral_service.kit.http.limits import CODE_LOOKUPS
from referral_service.kit.http.parameters import path_parameter
from referral_service.kit.http.problems import problem_response
from referral_service.tenants.auth import public

# Each visit is a click of its own, and no search engine lists what it leads to.
LINK_HEADERS = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
FOLLOW_ROUTE = "/r/<signed_code>"

SHARE_LINKS = "referral_service.share_links"
CLICKS = "referral_service.clicks"

# Whoever follows a dead link is a person, not a program; and learns no more than a program would.
DEAD_LINK_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>This link leads nowhere</title><h1>This link leads nowhere</h1>"
    "<p>It may have ended, or a part of it is missing. Ask whoever sent it for a new one.</p></html>"
)

_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "ch",
        "in": "query",
        "required": False,
        "description": "How the link was shared, such as `whatsapp`: 1 to 32 of a-z, 0-9, _ and -.",
        "schema": {"type": "string"},
    },
    {
        "name": "to",
        "in": "query",
        "required": False,
        "description": "An https address to go to instead of the landing page, on one of the program's own hosts. Any "
        "other is as if it were not there.",
        "schema": {"type": "string"},
    },
]
_SIGNED_CODE = path_parameter("signed_code", "A signed code.", example="A11CE200000010019FG5ZPB72R3WY6N3")
_SLUG = path_parameter("app_slug", "The app's slug.", example="shop")
_CODE = path_parameter("code", "A public code.", example="ALICE20")

_ON = "On to the landing page, with the code and a click token in the query."
_WHERE = {"Location": {"required": True, "schema": {"type": "string", "format": "uri"}}}

blueprint = Blueprint("links", __name__, description="Share links: a click, and on to the landing page.")


def install(app: Flask, service: Service) -> None:
    """Make what the links need, once for this application."""
    clicks = ClickBuffer(service.database)
    app.extensions[CLICKS] = clicks
    app.extensions[SHARE_LINKS] = ShareLinks(
        key_ring=service.key_ring,
        landings=Landings(service.database),
        clicks=clicks,
        clock=service.clock,
        insecure=service.settings.development,
    )


def close(app: Flask) -> None:
    """Write the clicks that wait; before the database is disposed of."""
    cast(ClickBuffer, app.extensions[CLICKS]).close()


@blueprint.get(FOLLOW_ROUTE, operation_id="followLink", parameters=[_SIGNED_CODE, *_PARAMETERS])
@public("The signature proves the link; a click earns nothing by itself.")
@blueprint.response(302, description=_ON, headers=_WHERE)
@blueprint.alt_response(404)
@blueprint.alt_response(404, schema={"type": "string"}, content_type="text/html")
def follow(signed_code: str) -> Response:
    """Follow a share link.

    Records the click of a person and redirects to the program's landing page with `ref` (the public code) and
    `ref_click` (a signed click token). Link previews, prefetches and HEAD get the redirect without a click. Links that
    are unknown, revoked or of a program that is not active all answer the same.
    """
    return _answer(links_of(current_app).follow_signed(signed_code, _visit()))


@blueprint.get("/r/<app_slug>/<code>", operation_id="followPrettyLink", parameters=[_SLUG, _CODE, *_PARAMETERS])
@public("Codes are short, so the look-ups are limited by address and cost the same for all.")
@limited_by_address(CODE_LOOKUPS)
@blueprint.response(302, description=_ON, headers=_WHERE)
@blueprint.alt_response(404)
@blueprint.alt_response(404, schema={"type": "string"}, content_type="text/html")
def follow_pretty(app_slug: str, code: str) -> Response:
    """Follow a pretty share link, with the app's slug and a public code.

    The same as a signed link, but for a limit of 30 look-ups a minute by address; programs may want signed links only.
    """
    return _answer(links_of(current_app).follow_typed(app_slug, code, _visit()))


def links_of(app: Flask) -> ShareLinks:
    """Return what follows the links of this application."""
    return cast(ShareLinks, app.extensions[SHARE_LINKS])


def _visit() -> Visit:
    kind = kind_of_visit(request.method, request.headers)
    # Most links have no query: there is nothing to parse then.
    if not request.query_string:
        return Visit(kind)
    return Visit(kind, channel=request.args.get("ch"), to=request.args.get("to"))


def _answer(location: str | None) -> Response:
    if location is None:
        if "text/html" not in request.headers.get("Accept", ""):
            return problem_response(NotFound())
        response = Response(DEAD_LINK_PAGE, status=404, content_type="text/html; charset=utf-8")
    else:
        response = Response(status=302)
        # Written by us from checked parts; werkzeug would parse and join it once more.
        response.autocorrect_location_header = False
        response.headers["Location"] = location
        del response.headers["Content-Type"]
    response.headers.update(LINK_HEADERS)
    return response
