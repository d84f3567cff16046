"""The API's reference and the list of errors as pages. Swagger UI's files come from its wheel: no CDN."""

from __future__ import annotations

import mimetypes
from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Response, render_template

from referral_service.kit.errors import NotFound, catalogue
from referral_service.tenants.auth import public

# Swagger UI sets style attributes and shows icons as data: addresses; scripts come as files of ours alone.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
PLAIN_PAGE_POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_DIST = Path(flask_swagger_ui.__file__).parent / "dist"
_ASSETS = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "index.css", "favicon-32x32.png"})

blueprint = Blueprint("docs", __name__, template_folder="templates")


@blueprint.get("/docs")
@public("The documentation of a self-hosted API.")
def reference() -> Response:
    """Show the API's reference."""
    return _page("docs.html", PAGE_POLICY)


@blueprint.get("/docs/assets/<name>")
@public("Files of a public page.")
def asset(name: str) -> Response:
    """Serve one of the few files that the pages load."""
    if name == "start.js":
        return Response(render_template("docs_start.js"), mimetype="text/javascript")
    if name == "errors.css":
        return Response(render_template("errors.css"), mimetype="text/css")
    if name not in _ASSETS:
        raise NotFound
    response = Response((_DIST / name).read_bytes(), mimetype=mimetypes.guess_type(name)[0])
    response.headers["Cache-Control"] = "max-age=3600"
    return response


@blueprint.get("/docs/errors")
@public("The documentation of a self-hosted API.")
def errors() -> Response:
    """Show every error that the service can answer with, under its code: where a problem's `type` leads."""
    return _page("errors.html", PLAIN_PAGE_POLICY, catalogue=catalogue())


def _page(template: str, policy: str, **values: object) -> Response:
    response = Response(render_template(template, **values), mimetype="text/html")
    response.headers["Content-Security-Policy"] = policy
    response.headers["Cache-Control"] = "max-age=300"
    return response
