"""JSON lines: one record a line, which is one JSON object."""

from __future__ import annotations

from collections.abc import Iterator

from referral_service.kit import strict_json
from referral_service.webhooks_in.backfill.lines import TOO_LONG, Found, Lines, Read, Unreadable
from referral_service.webhooks_in.providers.exports.exported import UnknownRecord
from referral_service.webhooks_in.providers.provider import Provider
from referral_service.webhooks_in.read_message import BODY_BYTES_MAX

# The envelope that a record is put into nests it a little deeper, and a webhook's body may go 32 deep.
_DEPTH_MAX = 28


def read_json_lines(lines: Lines, provider: Provider, *, from_line: int) -> Iterator[Read]:
    """Yield what each line from `from_line` on stands for. Blank lines are passed over."""
    for number, raw in lines:
        if number < from_line:
            continue
        if raw is None:
            yield Unreadable(number, TOO_LONG)
        elif raw.strip():
            yield _record(number, raw.strip(), provider)


def _record(number: int, raw: bytes, provider: Provider) -> Read:
    try:
        record = strict_json.loads(
            raw, max_bytes=BODY_BYTES_MAX, max_depth=_DEPTH_MAX, max_string=provider.string_characters_max
        )
        if not isinstance(record, dict):
            return Unreadable(number, "The line is no JSON object.")
        return Found(number, tuple(provider.exported(record)))
    except strict_json.MalformedJson as error:
        return Unreadable(number, strict_json.SENTENCES[error.reason].replace("The body", "The line"))
    except UnknownRecord as error:
        return Unreadable(number, str(error))
