"""A circle of people, played once through the service itself and then copied with other ids, names and days.

What the verbs wrote for it is read back row by row: five who refer fifty friends, of whom five buy. Whatever a room
comes to write is thereby copied as it is, and no line here knows a column but the few totals at the bottom.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from threading import Event
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask.testing import FlaskClient
from sqlalchemy import Table, text

from benchmarks.asks import purchase_message
from benchmarks.stage import Cast
from referral_service.all_models import metadata
from referral_service.app import close, create_app
from referral_service.config import Settings
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.kit.http.wiring import EXTENSION
from referral_service.kit.ids import encode_number
from referral_service.worker import work_off

# Friends, and how many of them buy, of each who refers.
CIRCLE = ((2, 0), (4, 0), (6, 1), (8, 1), (30, 3))
FRIENDS = sum(friends for friends, _ in CIRCLE)

# A copy's number in seven characters of Crockford base32, and what stands in its place while the circle is played.
_DIGITS, _MARK, _WARM_UP = 7, "zzzzzzz", "yyyyyyy"
# Placeholders of one character that no row holds: they are what makes copying cheap.
_NUMBER, _NUMBER_UPPER, _TIME, _POSITION, _FIRST_DAY = "\x01", "\x03", "\x04", "\x05", 0x0E
_SUFFIX = re.compile(r"(?<![0-9a-z])[0-7][0-9a-hjkmnp-tv-z]{25}")
_DATE = re.compile(r"(?<!\d)\d{4}-\d\d-\d\d(?!\d)")
# Retention empties it before long, and sealed bytes can be opened for one row only.
_EMPTIED = (("inbound_events", "body_ct"),)
NULL = "\\N"

Lines = dict[str, set[str]]


class StencilFault(Exception):
    """The service writes something that copying would get wrong: the harness has to learn of it first."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows of one table that fill the same columns: a line each, tab-separated, as COPY reads them."""

    table: str
    columns: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Stencil:
    """The circle's rows with placeholders. `dates` are days from its own by placeholder; `told` are its notifications,
    whose positions go on after `last_position`.
    """

    day: date
    sheets: tuple[Sheet, ...]
    dates: Mapping[str, int]
    told: int
    last_position: int

    def on(self, day: date) -> list[Sheet]:
        """The sheets as they would be had the circle met on `day`; the copy's number is still open."""
        moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        values = {mark: (day + timedelta(days=days)).isoformat() for mark, days in self.dates.items()}
        # The first 48 bits of a UUIDv7 (RFC 9562) are milliseconds: ten characters of its text.
        values[_TIME] = encode_number(int(moment.timestamp() * 1000), 10).lower()
        return [Sheet(sheet.table, sheet.columns, _filled(sheet.text, values)) for sheet in self.sheets]

    def stamp(self, text_of_day: str, copy: int) -> str:
        """Fill a sheet's text, made by `on`, with the number of a copy."""
        number = encode_number(copy, _DIGITS)
        stamped = text_of_day.replace(_NUMBER, number.lower()).replace(_NUMBER_UPPER, number)
        parts = stamped.split(_POSITION)
        if len(parts) > 1:
            before = self.last_position + copy * self.told
            parts[1::2] = [str(before + int(offset)) for offset in parts[1::2]]
        return "".join(parts)

    def ids(self, table: str, *, copy: int, day: date, where: str = "") -> list[str]:
        """The ids of a copy's rows of this table whose line holds `where`."""
        found = []
        for sheet in self.on(day):
            if sheet.table == table:
                at = sheet.columns.index("id")
                found += [line.split("\t")[at] for line in self.stamp(sheet.text, copy).split("\n") if where in line]
        return found


def names(copy: int) -> tuple[list[str], list[str]]:
    """Who refers in a copy, and their friends who have not bought, by the app's own ids."""
    mark = encode_number(copy, _DIGITS).lower()
    owners = [_owner(mark, nth) for nth in range(len(CIRCLE))]
    friends = [_friend(mark, nth, n) for nth, (all_, buy) in enumerate(CIRCLE) for n in range(buy, all_)]
    return owners, friends


def cut(database: Database, settings: Settings, cast: Cast, *, clock: FixedClock) -> Stencil:
    """Play the circle on the day of `clock` and make a stencil of what is new. Raises StencilFault."""
    # What is written once for all (accounts of the program, heads of counters) is there after the first time.
    _play(database, settings, cast, clock, _WARM_UP)
    before = _lines(database, cast.app_id)
    _play(database, settings, cast, clock, _MARK)
    after = _lines(database, cast.app_id)
    new = {name: lines - before[name] for name, lines in after.items()}
    changed = {name for name, lines in before.items() if lines - after[name]}
    if unforeseen := changed - TOTALS.keys() - COUNTED_LATER:
        raise StencilFault(f"Totals that nobody here knows of: {', '.join(sorted(unforeseen))}.")
    copied = new.keys() - TOTALS.keys() - COUNTED_LATER
    rows = {name: sorted(new[name]) for name in sorted(copied) if new[name]}
    day = clock.now().date()
    marks = _marks(rows, known=set(_SUFFIX.findall("\n".join("\n".join(lines) for lines in before.values()))))
    dates = sorted({found for lines in rows.values() for line in lines for found in _DATE.findall(line)})
    days = {chr(_FIRST_DAY + nth): written for nth, written in enumerate(dates)}
    if _FIRST_DAY + len(days) > ord(" "):
        raise StencilFault(f"More different days than placeholders: {', '.join(dates)}.")
    last_before, last = (_last_position(lines["notification_heads"]) for lines in (before, after))
    marks |= {written: mark for mark, written in days.items()}
    marks |= {_MARK: _NUMBER, _MARK.upper(): _NUMBER_UPPER}
    sheets = [sheet for name, lines in rows.items() for sheet in _sheets(name, lines, marks, last_before)]
    return Stencil(
        day=day,
        sheets=tuple(sheets),
        dates={mark: (date.fromisoformat(written) - day).days for mark, written in days.items()},
        told=last - last_before,
        last_position=last,
    )


def _play(database: Database, settings: Settings, cast: Cast, clock: FixedClock, mark: str) -> None:
    """Let the circle live through the API, and the worker do what is due then."""
    app = create_app(settings, clock=clock, database=database)
    try:
        client = app.test_client()
        for nth, (friends, buyers) in enumerate(CIRCLE):
            _refer(client, cast, clock, mark, nth, friends)
            for n in range(buyers):
                clock.advance(timedelta(seconds=1))
                body, headers = purchase_message(cast, _friend(mark, nth, n), now=clock.now())
                _done(client.post(f"/v1/hooks/{cast.source_id}", data=body, headers=headers))
        work_off(app.extensions[EXTENSION], stop=Event())
    finally:
        close(app)
    with database.write_engine.begin() as connection:
        for table, column in _EMPTIED:
            emptied = text(f"UPDATE {table} SET {column} = NULL WHERE app_id = :app_id")  # noqa: S608
            connection.execute(emptied, {"app_id": cast.app_id})


def _refer(client: FlaskClient, cast: Cast, clock: FixedClock, mark: str, nth: int, friends: int) -> None:
    headers = {"Authorization": f"Bearer {cast.api_key}"}
    owner = _owner(mark, nth)
    _done(client.put(f"/v1/customers/{owner}", json={"leaderboard_opt_in": True}, headers=headers))
    wanted = {"customer_id": owner, "vanity": f"ALLY{nth}{mark.upper()}"}
    code = _done(client.post(f"/v1/programs/{cast.program_id}/codes", json=wanted, headers=headers))
    for n in range(friends):
        clock.advance(timedelta(seconds=1))
        followed = client.get(f"/r/{code['signed_code']}", headers={"User-Agent": "Mozilla/5.0 (bench)"})
        (token,) = parse_qs(urlsplit(followed.headers["Location"]).query)["ref_click"]
        claim = {"click_token": token, "referee": {"customer_id": _friend(mark, nth, n)}}
        _done(client.post("/v1/referrals", json=claim, headers=headers))


def _done(answer: Any) -> Any:
    if answer.status_code not in (200, 201):
        raise StencilFault(f"{answer.status_code}: {answer.get_data(as_text=True)[:300]}")
    return answer.json


def _owner(mark: str, nth: int) -> str:
    return f"owner-{mark}-{nth}"


def _friend(mark: str, nth: int, n: int) -> str:
    return f"friend-{mark}-{nth}-{n}"


def _lines(database: Database, app_id: int) -> Lines:
    """Every row of the app as a line of COPY's text format, by table."""
    tables = [table for table in metadata.sorted_tables if "app_id" in table.columns]
    with database.read_engine.connect() as connection:
        raw = connection.connection.cursor()
        return {table.name: set(_rows_of(raw, table, app_id, is_sqlite=database.is_sqlite)) for table in tables}


def _rows_of(raw: Any, table: Table, app_id: int, *, is_sqlite: bool) -> Iterator[str]:
    asked = f"SELECT {', '.join(table.columns.keys())} FROM {table.name} WHERE app_id = {int(app_id)}"  # noqa: S608
    if is_sqlite:
        # SQLite turns the texts back into what the columns hold when they are written.
        for row in raw.execute(asked):
            yield "\t".join(NULL if value is None else str(value) for value in row)
        return
    with raw.copy(f"COPY ({asked}) TO STDOUT") as copy:
        yield from b"".join(map(bytes, copy)).decode().splitlines()


def _marks(rows: Mapping[str, list[str]], *, known: set[str]) -> dict[str, str]:
    """What each id of the circle becomes: still in their order, and still UUIDs of version 7."""
    own = sorted({found for lines in rows.values() for line in lines for found in _SUFFIX.findall(line)} - known)
    return {suffix: f"{_TIME}e008{_NUMBER}{encode_number(nth, 5).lower()}" for nth, suffix in enumerate(own)}


def _sheets(name: str, lines: list[str], marks: Mapping[str, str], last_position: int) -> Iterator[Sheet]:
    columns = metadata.tables[name].columns.keys()
    alike: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for line in lines:
        values = line.split("\t")
        if any("\\" in value for value in values if value != NULL):
            raise StencilFault(f"A row of {name} holds what has no plain text.")
        if name == "notifications":
            at = columns.index("position")
            values[at] = f"{_POSITION}{int(values[at]) - last_position}{_POSITION}"
        left_out = NOTED_LATER.get(name, frozenset())
        filled = tuple(n for n, value in enumerate(values) if value != NULL and columns[n] not in left_out)
        alike[filled].append(_filled("\t".join(values[n] for n in filled), marks))
    for filled, texts in alike.items():
        yield Sheet(name, tuple(columns[n] for n in filled), "\n".join(sorted(texts)))


def _filled(text_: str, values: Mapping[str, str]) -> str:
    for mark, value in values.items():
        text_ = text_.replace(mark, value)
    return text_


# --- totals: rows that all circles share -----------------------------------------------------------------------

TOTALS = {
    "notification_heads": (
        "UPDATE notification_heads SET last_position = last_position + :told WHERE app_id = :app_id"
    ),
}
# The worker counts these from the rows, when they are there.
COUNTED_LATER = {"change_tallies", "click_tallies", "counters", "rank_counts"}
# And notes in the rows that it has.
NOTED_LATER = {
    "conversions": frozenset({"is_tallied", "tallied_on", "tallied_state"}),
    "ranks": frozenset({"is_tallied", "tallied"}),
}


def _last_position(lines: set[str]) -> int:
    (line,) = lines
    at = metadata.tables["notification_heads"].columns.keys().index("last_position")
    return int(line.split("\t")[at])
