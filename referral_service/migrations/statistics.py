"""What SQLite's planner should think of our tables: that they are large.

PostgreSQL looks at its tables by itself. SQLite does not, and without numbers it takes every index for as good as the
next: it would read a whole tenant in the order of its ids rather than sort the three rows that another index finds.
So it is told once how selective each column is, the same for every installation, whatever is in it: plans are then as
good on the first day as after years, and do not change under anybody's feet. Filling `sqlite_stat1` by hand is what
SQLite's own documentation proposes for that (https://www.sqlite.org/queryplanner-ng.html#howtofix).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

ROWS = 1_000_000
# One of so many values each: a tenant has many rows of every kind of these.
ROWS_BY_WORD = {
    "app_id": 1,
    "program_id": 10,
    "endpoint_id": 10,
    "source_id": 10,
    "kind": 10,
    "name": 10,
    "payer": 10,
    "state": 10,
    "status": 10,
    "type": 10,
    "unit": 10,
}
# Any other column names one thing or one moment, and few rows have the same.
ROWS_OF_ONE = 4
# The rows that a partial index holds are those that wait for something.
WAITING = 10_000


def write_statistics(connection: Connection) -> None:
    """Tell a SQLite database how selective each index is; connections that are opened afterwards plan by it."""
    run = connection.exec_driver_sql
    # Makes the table that is filled here, and looks at nothing.
    run("ANALYZE sqlite_schema")
    run("DELETE FROM sqlite_stat1")
    tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    for (table,) in run(tables).all():
        for index in run('SELECT name, "unique", partial FROM pragma_index_list(?)', (table,)).all():
            columns = run("SELECT name FROM pragma_index_info(?) ORDER BY seqno", (index.name,)).scalars().all()
            row = (
                table,
                index.name,
                _selectivity(columns, is_unique=bool(index.unique), is_partial=bool(index.partial)),
            )
            run("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", row)
    # The connection at hand has read the old numbers.
    run("ANALYZE sqlite_schema")


def _selectivity(columns: Sequence[str], *, is_unique: bool, is_partial: bool) -> str:
    """Return the number of rows, and how many have the same first, first two … columns, as SQLite writes them."""
    rows = WAITING if is_partial else ROWS
    told, left = [rows], rows
    for name in columns:
        shared = ROWS_BY_WORD.get(name)
        left = max(1, left // shared) if shared is not None else min(left, ROWS_OF_ONE)
        told.append(left)
    if is_unique:
        told[-1] = 1
    return " ".join(map(str, told))
