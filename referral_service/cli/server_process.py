"""The process that serves: the application, its one writer on SQLite, and the threads that accompany it.

It stops when the main thread, which is granian's, has answered the last request and ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable
from multiprocessing.connection import wait

import structlog
from flask import Flask

from referral_service.app import close, create_app
from referral_service.cli.logs import configure_logs
from referral_service.config import Settings
from referral_service.kit.http import wiring
from referral_service.kit.http.wiring import Service
from referral_service.worker import run_worker

_NUDGE_SECONDS = 0.25

log = structlog.get_logger(__name__)


def load_application(settings: Settings, *, with_worker: bool, announce: Callable[[], None] | None) -> Flask:
    """Make the application, in the process that serves it, with the threads that accompany it."""
    for number in (signal.SIGTERM, signal.SIGINT):
        # Until granian listens for them, a stop means an end at once: nothing has begun yet.
        signal.signal(number, signal.SIG_DFL)
    _let_no_signal_sleep()
    configure_logs(settings.log_level)
    app = create_app(settings)
    stop = threading.Event()
    companions = [threading.Thread(target=_work, args=(app, stop), name="worker")] if with_worker else []
    for thread in companions:
        thread.start()
    threading.Thread(target=_close_at_the_end, args=(app, stop, companions), name="closer").start()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_stop_without, args=(parent.sentinel,), name="orphan-watch", daemon=True).start()
    if announce is not None:
        threading.Thread(target=announce, name="announcer", daemon=True).start()
    return app


def _let_no_signal_sleep() -> None:
    """See to it that a stop is heard though the main thread had just gone to sleep for good.

    Python calls a signal's handler when the main thread next wakes. A signal that comes between its last look and its
    sleep, or is taken by another thread, does not wake it (https://docs.python.org/3/library/signal.html): under load,
    that is one Ctrl-C in some tens right after the start.
    """
    heard, told = socket.socketpair()
    told.setblocking(False)
    signal.set_wakeup_fd(told.detach(), warn_on_full_buffer=False)
    # Of all signals the one that means nothing here: granian's handlers must not be called while they are at work.
    signal.signal(signal.SIGUSR2, lambda _number, _frame: None)
    threading.Thread(target=_nudge_main_thread, args=(heard,), name="signal-watch", daemon=True).start()


def _nudge_main_thread(heard: socket.socket) -> None:
    main = threading.main_thread()
    heard.recv(1)
    while main.is_alive():
        assert main.ident is not None
        signal.pthread_kill(main.ident, signal.SIGUSR2)
        main.join(_NUDGE_SECONDS)


def _work(app: Flask, stop: threading.Event) -> None:
    service: Service = app.extensions[wiring.EXTENSION]
    run_worker(service, stop=stop)


def _close_at_the_end(app: Flask, stop: threading.Event, companions: list[threading.Thread]) -> None:
    """Stop the worker and give back the database, once the last request is answered.

    The main thread ends then. `atexit` would not do: processes of multiprocessing pass it by before Python 3.13.
    """
    threading.main_thread().join()
    stop.set()
    for thread in companions:
        thread.join()
    close(app)


def _stop_without(parent: int) -> None:
    """Stop gracefully when granian's process is gone: nobody else would, and the port would stay taken."""
    wait([parent])
    log.error("supervisor_gone")
    os.kill(os.getpid(), signal.SIGTERM)
