"""Pytest's side of the nursery: a crew of workers, any of whom may be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parents[3]


class Crew:
    """So many workers on one database; `plant` is the name of a bug that they all have."""

    def __init__(self, url: str, *, size: int, plant: str | None = None) -> None:
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "campaigns.outbound.nursery", url, *([plant] if plant else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        )
        self.workers = [self._start() for _ in range(size)]

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.close()
        self._nursery.wait(timeout=60)
        self._nursery.stdout.close()

    def kill(self, nth: int) -> None:
        """Kill a worker as the kernel does, and let another take its place."""
        pid = self.workers[nth]
        os.kill(pid, signal.SIGKILL)
        assert self._ask(f"wait {pid}") == -signal.SIGKILL
        self.workers[nth] = self._start()

    def stop(self) -> list[int]:
        """Ask all to stop; gives their exit codes."""
        for pid in self.workers:
            os.kill(pid, signal.SIGTERM)
        codes = [self._ask(f"wait {pid}") for pid in self.workers]
        self.workers = []
        return codes

    def _start(self) -> int:
        return self._ask("start")

    def _ask(self, what: str) -> int:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(what + "\n")
        self._nursery.stdin.flush()
        return int(self._nursery.stdout.readline())
