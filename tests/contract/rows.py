"""All that a database holds, to see that nothing has changed."""

from __future__ import annotations

from sqlalchemy import Row, select

from referral_service.all_models import metadata
from referral_service.kit.db.engines import Database


def picture(database: Database, *, app_id: int | None = None) -> dict[str, list[str]]:
    """Every row of every table; with `app_id`, what belongs to that app."""
    taken = {}
    with database.read_engine.connect() as connection:
        for table in metadata.sorted_tables:
            statement = select(table)
            if app_id is not None:
                if "app_id" not in table.c:
                    continue
                statement = statement.where(table.c.app_id == app_id)
            taken[table.name] = sorted(map(_shown, connection.execute(statement)))
    return taken


def changes(before: dict[str, list[str]], after: dict[str, list[str]]) -> dict[str, list[str]]:
    """The rows that are new or gone, by table."""
    return {name: sorted(set(rows) ^ set(after[name])) for name, rows in before.items() if rows != after[name]}


def _shown(row: Row[tuple[object, ...]]) -> str:
    return repr(tuple(row))
