"""Flask-Babel for the pages: the request's language, and what templates say in it."""

from __future__ import annotations

from typing import Any

from flask import Flask, g
from flask_babel import Babel

from referral_service.share.languages import DEFAULT, LANGUAGES, LOCALES, TRANSLATIONS, language_of
from referral_service.share.voice import Voice, voice_of


def install(app: Flask) -> None:
    """Give templates `_`, `ngettext`, `voice`, `language` and `languages`, in the language of the request.

    A view says which one by `use_locale`; until then, and outside of the pages, it is the default one.
    """
    Babel(
        app,
        default_locale=DEFAULT,
        default_translation_directories=str(TRANSLATIONS),
        locale_selector=current_locale,
    )
    app.context_processor(_of_the_request)


def use_locale(locale: str) -> None:
    """Speak this language, one of LOCALES, for the rest of the request; any other is the default one.

    Must be called before anything is said, since Flask-Babel keeps what it has once asked for.
    """
    g.locale = locale if locale in LOCALES else DEFAULT


def current_locale() -> str:
    """The locale of the request."""
    locale: str = g.get("locale", DEFAULT)
    return locale


def current_voice() -> Voice:
    """The voice of the request's language."""
    return voice_of(current_locale())


def _of_the_request() -> dict[str, Any]:
    return {"voice": current_voice(), "language": language_of(current_locale()), "languages": LANGUAGES}
