"""Read a genuine message: its name, its type, and what it means. Pure, and never refused: what cannot be read is
parked with a reason, for an error would make the provider send it again for days, and then give up on the source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from referral_service.events.given import GivenEvent
from referral_service.events.policy import lies_ahead
from referral_service.kit import strict_json
from referral_service.webhooks_in.providers.own_rows import ROW, translate_row
from referral_service.webhooks_in.providers.provider import (
    MALFORMED_BODY,
    OCCURRED_IN_FUTURE,
    Around,
    Ignored,
    Labels,
    Parked,
    Provider,
    Several,
    Translation,
)

BODY_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """What one body says. `external_id` is the provider's id, or the body's hash where it has none."""

    external_id: str
    provider_type: str
    translation: Translation

    @property
    def type(self) -> str:
        """Our own type of it; empty where it means nothing here."""
        return "" if isinstance(self.translation, Ignored) else self.translation.type


def read_message(
    provider: Provider,
    raw: bytes,
    *,
    external_id: str | None,
    is_test: bool,
    now: datetime,
    provider_type: str | None = None,
) -> Message:
    """Translate a verified body. `external_id` and `provider_type` are the id and type that came outside the body.

    `now` is business time.
    """
    try:
        body = strict_json.loads(raw, max_bytes=BODY_BYTES_MAX, max_string=provider.string_characters_max)
    except strict_json.MalformedJson:
        body = None
    if not isinstance(body, dict):
        return Message(external_id or _digest_of(raw), provider_type or "", Parked(MALFORMED_BODY))
    return read_body(
        provider, body, raw=raw, external_id=external_id, is_test=is_test, now=now, provider_type=provider_type
    )


def read_body(
    provider: Provider,
    body: Mapping[str, Any],
    *,
    raw: bytes,
    external_id: str | None,
    is_test: bool,
    now: datetime,
    provider_type: str | None = None,
) -> Message:
    """Translate a verified body that has been parsed from `raw`; see `read_message`."""
    if provider_type == ROW:
        labels, translate = Labels(None, ROW), translate_row
    else:
        labels, translate = provider.labels(body), provider.translate
    # A body that calls itself a row is none: it would be another message when it is replayed.
    kind = provider_type or labels.provider_type.replace(ROW, "")
    name = external_id or labels.external_id
    if name is None:
        return Message(_digest_of(raw), kind, Parked(MALFORMED_BODY))
    said = translate(body, Around(name, kind, is_test=is_test, now=now))
    return Message(name, kind, _as_of(said, now))


def _digest_of(raw: bytes) -> str:
    """Return a name for a body without one: two are the same message if they are the same to the byte."""
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def _as_of(said: Translation, now: datetime) -> Translation:
    """Park what its sender says will happen only."""
    told = said.events if isinstance(said, Several) else (said,) if isinstance(said, GivenEvent) else ()
    lies_before_us = any(lies_ahead(event.occurred_at, now=now) for event in told)
    return Parked(OCCURRED_IN_FUTURE, told[0].type) if lies_before_us else said
