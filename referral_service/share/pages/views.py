"""The pages' files over HTTP."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, request

from referral_service.kit.errors import NotFound
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import Service
from referral_service.kit.http.parameters import path_parameter
from referral_service.share import wiring
from referral_service.share.pages.assets import ASSETS
from referral_service.tenants.auth import public

KEEP_SECONDS = 365 * 24 * 60 * 60

_TAG = path_parameter("tag", "A hash of the file.", example="0f1e2d3c4b5a6978")
_NAME = path_parameter("name", "The file's name.", example="share.css")
_FILE: dict[str, Any] = {"type": "string"}

blueprint = Blueprint("page-files", __name__, description="What the pages load.", template_folder="../templates")


def install(app: Flask, service: Service) -> None:  # noqa: ARG001
    """Teach the application the languages of the pages, once."""
    wiring.install(app)


@blueprint.get("/assets/share/<tag>/<name>", operation_id="getPageFile", parameters=[_TAG, _NAME])
@public("A file of every page; it says nothing of anybody.")
@blueprint.response(200, _FILE, content_type="text/css")
@blueprint.alt_response(404)
def asset(tag: str, name: str) -> Response:
    """Load a file of the pages.

    A style sheet or a script, under the hash of its content, which browsers may keep for good.
    """
    found = ASSETS.get(name)
    if found is None or found.tag != tag:
        raise NotFound
    is_compressed = request.accept_encodings.quality("gzip") > 0
    response = Response(found.compressed if is_compressed else found.body, content_type=found.content_type)
    if is_compressed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = f"public, max-age={KEEP_SECONDS}, immutable"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
