"""The floor for HTTP: a bare Flask application, served by the same server with the same settings."""

from __future__ import annotations

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from benchmarks import bare_pages

# As many as the service shows on one page.
FRIENDS_SHOWN = 50

application = Flask(__name__)


@application.get("/r/<code>")
def bare_redirect(code: str) -> WerkzeugResponse:  # noqa: ARG001
    return redirect("https://shop.example/welcome?ref=K7QM3XTS")


@application.get("/i/<code>")
def bare_invitation(code: str) -> str:  # noqa: ARG001
    return bare_pages.invitation()


@application.get("/me/<token>")
def bare_share_page(token: str) -> str:  # noqa: ARG001
    return bare_pages.share_page(FRIENDS_SHOWN)


@application.post("/empty")
def empty_post() -> Response:
    request.get_data()
    return Response(b"{}", mimetype="application/json")


@application.get("/healthz")
def health() -> str:
    return "ok"
