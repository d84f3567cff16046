"""Watch every statement that is carried out, and ask the database what it reads for it.

Each is carried out once ahead of time within a savepoint that is taken back: PostgreSQL tells by EXPLAIN ANALYZE which
rows each step of the plan took into its hand, SQLite its plan, and how many instructions it needed. So a statement is
judged by what it does, with the very parameters and on the very data, and not by what a planner expects.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from asked import heard
from plans.grown import GROWING

from referral_service.kit.db.engines import Database

# How often one and the same text is looked at: what it reads may depend on its parameters.
LOOKS_MAX = 4
# A batch is a thousand rows at most, and a page a hundred. A table that is read through shows 4,000 and more.
ROWS_MAX = 1_500
# SQLite's way of counting: a row that is read and thrown away costs at least four instructions.
INSTRUCTIONS_MAX = 14_000
_STEP = 100
_READS = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
_WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE)\b", re.IGNORECASE)
_SCANNED = re.compile(r"^SCAN (\S+)(?: USING (?:COVERING )?INDEX (\S+))?")


@dataclass(slots=True)
class Reading:
    """One statement with one set of parameters: its plan, the growing tables it reads through, what it costs."""

    statement: str
    plan: str
    scanned: set[str] = field(default_factory=set)
    rows: int = 0
    instructions: int = 0

    @property
    def grows(self) -> bool:
        """Whether it costs more the more there is."""
        return bool(self.scanned) or self.rows > ROWS_MAX or self.instructions > INSTRUCTIONS_MAX

    @property
    def complaint(self) -> str:
        return (
            f"{self.statement}\n  reads through {sorted(self.scanned)}, {self.rows} rows, "
            f"{self.instructions} instructions\n{self.plan}"
        )


@dataclass(slots=True)
class Watch:
    """The worst reading of each statement, by its text."""

    readings: dict[str, Reading] = field(default_factory=dict)
    looks: Counter[str] = field(default_factory=Counter)

    def note(self, reading: Reading) -> None:
        known = self.readings.get(reading.statement)
        if known is None or _weight(known) < _weight(reading):
            self.readings[reading.statement] = reading

    def growing(self) -> list[Reading]:
        """Those that cost more the more there is, in the order in which they came."""
        return [reading for reading in self.readings.values() if reading.grows]


def _weight(reading: Reading) -> tuple[int, int, int]:
    return (len(reading.scanned), reading.rows, reading.instructions)


@contextmanager
def watched(database: Database) -> Iterator[Watch]:
    """Look at every statement of the service while the block runs."""
    watch = Watch()

    def look(_conn: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if not _READS.match(statement) or watch.looks[statement] >= LOOKS_MAX:
            return
        watch.looks[statement] += 1
        # Many sets of parameters are a list; or one flat set, where many rows are written into one statement.
        given = parameters[0] if isinstance(parameters, list) else parameters
        ask = _ask_sqlite if database.is_sqlite else _ask_postgres
        reading = ask(cursor.connection, statement, given)
        if reading is not None:
            watch.note(reading)

    with heard(database, look):
        yield watch


def _ask_postgres(connection: Any, statement: str, parameters: Any) -> Reading | None:
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT looking")
        try:
            cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", parameters)
            (told,) = cursor.fetchone()
        except connection.Error:
            # What the service itself is refused (a key that is there already) reads nothing worth looking at.
            told = None
        cursor.execute("ROLLBACK TO SAVEPOINT looking")
        cursor.execute("RELEASE SAVEPOINT looking")
    if told is None:
        return None
    reading = Reading(statement, json.dumps([_brief(node) for node in _nodes(told[0]["Plan"])], indent=1))
    for node in _nodes(told[0]["Plan"]):
        if node.get("Relation Name") not in GROWING or node["Node Type"] == "ModifyTable":
            continue
        if node["Node Type"] == "Seq Scan":
            reading.scanned.add(node["Relation Name"])
        taken = node["Actual Rows"] + sum(node.get(f"Rows Removed by {why}", 0) for why in _REMOVED)
        reading.rows += round(taken * node["Actual Loops"])
    return reading


_REMOVED = ("Filter", "Index Recheck", "Join Filter")


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _brief(node: dict[str, Any]) -> dict[str, Any]:
    told = ("Node Type", "Relation Name", "Index Name", "Index Cond", "Filter", "Sort Key", "Actual Rows")
    return {name: node[name] for name in (*told, "Actual Loops", "Rows Removed by Filter") if name in node}


def _ask_sqlite(connection: Any, statement: str, parameters: Any) -> Reading | None:
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += _STEP
        return 0

    driver = getattr(connection, "driver_connection", connection)
    cursor = driver.cursor()
    plan = [row[-1] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    reading = Reading(statement, "\n".join(plan))
    names = _aliases(statement)
    for line in plan:
        # What the statement does not name is looked at for a foreign key, and only where one is broken already.
        if (found := _SCANNED.match(line)) and (name := names.get(found[1], found[1])) in GROWING and name in statement:
            reading.scanned.add(name)
    writes = _WRITES.match(statement)
    if writes:
        cursor.execute("SAVEPOINT looking")
    driver.set_progress_handler(count, _STEP)
    try:
        cursor.execute(statement, parameters).fetchall()
    except driver.Error:
        # What the service itself is refused (a key that is there already) says nothing.
        pass
    finally:
        driver.set_progress_handler(None, 0)
        if writes:
            cursor.execute("ROLLBACK TO SAVEPOINT looking")
            cursor.execute("RELEASE SAVEPOINT looking")
    reading.instructions = steps
    return reading


def _aliases(statement: str) -> dict[str, str]:
    """The tables by the names that the statement gives them."""
    return {alias: table for table, alias in re.findall(r"(\w+) AS (\w+)", statement) if table in GROWING}
