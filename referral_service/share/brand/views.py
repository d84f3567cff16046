"""A program's logo over HTTP: a public file, as its pages and whoever previews a link show it."""

from __future__ import annotations

from flask import Response, request

from referral_service.kit.errors import NotFound
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import service
from referral_service.programs.branding import LogoName
from referral_service.programs.schemas import PROGRAM_ID_PARAMETER
from referral_service.programs.store_logo import find_logo
from referral_service.tenants.auth import public

# What is found under an address that names the logo never changes; without it another may be there tomorrow.
NAMED_KEEP_SECONDS = 365 * 24 * 60 * 60
UNNAMED_KEEP_SECONDS = 300

_NAME = {
    "name": "v",
    "in": "query",
    "required": False,
    "description": "Which logo is meant, as `logo_url` has it: with it, browsers keep the picture for good.",
    "schema": {"type": "string"},
}
_HEADERS = {"ETag": {"required": True, "schema": {"type": "string"}}}

blueprint = Blueprint("brand", __name__, description="What pages show of a program's branding.")


@blueprint.get("/brand/<program_id>/logo.png", operation_id="getLogo", parameters=[PROGRAM_ID_PARAMETER, _NAME])
@public("A picture that the program shows to everybody.")
@blueprint.response(200, {"type": "string", "format": "binary"}, content_type="image/png", headers=_HEADERS)
@blueprint.alt_response(304, description="The logo that the browser has (`If-None-Match`) is still the one.")
def logo(program_id: str) -> Response:
    """Load a program's logo.

    A PNG of at most 512 pixels a side.
    """
    found = service().database.read(lambda session: find_logo(session, program_id=program_id))
    if found is None:
        raise NotFound
    is_named = request.args.get("v") == LogoName(program_id, found.sha256).tag
    response = Response(found.png, content_type="image/png")
    kept = f"public, max-age={NAMED_KEEP_SECONDS}, immutable" if is_named else f"public, max-age={UNNAMED_KEEP_SECONDS}"
    response.headers["Cache-Control"] = kept
    # Shown in the app's own site too, also where that isolates itself.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.set_etag(found.sha256)
    response.make_conditional(request)
    return response
