"""Starts the service as a stranger does: a process with an environment, reached over HTTP, stopped by a signal."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from cli.runner import Cli

ROOT = Path(__file__).resolve().parents[2]
# Generous: other tests run beside these.
SECONDS_MAX = 60.0
_numbers = count(1)


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def service_environment(data_dir: Path, port: int, **more: str) -> dict[str, str]:
    """Return this process's environment with the service's settings and no others."""
    kept = {name: value for name, value in os.environ.items() if name != "PORT" and not name.startswith("REFERRAL_")}
    return {**kept, "PYTHONPATH": str(ROOT), "PORT": str(port), "REFERRAL_DATA_DIR": str(data_dir), **more}


def eventually(what: Callable[[], Any], *, within_seconds: float = SECONDS_MAX) -> Any:
    """Return what the call gives as soon as that is true; fail when it never is."""
    until = time.monotonic() + within_seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < until, f"not within {within_seconds} s"
        time.sleep(0.05)


class Process:
    """A command of the service that runs."""

    def __init__(self, args: list[str], environment: dict[str, str], folder: Path) -> None:
        self.environment = environment
        self.url = f"http://127.0.0.1:{environment['PORT']}"
        self.data_dir = Path(environment["REFERRAL_DATA_DIR"])
        # Files, not pipes: nobody needs to read while the process writes.
        number = next(_numbers)
        self._out, self._err = folder / f"{number}.out", folder / f"{number}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "referral_service", *args],
                env=environment,
                stdout=out,
                stderr=err,
                cwd=folder,
                # A group of its own, as a terminal gives it.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def output(self) -> str:
        return self._out.read_text()

    def log(self) -> str:
        return self._err.read_text()

    def document(self) -> Any:
        """Return the one JSON document on standard output."""
        return json.loads(self.output())

    def runs(self) -> bool:
        return self._process.poll() is None

    def wait_until_ready(self) -> None:
        """Wait until requests are answered and the announcement is printed."""
        eventually(self._is_ready)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop, and return its exit code."""
        self._process.send_signal(number)
        return self.wait()

    def interrupt(self) -> int:
        """Do what Ctrl-C does, which reaches every process of the group at once; return the exit code."""
        os.killpg(self.pid, signal.SIGINT)
        return self.wait()

    def serving_pid(self) -> int:
        """Return the number of the process that granian's starts to serve."""
        (child,) = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return int(child)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=SECONDS_MAX, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def ask_to_stop(self) -> None:
        self._process.terminate()

    def wait(self) -> int:
        return self._process.wait(timeout=SECONDS_MAX)

    def kill(self) -> None:
        """End it and all that it has started, whatever they do: none of them may look at a database that is the next
        test's by then.
        """
        if self.runs():
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()
        eventually(lambda: not self._group())

    def kill_alone(self) -> None:
        """End it, and leave those that it has started to themselves."""
        self._process.kill()
        self.wait()

    @property
    def cli(self) -> Cli:
        """Other commands with the same settings, in this test's process: starting one takes longer than running it."""
        return Cli(self.environment)

    def http(self, key: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=SECONDS_MAX, trust_env=False)

    def _group(self) -> list[int]:
        """The processes of its group that live."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                state, _, group = entry.read_text().rpartition(")")[2].split()[:3]
                if int(group) == self.pid and state != "Z":
                    found.append(int(entry.parent.name))
        return found

    def _is_ready(self) -> bool:
        assert self.runs(), f"it ended: {self.log()}"
        return self.output().endswith("\n") and self.answers()


def started(folder: Path, port: int, *args: str, **settings: str) -> Process:
    """Return `up` once it answers."""
    process = Process(["up", *args], service_environment(folder / "data", port, **settings), folder)
    process.wait_until_ready()
    return process
