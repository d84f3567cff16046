from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral_service.kit.clock import (
    LEEWAY_SECONDS,
    FixedClock,
    SystemClock,
    format_rfc3339,
    monotonic_seconds,
    parse_rfc3339,
    utc,
)

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def test_system_clock_tells_real_time_in_utc() -> None:
    before = datetime.now(UTC)
    told = SystemClock().now()
    assert before <= told <= datetime.now(UTC)
    assert told.tzinfo is UTC


def test_fixed_clock_stands_still_until_it_is_advanced() -> None:
    clock = FixedClock(NOON)
    assert clock.now() == clock.now() == NOON
    assert clock.advance(timedelta(days=1)) == NOON + timedelta(days=1)
    assert clock.now() == NOON + timedelta(days=1)


def test_fixed_clock_refuses_to_run_backwards() -> None:
    clock = FixedClock(NOON)
    with pytest.raises(ValueError, match="forward"):
        clock.advance(timedelta(microseconds=-1))
    assert clock.now() == NOON


def test_fixed_clock_loses_no_advance_of_any_thread() -> None:
    clock = FixedClock(NOON)

    def advance_often() -> None:
        for _ in range(500):
            clock.advance(timedelta(seconds=1))

    threads = [Thread(target=advance_often) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.now() == NOON + timedelta(seconds=4000)


def test_fixed_clock_and_utc_refuse_a_time_without_a_zone() -> None:
    naive = NOON.replace(tzinfo=None)
    for refuse in (utc, FixedClock, format_rfc3339):
        with pytest.raises(ValueError, match="time zone"):
            refuse(naive)


def test_utc_keeps_the_moment_and_changes_the_zone() -> None:
    told_in_tokyo = datetime(2026, 1, 31, 21, 0, tzinfo=timezone(timedelta(hours=9)))
    assert utc(told_in_tokyo) == NOON
    assert utc(told_in_tokyo).tzinfo is UTC


def test_monotonic_seconds_never_run_backwards() -> None:
    first = monotonic_seconds()
    assert monotonic_seconds() >= first


def test_leeway_is_one_minute() -> None:
    assert LEEWAY_SECONDS == 60


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T12:00:00Z", NOON),
        ("2026-01-31t12:00:00z", NOON),
        ("2026-01-31T14:30:00+02:30", NOON),
        ("2026-01-31T07:00:00-05:00", NOON),
        ("2026-01-31T12:00:00-00:00", NOON),
        ("2026-01-31T12:00:00.5Z", NOON.replace(microsecond=500_000)),
        ("2026-01-31T12:00:00.000001Z", NOON.replace(microsecond=1)),
        ("2026-01-31T12:00:00.000001999Z", NOON.replace(microsecond=1)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_rfc3339_times_are_read_as_the_moment_they_name(text: str, moment: datetime) -> None:
    # Compared in UTC: a time that a zone's clocks skip equals nothing in any other zone (PEP 495).
    assert parse_rfc3339(text) == moment.astimezone(UTC)
    assert parse_rfc3339(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00Z",
        "2026-01-31T12:00:00,5Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00.0000000001Z",
        "2026-01-31T12:00:00Z\n",
        "2026-01-31T24:00:00Z",
        "2026-01-31T23:59:60Z",
        "2026-02-30T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00+01:60",
        "2026-01-31T12:00:00+0100",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "٢٠٢٦-01-31T12:00:00Z",
        "1767268800",
    ],
)
def test_anything_but_an_rfc3339_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - datetime's own messages are among them
        parse_rfc3339(text)


def test_written_times_end_in_z_and_omit_an_empty_fraction() -> None:
    assert format_rfc3339(NOON) == "2026-01-31T12:00:00Z"
    assert format_rfc3339(NOON.replace(microsecond=120)) == "2026-01-31T12:00:00.000120Z"
    assert format_rfc3339(NOON.astimezone(timezone(timedelta(hours=-8)))) == "2026-01-31T12:00:00Z"


@given(st.datetimes(timezones=st.timezones()))
def test_a_written_time_is_read_back_exactly(moment: datetime) -> None:
    try:
        text = format_rfc3339(moment)
    except OverflowError:  # The first or last hours of the calendar, seen from another zone.
        return
    # Compared in UTC: a time that a zone's clocks skip equals nothing in any other zone (PEP 495).
    assert parse_rfc3339(text) == moment.astimezone(UTC)


@given(st.text(max_size=40))
def test_no_text_raises_anything_but_value_error(text: str) -> None:
    try:
        parse_rfc3339(text)
    except ValueError:
        return
