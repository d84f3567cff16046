"""Which span of time a question about the past means. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

DAYS_DEFAULT, DAYS_MAX = 30, 366
_DAY, _INSTANT = timedelta(days=1), timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` to `end`, both edges included, UTC."""

    start: datetime
    end: datetime


class NoSuchSpan(ValueError):
    """Its text says what is wrong."""


def span_of(start: date | datetime | None, end: date | datetime | None, *, now: datetime) -> Span:
    """Return the span from `start` to `end`; a date means the whole day, in UTC. At most 366 days.

    Without an end it goes to the end of the day of `now`; without a start it is 30 days long. Raises NoSuchSpan.
    """
    last = _end_of(now.date()) if end is None else _last_instant(end)
    first = last - DAYS_DEFAULT * _DAY + _INSTANT if start is None else _first_instant(start)
    if first > last:
        raise NoSuchSpan("Must not lie after the end of the span.")
    if last - first > DAYS_MAX * _DAY:
        raise NoSuchSpan(f"Must lie at most {DAYS_MAX} days before the end of the span.")
    return Span(first, last)


def whole_days(span: Span) -> Span | None:
    """The days that lie within the span from their first instant to their last."""
    first, last = span.start.date(), span.end.date()
    if span.start.time() != time.min:
        if first == last:
            return None
        first += _DAY
    if span.end.time() != time.max:
        if first >= last:
            return None
        last -= _DAY
    zone = span.start.tzinfo
    return Span(datetime.combine(first, time.min, zone), datetime.combine(last, time.max, zone))


def parts_of_days(span: Span, whole: Span | None) -> list[Span]:
    """What of the span lies before and after its whole days."""
    if whole is None:
        return [span]
    before = [Span(span.start, whole.start - _INSTANT)] if span.start < whole.start else []
    after = [Span(whole.end + _INSTANT, span.end)] if whole.end < span.end else []
    return before + after


def _first_instant(said: date | datetime) -> datetime:
    return said if isinstance(said, datetime) else datetime.combine(said, time.min, UTC)


def _last_instant(said: date | datetime) -> datetime:
    return said if isinstance(said, datetime) else _end_of(said)


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time.max, UTC)
