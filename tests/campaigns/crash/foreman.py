"""Pytest's side of the workshop: it gives a database and a task, and gets back what was wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from campaigns.crash.points import Plan

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Findings:
    """How many moments the scenario has, how many of them were died at, and what was wrong afterwards."""

    moments: int
    tried: int
    wrong: list[str]


class Foreman:
    """Talks to one workshop process, which lives until `close`."""

    def __init__(self, url: str) -> None:
        self._workshop = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "campaigns.crash.workshop", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        )

    def run(self, scenario: str, plan: Plan, *, plant: str | None = None) -> Findings:
        task = {"scenario": scenario, "plan": asdict(plan), "plant": plant}
        assert self._workshop.stdin is not None
        assert self._workshop.stdout is not None
        self._workshop.stdin.write(json.dumps(task) + "\n")
        self._workshop.stdin.flush()
        answer: dict[str, Any] = json.loads(self._workshop.stdout.readline())
        if "error" in answer:
            raise AssertionError(answer["error"])
        return Findings(**answer)

    def close(self) -> None:
        assert self._workshop.stdin is not None
        assert self._workshop.stdout is not None
        self._workshop.stdin.close()
        self._workshop.wait(timeout=60)
        self._workshop.stdout.close()


def plan_of(scenario: str, database_kind: str) -> Plan:
    """Which moments to die at: all on SQLite; every third on PostgreSQL, another third with another CAMPAIGN_SEED; and
    with CAMPAIGN_SIZE=long all of them, each followed up.
    """
    if os.environ.get("CAMPAIGN_SIZE", "ci") == "long":
        return Plan(thorough=True)
    if database_kind == "sqlite":
        return Plan()
    seed = int(os.environ.get("CAMPAIGN_SEED", "0"))
    return Plan(every=3, first=1 + (crc32(scenario.encode()) + seed) % 3)
