"""What an exported record is turned into: the messages that its provider's webhooks would have sent about it.

What a message means is said once, where webhooks are translated. Here a record is only put into the envelope it would
have come in. Its name is the webhook's where the provider has one for it; else it begins with `export:` and stays the
same from export to export for as long as the record says the same, so that a file may be read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from referral_service.webhooks_in.providers.body_fields import identifier

PREFIX = "export:"
_DIGEST_CHARACTERS = 32


class UnknownRecord(ValueError):
    """A record that is nothing this provider exports, or lacks what names it; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A message as a webhook would have carried it; `provider_type` and `external_id` where its headers would have."""

    body: Mapping[str, Any]
    provider_type: str | None = None
    external_id: str | None = None


def id_of(record: Mapping[str, Any], name: str = "id") -> str:
    """Return the id of a record; raise UnknownRecord."""
    found = identifier(record.get(name))
    if found is None:
        raise UnknownRecord(f"The record has no {name}.")
    return found


def export_name(*parts: str) -> str:
    """Return how a message is called that has no name of its own."""
    return PREFIX + ":".join(parts)


def digest(said: Any) -> str:
    """Return a short text that is another one when something else is said. Nobody's address belongs in it: names of
    messages are shown, and kept for ever.
    """
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()[:_DIGEST_CHARACTERS]
