"""Clicks are written in batches behind the visitors' backs: a redirect waits for no disk.

What a killed process can lose is a tenth of a second of clicks, and never a claim: the click token proves itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from multiprocessing.util import Finalize
from threading import Event, Lock, Thread
from typing import NamedTuple, cast

import structlog
from sqlalchemy import Table
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError, SQLAlchemyError

from referral_service.clicks.bots import PERSON
from referral_service.clicks.models import Click
from referral_service.kit.clock import monotonic_seconds
from referral_service.kit.db.engines import Database
from referral_service.kit.db.write_rows import insert_rows

FLUSH_SECONDS = 0.1
CLICKS_MAX = 10_000
BATCH_MAX = 1_000
RETRY_SECONDS_MAX = 5.0
CLOSE_SECONDS = 5.0

_CLICKS = cast(Table, Click.__table__)

log = structlog.get_logger(__name__)


class RecordedClick(NamedTuple):
    """A person's visit through a share link; `at` in the app's business time."""

    app_id: int
    click_id: str
    program_id: str
    code_id: str
    at: datetime
    channel: str | None


def _row(click: RecordedClick) -> dict[str, object]:
    return {
        "app_id": click.app_id,
        "id": click.click_id,
        "program_id": click.program_id,
        "code_id": click.code_id,
        "at": click.at,
        "kind": PERSON,
        "channel": click.channel,
    }


class ClickBuffer:
    """Takes clicks from any thread and writes them from one of its own, which starts with the first click.

    A batch that cannot be written is kept and tried again. Past `clicks_max` waiting ones new clicks are dropped and
    counted in `dropped`: a database that is away must not take the memory of every web process.
    """

    def __init__(
        self, database: Database, *, flush_seconds: float = FLUSH_SECONDS, clicks_max: int = CLICKS_MAX
    ) -> None:
        self._database = database
        self._flush_seconds = flush_seconds
        self._clicks_max = clicks_max
        self._lock = Lock()
        self._waiting: deque[RecordedClick] = deque()
        # One writer at a time, so that a batch under way is neither lost nor written twice by a flush beside it.
        self._writing = Lock()
        # Whether what waits may have been written by a try of which nobody knows how it ended.
        self._may_be_there = False
        self._stopping = Event()
        self._thread: Thread | None = None
        self._at_exit: Finalize | None = None
        self.dropped = 0
        self.written = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def record(self, click: RecordedClick) -> bool:
        """Keep a click to be written; False where there is no room or the buffer is closed."""
        with self._lock:
            if len(self._waiting) >= self._clicks_max or self._stopping.is_set():
                self.dropped += 1
                return False
            self._waiting.append(click)
            if self._thread is None:
                self._start()
        return True

    def flush(self) -> None:
        """Write what waits now; raise the database's error and keep the clicks where it refuses."""
        with self._writing:
            while batch := self._first():
                self._write(batch)
                self._let_go(len(batch))
                self.written += len(batch)

    def close(self) -> None:
        """Stop taking clicks and write what waits, for at most 5 seconds; what is left then is dropped and counted."""
        self._stopping.set()
        thread = self._thread
        if thread is not None:
            thread.join(CLOSE_SECONDS)
        if self._at_exit is not None:
            self._at_exit.cancel()
        with self._lock:
            left = len(self._waiting)
            self._waiting.clear()
            self.dropped += left
        if left:
            log.error("clicks_lost_at_stop", clicks=left)

    def _start(self) -> None:
        self._thread = Thread(target=self._run, name="click-buffer", daemon=True)
        self._thread.start()
        # Runs at the end of a server's worker process too, where atexit does not.
        self._at_exit = Finalize(None, self.close, exitpriority=100)

    def _run(self) -> None:
        pause = self._flush_seconds
        while not self._stopping.wait(pause):
            pause = self._flush_seconds if self._try() else min(max(pause, 0.1) * 2, RETRY_SECONDS_MAX)
        deadline = monotonic_seconds() + CLOSE_SECONDS - 1.0
        while not self._try() and monotonic_seconds() < deadline:
            Event().wait(0.2)

    def _try(self) -> bool:
        try:
            self.flush()
        except SQLAlchemyError as error:
            log.warning("clicks_kept", waiting=len(self._waiting), error=type(error).__name__)
            return False
        return True

    def _first(self) -> list[RecordedClick]:
        with self._lock:
            return list(islice(self._waiting, BATCH_MAX))

    def _let_go(self, count: int) -> None:
        with self._lock:
            for _ in range(count):
                self._waiting.popleft()

    def _write(self, batch: Sequence[RecordedClick]) -> None:
        rows = [_row(click) for click in batch]
        # A commit whose answer was lost is tried again, and then the same click must not be refused for being there.
        may_be_there, self._may_be_there = self._may_be_there, True
        try:
            self._database.transact(lambda session: insert_rows(session, _CLICKS, rows, unless_there=may_be_there))
        except (IntegrityError, DataError, ProgrammingError) as error:
            # Trying again cannot help, and the clicks behind these must not wait for ever.
            self.dropped += len(batch)
            self.written -= len(batch)
            log.error("clicks_refused", clicks=len(batch), error=type(error).__name__)
        self._may_be_there = False
