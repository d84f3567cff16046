"""The process that serves: the application behind its front, its one writer on SQLite, and the threads beside them.

The main thread is granian's: it runs the event loop, until it is told to stop and the last request is answered.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
from multiprocessing.connection import wait

import structlog
from flask import Flask

from referral_service.app import close, create_app
from referral_service.cli.logs import configure_logs
from referral_service.cli.memory import collect_seldom, share_heaps
from referral_service.config import Settings
from referral_service.kit.http import wiring
from referral_service.kit.http.ingress.front import front_of
from referral_service.kit.http.wiring import Service
from referral_service.worker import run_worker

log = structlog.get_logger(__name__)


class Served:
    """What granian is given: it calls `__rsgi__` for each request, and `__rsgi_del__` after the last one."""

    def __init__(self, app: Flask, *, with_worker: bool) -> None:
        self._app = app
        self._stop = threading.Event()
        # Where granian fails before it serves, nobody tells it to stop, so it must not keep the process alive.
        self._worker = threading.Thread(target=self._work, name="worker", daemon=True) if with_worker else None
        if self._worker is not None:
            self._worker.start()
        self.__rsgi__ = front_of(app).__rsgi__

    def __rsgi_del__(self, _loop: AbstractEventLoop) -> None:
        """Stop the worker and give back the database."""
        self._stop.set()
        if self._worker is not None:
            self._worker.join()
        close(self._app)

    def _work(self) -> None:
        service: Service = self._app.extensions[wiring.EXTENSION]
        run_worker(service, stop=self._stop)


def load_application(settings: Settings, *, with_worker: bool, announce: Callable[[], None] | None) -> Served:
    """Make the application, in the process that serves it, with the threads that accompany it."""
    for number in (signal.SIGTERM, signal.SIGINT):
        # Until granian listens for them, a stop means an end at once: nothing has begun yet.
        signal.signal(number, signal.SIG_DFL)
    configure_logs(settings.log_level)
    share_heaps()
    served = Served(create_app(settings), with_worker=with_worker)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_stop_without, args=(parent.sentinel,), name="orphan-watch", daemon=True).start()
    if announce is not None:
        threading.Thread(target=announce, name="announcer", daemon=True).start()
    collect_seldom()
    return served


def _stop_without(parent: int) -> None:
    """Stop gracefully when granian's process is gone: nobody else would, and the port would stay taken."""
    wait([parent])
    log.error("supervisor_gone")
    os.kill(os.getpid(), signal.SIGTERM)
