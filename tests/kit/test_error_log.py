"""What the log may say of an error."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from referral_service.kit.db.engines import Database
from referral_service.kit.error_log import told


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("SELECT 'alice@example.com' FROM no_such_table", {"SQLITE_ERROR", "42P01"}),
        ("DELETE FROM apps", {"SQLITE_READONLY", "25006"}),
    ],
)
def test_a_database_error_is_called_what_the_database_calls_it(
    database: Database, statement: str, names: set[str]
) -> None:
    with pytest.raises(DBAPIError) as refused:
        database.read(lambda session: session.execute(text(statement)))
    said: dict[str, Any] = told(refused.value)
    assert said["database_error"] in names
    assert "alice" not in str(said)


def test_an_error_is_told_with_what_caused_it_and_where() -> None:
    with pytest.raises(RuntimeError) as raised:
        _fail_because_of_another()
    said = told(raised.value)
    assert said["error"] == ["builtins.RuntimeError", "builtins.KeyError"]
    assert said["traceback"][-1].endswith("_fail_because_of_another")
    assert said["database_error"] is None


def _fail_because_of_another() -> None:
    try:
        raise KeyError("alice")
    except KeyError as error:
        raise RuntimeError("alice") from error
