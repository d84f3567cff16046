"""What may stand in a program's branding, checked in one place for the API, the command line and recipes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from referral_service.programs.branding import PLACEHOLDERS, TEXTS, BrandingDocument, LogoName, whole_branding
from referral_service.programs.logo import Logo
from referral_service.programs.policy import host_fault, landing_url_fault

DISPLAY_NAME_CHARACTERS_MAX = 80
EMBED_ORIGINS_MAX = 20
ORIGIN_CHARACTERS_MAX = 270
LANGUAGES_MAX = 20
LANGUAGE_PATTERN = r"[a-z]{2,3}(-[A-Z]{2})?"
COLOUR_PATTERN = r"#[0-9A-Fa-f]{6}"
NOT_OUR_LOGO = "Send the image itself as logo; logo_url only keeps the logo that the program has now."

# What reads like a placeholder, also a mistaken one. Other braces are text.
_MEANT_AS_PLACEHOLDER = re.compile(r"\{([\w.\- ]*)\}")
# Turn or hide the order in which what follows is read (Unicode, UAX 9): a name could seem to be another.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Control characters, line and paragraph separators, and what has no meaning that others share.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Co", "Zl", "Zp"})
_SEEN_CATEGORIES = frozenset("LNPS")
_KNOWN = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)

Errors = dict[str, list[str]]


def check_branding(
    said: Mapping[str, Any], *, logo_now: LogoName | None, development: bool
) -> tuple[BrandingDocument, Errors]:
    """Return the branding as it is stored, and every fault by its dotted path. The types are known to be right.

    `said` has the fields of the API; its `logo` is a `Logo`. What is left out gets its default, but `logo_url` keeps
    the logo that the program has now.
    """
    document = whole_branding({name: value for name, value in said.items() if name not in ("logo", "logo_url")})
    errors = {f"branding.{path}": [fault] for path, fault in _faults(document, development=development)}
    document["colour"] = document["colour"].lower()
    document["embed_origins"] = list(dict.fromkeys(document["embed_origins"]))
    document["texts"] = {
        language: {name: texts.get(name) for name in TEXTS} for language, texts in sorted(document["texts"].items())
    }
    logo: Logo | None = said.get("logo")
    document["logo"] = None if logo is None else logo.sha256
    if logo is None and said.get("logo_url") is not None:
        if logo_now is None or not said["logo_url"].endswith(logo_now.path):
            errors["branding.logo_url"] = [NOT_OUR_LOGO]
        else:
            document["logo"] = logo_now.sha256
    return document, errors


def text_fault(text: str) -> str | None:
    """Return what is wrong with a plain text that people read, None where nothing is."""
    if any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in text):
        return "Must not hold control characters or line breaks."
    if not _BIDI.isdisjoint(text):
        return "Must not hold characters that override the direction of writing."
    if not any(unicodedata.category(character)[0] in _SEEN_CATEGORIES for character in text):
        return "Must hold something to read; null stands for the default."
    return None


def placeholder_fault(text: str) -> str | None:
    """Return what is wrong with the placeholders of a text, None where nothing is."""
    unknown = [name for name in _MEANT_AS_PLACEHOLDER.findall(text) if name not in PLACEHOLDERS]
    if not unknown:
        return None
    return f"Knows no placeholder {{{unknown[0]}}}. There are {_KNOWN}."


def url_fault(url: str, *, development: bool) -> str | None:
    """Return what is wrong with an address that a page links to: https only, in development also this very machine."""
    if fault := landing_url_fault(url, development=False):
        return fault
    if urlsplit(url).scheme != "https" and not development:
        return "Must begin with https://."
    return None


def origin_fault(origin: str, *, development: bool) -> str | None:
    """Return what is wrong with an origin as browsers write it (RFC 6454, section 6.2), None where nothing is."""
    wrong = "Must be one origin as browsers write it, such as https://shop.example: no path, no wildcard, lower case."
    if len(origin) > ORIGIN_CHARACTERS_MAX or url_fault(origin, development=development):
        return wrong
    parts = urlsplit(origin)
    host, port = parts.hostname or "", parts.port
    if port == {"https": 443, "http": 80}[parts.scheme]:
        return "Must not name the port that every browser takes by itself."
    written = f"{parts.scheme}://{host}" if port is None else f"{parts.scheme}://{host}:{port}"
    return None if origin == written and host_fault(host) is None else wrong


def _faults(document: BrandingDocument, *, development: bool) -> Iterator[tuple[str, str]]:
    name = document["display_name"]
    if name is not None:
        if not 1 <= len(name) <= DISPLAY_NAME_CHARACTERS_MAX:
            yield "display_name", f"Must be 1 to {DISPLAY_NAME_CHARACTERS_MAX} characters."
        elif fault := text_fault(name):
            yield "display_name", fault
    if not re.fullmatch(COLOUR_PATTERN, document["colour"]):
        yield "colour", "Must be a colour such as #5b21b6."
    for field in ("terms_url", "privacy_url"):
        if document[field] is not None and (fault := url_fault(document[field], development=development)):
            yield field, fault
    if len(document["embed_origins"]) > EMBED_ORIGINS_MAX:
        yield "embed_origins", f"Must not name more than {EMBED_ORIGINS_MAX} origins."
    for n, origin in enumerate(document["embed_origins"][:EMBED_ORIGINS_MAX]):
        if fault := origin_fault(origin, development=development):
            yield f"embed_origins.{n}", fault
    yield from _text_faults(document["texts"])


def _text_faults(by_language: Mapping[str, Mapping[str, str | None]]) -> Iterator[tuple[str, str]]:
    if len(by_language) > LANGUAGES_MAX:
        yield "texts", f"Must not hold more than {LANGUAGES_MAX} languages."
        return
    for language, texts in by_language.items():
        if not re.fullmatch(LANGUAGE_PATTERN, language):
            yield f"texts.{language}", "Must be a language such as uk or pt-BR."
        for name, text in texts.items():
            if text is None:
                continue
            if not 1 <= len(text) <= TEXTS[name]:
                yield f"texts.{language}.{name}", f"Must be 1 to {TEXTS[name]} characters."
            elif fault := text_fault(text) or placeholder_fault(text):
                yield f"texts.{language}.{name}", fault
