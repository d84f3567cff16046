"""The frame of every page: language, the program's colours, and headers that let it load nothing from anybody else."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Response, render_template, request

from referral_service.programs.branding import COLOUR, Branding
from referral_service.programs.palette import palette
from referral_service.share.languages import LANGUAGES, choose
from referral_service.share.pages.assets import ASSETS
from referral_service.share.wiring import current_locale, current_voice, use_locale
from referral_service.share.words.notices import NoticeKind, notice

LANGUAGE_PARAMETER, THEME_PARAMETER = "lang", "theme"
THEMES = ("light", "dark")
_NONCE_BYTES = 16
# What a language link keeps of the query: the channel belongs to the visit.
_KEPT_PARAMETERS = ("ch", THEME_PARAMETER)


@dataclass(frozen=True, slots=True)
class Brand:
    """Whose page it is. `properties` are the colours as CSS custom properties; addresses are ours, but for the two."""

    name: str | None
    colour: str
    properties: str
    logo_url: str | None = None
    terms_url: str | None = None
    privacy_url: str | None = None


NOBODY = Brand(None, COLOUR, palette(COLOUR).properties)


def brand_of(branding: Branding, *, program_name: str) -> Brand:
    """Return what a page shows of a program."""
    return Brand(
        name=branding.display_name or program_name,
        colour=branding.colour,
        properties=branding.palette.properties,
        logo_url=branding.logo.path if branding.logo else None,
        terms_url=branding.terms_url,
        privacy_url=branding.privacy_url,
    )


def choose_language(customer_locale: str | None = None) -> str:
    """Speak what the query asks for, else the customer's language, else the browser's; returns the locale."""
    use_locale(choose(request.args.get(LANGUAGE_PARAMETER), customer_locale, request.headers.get("Accept-Language")))
    return current_locale()


def show_page(
    template: str,
    *,
    title: str,
    brand: Brand,
    status: int = 200,
    scripts: Sequence[str] = (),
    framed_by: Sequence[str] = (),
    **values: Any,
) -> Response:
    """Return a page, in the language that was chosen. It may be framed by the origins in `framed_by`, else by nobody.
    `scripts` are names of ASSETS.

    Pages are nobody's to keep: they name people, or change with the program.
    """
    nonce = secrets.token_urlsafe(_NONCE_BYTES)
    asked_for = request.args.get(THEME_PARAMETER)
    frame: dict[str, Any] = {
        "title": title,
        "lang": current_locale(),
        "theme": asked_for if asked_for in THEMES else None,
        "nonce": nonce,
        "brand": brand,
        "languages": _language_links(),
        "css_url": ASSETS["share.css"].path,
        "icon_url": brand.logo_url or ASSETS["icon.svg"].path,
        "js_urls": [ASSETS[name].path for name in scripts],
    }
    response = Response(
        render_template(f"share/{template}", page=frame, **values),
        status=status,
        content_type="text/html; charset=utf-8",
    )
    headers = response.headers
    headers["Content-Security-Policy"] = _policy(nonce, framed_by)
    headers["Cache-Control"] = "no-store"
    headers["Referrer-Policy"] = "no-referrer"
    headers["X-Robots-Tag"] = "noindex"
    headers["Content-Language"] = current_locale()
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=()"
    headers["Vary"] = "Accept-Language"
    return response


def show_notice(kind: NoticeKind, *, status: int, brand: Brand = NOBODY) -> Response:
    """Return the page that says that there is nothing to show."""
    said = notice(current_voice(), kind)
    message = {"headline": said.title, "lead": said.text}
    return show_page("message.html", title=said.title, brand=brand, status=status, message=message)


def _language_links() -> list[dict[str, str]]:
    kept = [(name, request.args[name]) for name in _KEPT_PARAMETERS if name in request.args]
    return [
        {
            "code": language.locale,
            "name": language.name,
            "url": "?" + urlencode([*kept, (LANGUAGE_PARAMETER, language.locale)]),
        }
        for language in LANGUAGES
    ]


def _policy(nonce: str, framed_by: Sequence[str]) -> str:
    """The Content-Security-Policy: nothing but our own files, and the one style element that holds the colours."""
    parts = {
        "default-src": "'none'",
        "style-src": f"'self' 'nonce-{nonce}'",
        "script-src": "'self'",
        "img-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": " ".join(framed_by) or "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in parts.items())
