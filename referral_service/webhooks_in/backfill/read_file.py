"""Read a provider's export: JSON lines, or a table."""

from __future__ import annotations

from collections.abc import Iterator

from referral_service.webhooks_in.backfill.json_lines import read_json_lines
from referral_service.webhooks_in.backfill.lines import Lines, Read, UnusableFile
from referral_service.webhooks_in.backfill.tables import read_table
from referral_service.webhooks_in.providers.provider import Provider


def read_file(lines: Lines, provider: Provider, *, from_line: int = 1) -> Iterator[Read]:
    """Return the records from the line `from_line` on, in their order, as they are asked for.

    Raises UnusableFile, at once, for a file that is neither.
    """
    begins = lines.peek()
    if begins.startswith(b"["):
        raise UnusableFile("The file is one JSON array. Write one record a line: jq -c '.[]' FILE > records.jsonl")
    if not begins or begins.startswith(b"{"):
        return read_json_lines(lines, provider, from_line=from_line)
    return read_table(lines, provider, from_line=from_line)
