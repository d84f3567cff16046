"""Headers that every answer carries, and the address of the caller behind trusted proxies."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from referral_service.config import Settings

# An answer of the API is no page: whatever a browser makes of it, it loads nothing and is framed nowhere.
API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
HSTS = "max-age=63072000; includeSubDomains"


def of_every_answer(settings: Settings) -> dict[str, str]:
    """Return the headers that an answer has unless it sets them itself."""
    common = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": API_POLICY,
    }
    if settings.base_url.startswith("https://"):
        common["Strict-Transport-Security"] = HSTS
    return common


def install(app: Flask, settings: Settings) -> None:
    """Believe the proxies that the settings name, and nobody else."""
    if settings.trusted_proxies:
        # Only the address and the scheme: links are made from the settings, so no header may name the host.
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0, x_port=0, x_prefix=0)  # type: ignore[method-assign]
