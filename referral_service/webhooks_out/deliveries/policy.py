"""When a message that did not get through is sent again. Pure.

The waits are those of Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks): 0, 5 s, 5 min,
30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h: ten attempts in about three days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

RETRY_AFTER_MAX = timedelta(hours=24)
JITTER = 0.2
_SECONDS_DIGITS_MAX = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How patiently messages are sent. `waits` are those before the first, second … attempt."""

    waits: tuple[timedelta, ...] = (
        timedelta(0),
        timedelta(seconds=5),
        timedelta(minutes=5),
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=5),
        timedelta(hours=10),
        timedelta(hours=14),
        timedelta(hours=20),
        timedelta(hours=24),
    )
    # Longer than any attempt takes (15 s): a message whose worker lives is never taken from it.
    lease: timedelta = timedelta(seconds=30)


def next_attempt_at(
    pace: Pace, *, attempts: int, ended_at: datetime, retry_after: datetime | None, jitter: float
) -> datetime | None:
    """Return when to try again after `attempts` failures in a row, or None where it is not tried any more.

    `jitter` from -1 to 1 shortens or lengthens the wait by up to a fifth, so that what failed together does not come
    back together. A receiver that asks for more time gets it, up to a day.
    """
    if attempts >= len(pace.waits):
        return None
    at = ended_at + pace.waits[attempts] * (1 + JITTER * jitter)
    return at if retry_after is None else max(at, min(retry_after, ended_at + RETRY_AFTER_MAX))


def read_retry_after(text: str | None, *, now: datetime) -> datetime | None:
    """Read a Retry-After header (RFC 9110, 10.2.3: seconds or a date); None where it says nothing that can be read.

    Raises nothing: what a receiver writes there must not reach anybody else's messages.
    """
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return now + timedelta(seconds=int(text)) if len(text) <= _SECONDS_DIGITS_MAX else now + RETRY_AFTER_MAX
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    # A date that no calendar holds, such as the last evening of the year 9999 west of Greenwich, overflows.
    except (ValueError, OverflowError):
        return None
