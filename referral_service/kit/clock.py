"""The only place that reads the clock, and the one text form of times (RFC 3339, UTC)."""

from __future__ import annotations

import re
import time
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone
from threading import Lock
from typing import Protocol

# Clocks of senders and servers differ a little: a time this far ahead still counts as now.
LEEWAY_SECONDS = 60

_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)


class Clock(Protocol):
    """Whatever tells the time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class SystemClock:
    """Real time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is advanced; safe to share between threads."""

    def __init__(self, start: datetime) -> None:
        self._now = utc(start)
        self._lock = Lock()

    def now(self) -> datetime:
        """Return the moment the clock stands at, aware, in UTC."""
        with self._lock:
            return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move the clock forward by `by` and return the new moment; raise ValueError for a move backwards."""
        if by < timedelta(0):
            raise ValueError("A clock only moves forward.")
        with self._lock:
            self._now += by
            return self._now


def monotonic_seconds() -> float:
    """Return seconds from an arbitrary start that never run backwards: for spans, never for dates."""
    return time.monotonic()


def utc(moment: datetime) -> datetime:
    """Return `moment` in UTC; raise ValueError when it carries no time zone."""
    if moment.utcoffset() is None:
        raise ValueError("A time without a time zone is ambiguous.")
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def months_later(moment: datetime, months: int) -> datetime:
    """Return the same day and time so many calendar months later; the month's last day where it has no such day."""
    years, month = divmod(moment.month - 1 + months, 12)
    year = moment.year + years
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def parse_rfc3339(text: str) -> datetime:
    """Return the moment that an RFC 3339 `date-time` names, in UTC.

    Any offset is taken. Digits after the microseconds are cut off, not rounded, so that no moment moves
    ahead. Leap seconds are refused, since `datetime` cannot hold them. Raises ValueError.
    """
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError("Not an RFC 3339 time such as 2026-01-31T09:30:00Z.")
    *fields, fraction, sign, offset_hours, offset_minutes = found.groups()
    year, month, day, hour, minute, second = map(int, fields)
    microsecond = int((fraction or "0")[:6].ljust(6, "0"))
    zone = UTC
    if sign is not None:
        if int(offset_hours) > 23 or int(offset_minutes) > 59:
            raise ValueError("The offset from UTC is out of range.")
        offset = timedelta(hours=int(offset_hours), minutes=int(offset_minutes))
        zone = timezone(-offset if sign == "-" else offset)
    try:
        return utc(datetime(year, month, day, hour, minute, second, microsecond, tzinfo=zone))
    except OverflowError as error:
        raise ValueError("The time is out of range.") from error


def format_rfc3339(moment: datetime) -> str:
    """Return `moment` as RFC 3339 in UTC with a Z: six digits after the second, or none where all are zero.

    Raises ValueError for a moment without a time zone.
    """
    return utc(moment).replace(tzinfo=None).isoformat() + "Z"
