"""Asks services how they are all the while, each time on a new connection, as a balancer does."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urlsplit

BEAT_SECONDS = 0.1
PATIENCE_SECONDS = 10.0
NO_ANSWER = 0


@dataclass(frozen=True, slots=True)
class Beat:
    """One answer; `at` by the monotonic clock."""

    at: float
    path: str
    status: int
    seconds: float


class Pulse:
    """Within its `with` block it asks each service for each path, again and again; `beats` holds what it heard."""

    def __init__(self, urls: Sequence[str], paths: Sequence[str], *, key: str = "") -> None:
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.beats: list[Beat] = []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(urlsplit(url).netloc, path), name="pulse")
            for url in urls
            for path in paths
        ]

    def __enter__(self) -> Pulse:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def of(self, path: str) -> list[Beat]:
        return [beat for beat in self.beats if beat.path == path]

    def _run(self, place: str, path: str) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            began = time.monotonic()
            connection = http.client.HTTPConnection(place, timeout=PATIENCE_SECONDS)
            try:
                connection.request("GET", path, headers=self._headers)
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException):
                status = NO_ANSWER
            finally:
                connection.close()
            self.beats.append(Beat(began, path, status, time.monotonic() - began))
