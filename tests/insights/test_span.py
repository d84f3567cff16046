"""Which span of time a question about the past means."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from referral_service.insights.span import NoSuchSpan, Span, span_of

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)
END_OF_TODAY = datetime(2026, 3, 2, tzinfo=UTC) - INSTANT


def test_nothing_said_means_thirty_days_with_today() -> None:
    assert span_of(None, None, now=NOW) == Span(datetime(2026, 1, 31, tzinfo=UTC), END_OF_TODAY)


def test_a_date_means_the_whole_day() -> None:
    span = span_of(date(2026, 2, 1), date(2026, 2, 2), now=NOW)

    assert span == Span(datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 3, tzinfo=UTC) - INSTANT)


def test_a_time_means_itself() -> None:
    assert span_of(NOW - DAY, NOW, now=NOW) == Span(NOW - DAY, NOW)


def test_a_start_alone_reaches_to_the_end_of_today() -> None:
    assert span_of(date(2026, 2, 28), None, now=NOW) == Span(datetime(2026, 2, 28, tzinfo=UTC), END_OF_TODAY)


def test_an_end_alone_has_thirty_days_before_it() -> None:
    span = span_of(None, date(2026, 1, 30), now=NOW)

    assert span == Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 31, tzinfo=UTC) - INSTANT)


def test_a_whole_leap_year_is_allowed_and_a_day_more_is_not() -> None:
    assert span_of(date(2028, 1, 1), date(2028, 12, 31), now=NOW).end.year == 2028
    with pytest.raises(NoSuchSpan, match="at most 366 days"):
        span_of(date(2028, 1, 1), date(2029, 1, 1), now=NOW)


@pytest.mark.parametrize(("start", "end"), [(date(2026, 3, 2), None), (date(2026, 2, 2), date(2026, 2, 1))])
def test_a_span_does_not_run_backwards(start: date, end: date | None) -> None:
    with pytest.raises(NoSuchSpan, match="after the end"):
        span_of(start, end, now=NOW)
