"""How a program's pages look and what they say, as values: nothing here is checked, only understood."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from referral_service.programs.palette import Palette, palette

COLOUR = "#5b21b6"
# What may stand in a text, in braces: who shares, the program, what it gives, and the link.
PLACEHOLDERS = ("referrer", "program", "offer", "link")
# By text: how many characters it may have.
TEXTS = {"headline": 140, "lead": 300, "button": 40, "share_message": 300}

BrandingDocument: TypeAlias = dict[str, Any]
# Where the links lead that customers share: to the invitation, or past it to the app's own site.
LinksLeadTo: TypeAlias = Literal["invite_page", "landing_page"]
LINKS_LEAD_TO: tuple[LinksLeadTo, ...] = get_args(LinksLeadTo)

_PLACEHOLDER = re.compile(r"\{(" + "|".join(PLACEHOLDERS) + r")\}")
_LOGO_TAG_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Texts:
    """A program's own texts in one language; for what is None, the pages make one from the offer."""

    headline: str | None = None
    lead: str | None = None
    button: str | None = None
    share_message: str | None = None


@dataclass(frozen=True, slots=True)
class LogoName:
    """A stored logo: whose, and the SHA-256 of its PNG in hexadecimal digits."""

    program_id: str
    sha256: str

    @property
    def tag(self) -> str:
        """As much of the hash as tells one logo of a program from the next."""
        return self.sha256[:_LOGO_TAG_CHARACTERS]

    @property
    def path(self) -> str:
        """Where it is served. Another logo has another address, so that browsers may keep this one for good."""
        return f"/brand/{self.program_id}/logo.png?v={self.tag}"


@dataclass(frozen=True, slots=True)
class Branding:
    """`display_name` None: the program's own name. `texts` by language (`uk`)."""

    display_name: str | None
    colour: str
    logo: LogoName | None
    terms_url: str | None
    privacy_url: str | None
    embed_origins: tuple[str, ...]
    attribution_consent: bool
    links_lead_to: LinksLeadTo
    texts: Mapping[str, Texts]

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any], *, program_id: str) -> Branding:
        """Read what `programs.branding` holds; a program of before there was any has the defaults."""
        whole = whole_branding(stored)
        return cls(
            display_name=whole["display_name"],
            colour=whole["colour"],
            logo=None if whole["logo"] is None else LogoName(program_id, whole["logo"]),
            terms_url=whole["terms_url"],
            privacy_url=whole["privacy_url"],
            embed_origins=tuple(whole["embed_origins"]),
            attribution_consent=whole["attribution_consent"],
            links_lead_to=whole["links_lead_to"],
            texts={language: Texts(**texts) for language, texts in whole["texts"].items()},
        )

    @property
    def palette(self) -> Palette:
        """What goes with the colour."""
        return palette(self.colour)


def whole_branding(stored: Mapping[str, Any]) -> BrandingDocument:
    """Return a stored document with every default; `logo` is the hash of the logo's PNG."""
    defaults: BrandingDocument = {
        "display_name": None,
        "colour": COLOUR,
        "logo": None,
        "terms_url": None,
        "privacy_url": None,
        "embed_origins": [],
        "attribution_consent": False,
        "links_lead_to": "invite_page",
        "texts": {},
    }
    return defaults | dict(stored)


def branding_document(stored: Mapping[str, Any], *, program_id: str) -> BrandingDocument:
    """Return the branding as it is shown: the logo by its address, which the edge completes."""
    shown = whole_branding(stored)
    sha256 = shown.pop("logo")
    return shown | {"logo_url": None if sha256 is None else LogoName(program_id, sha256).path}


def filled(text: str, words: Mapping[str, str]) -> str:
    """Put words in place of the placeholders, all at once: what is put in is not looked through again.

    One without a word stays as it is. The result is plain text.
    """
    return _PLACEHOLDER.sub(lambda found: words.get(found[1], found[0]), text)
