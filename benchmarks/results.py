"""The results as JSON: one document that each kind of run writes its own part of."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from benchmarks.figures import Latency, Line
from referral_service.kit.clock import SystemClock

PACKAGES = ("flask", "granian", "sqlalchemy", "psycopg", "orjson")


def machine() -> dict[str, Any]:
    """What the figures depend on; nothing that says whose machine it is."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": _memory_gib(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: version(name) for name in PACKAGES},
    }


def _memory_gib() -> int | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30))
    except (AttributeError, ValueError, OSError):
        return None


def part(lines: Sequence[Line], latencies: Sequence[Latency] = ()) -> dict[str, Any]:
    """What one run found on one kind of database."""
    return {
        "measured_on": SystemClock().now().date().isoformat(),
        "machine": machine(),
        "lines": [line.document() for line in lines],
        "latencies": [latency.document() for latency in latencies],
    }


def read(path: Path) -> dict[str, Any]:
    """The document; empty where there is none."""
    return dict(orjson.loads(path.read_bytes())) if path.exists() else {}


def write(path: Path, run: str, parts: dict[str, dict[str, Any]]) -> None:
    """Put what a run found in its place (`paths`, `growth` or `memory`, by database); what others found stays."""
    document = read(path)
    document[run] = document.get(run, {}) | parts
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
