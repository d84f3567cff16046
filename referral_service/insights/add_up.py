"""Add to the numbers that are kept by program and day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple, cast

from sqlalchemy import Table
from sqlalchemy.orm import Session

from referral_service.insights.models import Counter
from referral_service.kit.db.write_rows import add_rows

counters = cast(Table, Counter.__table__)


class Cell(NamedTuple):
    """One number of a program: what is counted, on which day (`2026-03-01`, UTC), under which key."""

    program_id: str
    name: str
    day: str
    key: str


def add_up(session: Session, *, app_id: int, cells: Mapping[Cell, int]) -> None:
    """Add to the numbers; what comes to nothing is left alone.

    One statement for all of them, in sorted order, so that two transactions never wait for each other's rows in a
    circle.
    """
    rows = [
        {
            "app_id": app_id, "program_id": cell.program_id, "name": cell.name, "day": date.fromisoformat(cell.day),
            "key": cell.key, "value": count,
        }
        for cell, count in sorted(cells.items())
        if count
    ]  # fmt: skip
    add_rows(session, counters, rows, "value")
