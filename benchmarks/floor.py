"""The floor for HTTP: a bare Flask application, served by the same server with the same settings."""

from __future__ import annotations

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

application = Flask(__name__)


@application.get("/r/<code>")
def bare_redirect(code: str) -> WerkzeugResponse:  # noqa: ARG001
    return redirect("https://shop.example/welcome?ref=K7QM3XTS")


@application.post("/empty")
def empty_post() -> Response:
    request.get_data()
    return Response(b"{}", mimetype="application/json")


@application.get("/healthz")
def health() -> str:
    return "ok"
