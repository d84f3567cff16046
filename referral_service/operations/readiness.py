"""Asking the database whether it can be used, without waiting for one that does not answer."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock, Thread

import structlog

from referral_service.kit.clock import monotonic_seconds
from referral_service.kit.error_log import told

log = structlog.get_logger(__name__)

# Less than those who ask (balancers, orchestrators) wait by themselves.
ANSWER_SECONDS_MAX = 2.0


class _Probe:
    """One question to the database, asked by a thread of its own, and what came of it."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask = ask
        self.began = monotonic_seconds()
        self.ended = Event()
        self.is_ready = False
        self.is_called_late = False
        Thread(target=self._run, name="readiness", daemon=True).start()

    def _run(self) -> None:
        try:
            self.is_ready = self._ask()
        # Whatever keeps the database from answering, or the keys closed, the service is not ready.
        except Exception as error:  # noqa: BLE001
            log.warning("not_ready", **told(error))
        finally:
            self.ended.set()


class Readiness:
    """Asks one question at a time; whoever comes meanwhile hears the same answer.

    A question that has gone unanswered for `answer_seconds_max` means no, at once and for everybody, until it is
    answered: a database that hangs ties up one thread of ours and no more.
    """

    def __init__(self, ask: Callable[[], bool], *, answer_seconds_max: float = ANSWER_SECONDS_MAX) -> None:
        self._ask = ask
        self.answer_seconds_max = answer_seconds_max
        self._lock = Lock()
        self._probe: _Probe | None = None

    def is_ready(self) -> bool:
        """Return whether the database answered yes in time."""
        with self._lock:
            probe = self._probe
            if probe is None or probe.ended.is_set():
                probe = self._probe = _Probe(self._ask)
        left_seconds = probe.began + self.answer_seconds_max - monotonic_seconds()
        if probe.ended.wait(max(0.0, left_seconds)):
            return probe.is_ready
        # However many want to know, the log hears it once.
        if not probe.is_called_late:
            probe.is_called_late = True
            log.warning("not_ready", unanswered_seconds=round(monotonic_seconds() - probe.began, 3))
        return False
