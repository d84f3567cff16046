"""Only kit/clock.py reads the clock and only kit/ids.py makes ids: time and chance come in as arguments.

Aliases are followed, so that `from datetime import datetime as d; d.now()` is seen. Spans measured with
time.monotonic and time.perf_counter are no clock: they say nothing about when.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from house.source_tree import PACKAGE, parsed, python_files, shown

CLOCK = {
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
    "time.ctime",
    "time.asctime",
    # The database's clock is a clock as well.
    "sqlalchemy.func.now",
    "sqlalchemy.func.current_timestamp",
    "sqlalchemy.func.current_date",
    "sqlalchemy.func.localtimestamp",
    "sqlalchemy.func.clock_timestamp",
    "sqlalchemy.func.statement_timestamp",
}
IDS = re.compile(r"^(uuid\.(uuid\d|getnode)|uuid_utils(\..+)?)$")
SQL_CLOCK = re.compile(
    r"\b(current_timestamp|clock_timestamp|localtimestamp)\b|\bnow\(\)|\b(date)?time\(\s*'now'", re.IGNORECASE
)


def _names(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for: `{"d": "datetime.datetime"}`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _meant(node: ast.AST, names: dict[str, str]) -> str | None:
    """The full dotted name that an expression stands for, if it is one."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _meant(node.value, names)
        return f"{owner}.{node.attr}" if owner else None
    return None


def used_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported that the code uses."""
    names = _names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and (meant := _meant(node, names)):
            yield node.lineno, meant


def _docstrings(tree: ast.AST) -> set[int]:
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    return {id(node.value) for node in nodes}


def clock_readings(tree: ast.AST) -> list[tuple[int, str]]:
    found = [(line, name) for line, name in used_names(tree) if name in CLOCK]
    prose = _docstrings(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in prose:
            continue
        if isinstance(node.value, str) and SQL_CLOCK.search(node.value):
            found.append((node.lineno, node.value))
    return found


def id_makers(tree: ast.AST) -> list[tuple[int, str]]:
    return [(line, name) for line, name in used_names(tree) if IDS.match(name)]


def test_only_the_kit_reads_the_clock() -> None:
    sources = [path for path in python_files("referral_service") if path != PACKAGE / "kit" / "clock.py"]
    assert sources, "no source was found: the test looks in the wrong place"
    assert [(shown(path), *seen) for path in sources for seen in clock_readings(parsed(path))] == []


def test_only_the_kit_makes_ids() -> None:
    sources = [path for path in python_files("referral_service") if path != PACKAGE / "kit" / "ids.py"]
    assert [(shown(path), *seen) for path in sources for seen in id_makers(parsed(path))] == []


@pytest.mark.parametrize(
    "source",
    [
        "import datetime\ndatetime.datetime.now(tz)",
        "from datetime import datetime as d\nd.now(UTC)",
        "import datetime as when\nwhen.date.today()",
        "from datetime import datetime\ndefault = datetime.utcnow",
        "from time import time as seconds\nseconds()",
        "import time\ntime.time_ns()",
        "from sqlalchemy import func\nfunc.now()",
        "import sqlalchemy as sa\nsa.func.current_timestamp()",
        "x = text('SELECT now()')",
        "x = 'DEFAULT CURRENT_TIMESTAMP'",
        "x = \"datetime('now')\"",
    ],
)
def test_every_way_to_the_clock_is_seen(source: str) -> None:
    assert clock_readings(ast.parse(source))


@pytest.mark.parametrize("source", ["import time\ntime.monotonic()", "clock.now()", '"""What is now() here."""'])
def test_what_reads_no_clock_is_left_alone(source: str) -> None:
    assert not clock_readings(ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "import uuid\nuuid.uuid4()",
        "from uuid import uuid1 as new\nnew()",
        "from uuid_utils.compat import uuid7\nuuid7()",
        "import uuid_utils as u\nu.uuid7()",
    ],
)
def test_every_way_to_an_id_is_seen(source: str) -> None:
    assert id_makers(ast.parse(source))


def test_reading_an_id_is_no_making() -> None:
    assert not id_makers(ast.parse("from uuid import UUID\nUUID(text)"))
