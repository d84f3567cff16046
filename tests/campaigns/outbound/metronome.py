"""How busy the machine is, moment by moment: a trifle is done again and again, and how long it took is noted."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta

from sqlalchemy import text

from referral_service.kit.clock import SystemClock
from referral_service.kit.db.engines import Database

BEAT_SECONDS = 0.05


class Metronome:
    """Between `start` and `stop` it begins and ends a transaction at each beat, in a thread of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._clock = SystemClock()
        self._beats: list[tuple[datetime, timedelta]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metronome")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)

    def slowest(self, since: datetime, until: datetime) -> timedelta:
        """Return how much longer than it should the slowest beat between two moments took."""
        return max(
            (took for ended, took in self._beats if since <= ended and ended - took <= until), default=timedelta(0)
        )

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            self._stop.wait(BEAT_SECONDS)
            self._database.transact(lambda session: session.execute(text("SELECT 1")).scalar())
            took = timedelta(seconds=max(0.0, time.monotonic() - began - BEAT_SECONDS))
            self._beats.append((self._clock.now(), took))
