"""Headers that every answer carries, and the address of the caller behind trusted proxies."""

from __future__ import annotations

from flask import Flask, Response
from werkzeug.middleware.proxy_fix import ProxyFix

from referral_service.config import Settings
from referral_service.kit.http.caller import find_caller

# An answer of the API is no page: whatever a browser makes of it, it loads nothing and is framed nowhere.
API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
HSTS = "max-age=63072000; includeSubDomains"


def install(app: Flask, settings: Settings) -> None:
    """Set the headers of this application's answers; a view that sets one of them itself keeps its own."""
    is_https = settings.base_url.startswith("https://")

    @app.after_request
    def add(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("Content-Security-Policy", API_POLICY)
        if find_caller() is not None:
            headers["Cache-Control"] = "no-store"
        if is_https:
            headers.setdefault("Strict-Transport-Security", HSTS)
        return response

    if settings.trusted_proxies:
        # Only the address and the scheme: links are made from the settings, so no header may name the host.
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0, x_port=0, x_prefix=0)  # type: ignore[method-assign]
