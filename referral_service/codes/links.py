"""The addresses under which a code is shared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode

CHANNEL_PATTERN = "[a-z0-9_-]{1,32}"
_CHANNEL = re.compile(CHANNEL_PATTERN)


@dataclass(frozen=True, slots=True)
class Links:
    """Where a signed code leads: the redirect, the invite page, the QR code."""

    share_url: str
    invite_url: str
    qr_url: str


def is_channel(text: str) -> bool:
    """Tell whether a text may name the way a link is shared (`whatsapp`)."""
    return _CHANNEL.fullmatch(text) is not None


def links_of(base_url: str, signed_code: str, *, channel: str | None = None) -> Links:
    """Return the links of a signed code; a channel is noted in those that people open."""
    tag = "" if channel is None else "?" + urlencode({"ch": channel})
    return Links(
        share_url=f"{base_url}/r/{signed_code}{tag}",
        invite_url=f"{base_url}/i/{signed_code}{tag}",
        qr_url=f"{base_url}/q/{signed_code}.svg",
    )
