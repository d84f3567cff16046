"""The scripts over HTTP: public files, which any site may load."""

from __future__ import annotations

from typing import cast

from flask import Flask, Response, current_app, request

from referral_service.kit.errors import NotFound
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import Service
from referral_service.kit.http.parameters import path_parameter
from referral_service.share.scripts.program_scripts import ProgramScripts
from referral_service.share.scripts.render import Script
from referral_service.tenants.auth import public

SCRIPTS = "referral_service.program_scripts"
# How long a browser may go on with what it has. Afterwards it asks whether there is another.
BROWSERS_KEEP_SECONDS = 300

_PROGRAM_ID = path_parameter("program_id", "The program's id, `prg_…`.", example="prg_01k0c7q2v8f3w9n5x4z6t1r0me")
_HEADERS = {"ETag": {"required": True, "schema": {"type": "string"}}}
_UNCHANGED = "The script that the browser has (`If-None-Match`) is still the one."

blueprint = Blueprint("scripts", __name__, description="Scripts for an app's own pages.")


def install(app: Flask, service: Service) -> None:
    """Make what the scripts need, once for this application."""
    app.extensions[SCRIPTS] = ProgramScripts(service.database)


@blueprint.get("/attribution/<program_id>.js", operation_id="getAttributionScript", parameters=[_PROGRAM_ID])
@public("A file for every visitor of the app's site; it holds no secret of the program.")
@blueprint.response(200, {"type": "string"}, content_type="text/javascript", headers=_HEADERS)
@blueprint.alt_response(304, description=_UNCHANGED)
def attribution(program_id: str) -> Response:
    """Load the script that keeps the click.

    For a `<script src>` in the app's own pages. It keeps the code and the click token that a share link brought, on the
    page's own origin, and writes them into forms that are marked `data-referral`.
    """
    return _answer("attribution.js", program_id)


@blueprint.get("/widget/<program_id>.js", operation_id="getWidgetScript", parameters=[_PROGRAM_ID])
@public("A file for every visitor of the app's site; what it shows needs a participant's token.")
@blueprint.response(200, {"type": "string"}, content_type="text/javascript", headers=_HEADERS)
@blueprint.alt_response(304, description=_UNCHANGED)
def widget(program_id: str) -> Response:
    """Load the script that shows the share panel.

    For a `<script src data-token>` in the app's own pages. It adds a frame with the customer's share panel, which grows
    with what it holds, and tells the page what was shared.
    """
    return _answer("widget.js", program_id)


def _answer(name: str, program_id: str) -> Response:
    scripts = cast(ProgramScripts, current_app.extensions[SCRIPTS])
    script = scripts.find(name, program_id=program_id)
    if script is None:
        raise NotFound
    return _response(script)


def _response(script: Script) -> Response:
    is_compressed = request.accept_encodings.quality("gzip") > 0
    response = Response(
        script.compressed if is_compressed else script.body, content_type="text/javascript; charset=utf-8"
    )
    if is_compressed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = f"public, max-age={BROWSERS_KEEP_SECONDS}"
    # Sites that isolate themselves (COEP), or load it with `crossorigin`, may use it like any other.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    # Weak: one tag for the plain and the compressed bytes.
    response.set_etag(script.tag, weak=True)
    response.make_conditional(request)
    return response
