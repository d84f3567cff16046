"""The web server and the worker, apart."""

from __future__ import annotations

import signal
import threading
from typing import Any

import click
import orjson
from rich.console import Console

from referral_service.app import close, create_app
from referral_service.cli.answers import Answer, ExitCode, wants_json
from referral_service.cli.commands import Command
from referral_service.cli.logs import configure_logs
from referral_service.cli.memory import collect_seldom, share_heaps
from referral_service.cli.opening import Opened, opened
from referral_service.cli.serving import local_url, serve_until_stopped
from referral_service.kit.http import wiring
from referral_service.kit.http.wiring import Service
from referral_service.signing.rotate import ensure_keys
from referral_service.worker import run_worker, work_off

POSTGRESQL_WORKERS = 2


@click.command(
    "serve", cls=Command, examples=["PORT=9000 referral-service serve", "referral-service serve --workers 4"]
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    help=f"Processes that serve: {POSTGRESQL_WORKERS} by default on PostgreSQL, always 1 on SQLite.",
)
@click.option(
    "--with-worker/--without-worker",
    default=None,
    help="Whether a thread does the worker's part: by default on SQLite, not on PostgreSQL.",
)
def serve(workers: int | None, with_worker: bool | None) -> None:
    """Serve the API and the share links, until SIGTERM or Ctrl-C; requests that have begun are finished.

    On PostgreSQL, run `worker` beside it, on this machine or another.
    """
    with opened() as found:
        settings = found.settings
        if settings.is_sqlite and (workers or 1) > 1:
            raise click.UsageError("SQLite has one writer, so one process serves it. Leave --workers out.")
        ensure_keys(found.database, found.sealer, found.clock.now())
    count = 1 if settings.is_sqlite else workers or POSTGRESQL_WORKERS
    beside = settings.is_sqlite if with_worker is None else with_worker
    document = {"url": local_url(settings), "workers": count, "threads": settings.threads, "with_worker": beside}
    announcement = orjson.dumps(document).decode() if wants_json() else ""
    serve_until_stopped(settings, workers=count, with_worker=beside, announcement=announcement)


@click.command("worker", cls=Command, examples=["referral-service worker", "referral-service worker --once --json"])
@click.option("--once", is_flag=True, help="Do what is due now, then end.")
def worker(once: bool) -> Answer:
    """Release holds, expire referrals, send notifications, seal the audit log.

    Runs until SIGTERM or Ctrl-C and finishes the step at hand; as many as you like may run at once.
    """
    with opened() as found:
        app = create_app(found.settings, database=found.database)
        service: Service = app.extensions[wiring.EXTENSION]
        try:
            return _work_off(found, service) if once else _work_until_stopped(found, service)
        finally:
            close(app)


def _work_off(found: Opened, service: Service) -> Answer:
    ensure_keys(found.database, found.sealer, found.clock.now())
    done, failed = work_off(service, stop=threading.Event())

    def draw(console: Console) -> None:
        console.print(f"{done} done." if not failed else f"{done} done; failed: {', '.join(failed)}.")

    return Answer({"done": done, "failed": failed}, draw, ExitCode.FAILED if failed else ExitCode.DONE)


def _work_until_stopped(found: Opened, service: Service) -> Answer:
    configure_logs(found.settings.log_level)
    share_heaps()
    collect_seldom()
    stop, done = threading.Event(), [0]

    def work() -> None:
        done[0] = run_worker(service, stop=stop)

    # The signals are waited for, not handled: a handler that sets the event could interrupt the very code that holds
    # the event's lock.
    signals = {signal.SIGTERM, signal.SIGINT}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    thread = threading.Thread(target=work, name="worker")
    thread.start()
    try:
        while thread.is_alive() and signal.sigtimedwait(signals, 1.0) is None:
            pass
    finally:
        # Who asks a second time does not want to wait.
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        stop.set()
    thread.join()
    document: dict[str, Any] = {"done": done[0], "failed": []}
    return Answer(document, lambda _: None)
