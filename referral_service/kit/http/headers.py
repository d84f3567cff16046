"""Headers that every answer carries, and the address of the caller behind trusted proxies."""

from __future__ import annotations

from flask import Flask, Response
from werkzeug.middleware.proxy_fix import ProxyFix

from referral_service.config import Settings
from referral_service.kit.http.caller import find_caller

# An answer of the API is no page: whatever a browser makes of it, it loads nothing and is framed nowhere.
API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
HSTS = "max-age=63072000; includeSubDomains"


def standard_headers(settings: Settings) -> list[tuple[str, str]]:
    """Return what every answer says unless its view says otherwise."""
    headers = [
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Content-Security-Policy", API_POLICY),
    ]
    if settings.base_url.startswith("https://"):
        headers.append(("Strict-Transport-Security", HSTS))
    return headers


def install(app: Flask, settings: Settings) -> None:
    """Set the headers of this application's answers; a view that sets one of them itself keeps its own."""
    standard = standard_headers(settings)

    @app.after_request
    def add(response: Response) -> Response:
        for name, value in standard:
            response.headers.setdefault(name, value)
        if find_caller() is not None:
            response.headers["Cache-Control"] = "no-store"
        return response

    if settings.trusted_proxies:
        # Only the address and the scheme: links are made from the settings, so no header may name the host.
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0, x_port=0, x_prefix=0)  # type: ignore[method-assign]
