"""The worker: what happens because time has passed or something was written, and not because somebody called.

It runs as a process of its own, as often as one likes, or as a thread beside the web server's. Every step claims its
work in the database and commits it in transactions of its own, so a worker that is killed leaves nothing half done.

Notifications do not wait for the rest: one lane of steps places them, one counts what reports are read from, one does
everything else, and the courier sends.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from threading import Event, Thread
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.audit.seal import BATCH_MAX as SEALED_MAX
from referral_service.audit.seal import apps_to_seal, seal
from referral_service.insights.tally_changes import BATCH_MAX as CHANGES_MAX
from referral_service.insights.tally_changes import apps_with_changes, tally_changes
from referral_service.insights.tally_clicks import drop_clicks, tally_clicks
from referral_service.insights.tally_conversions import apps_with_conversions, tally_conversions
from referral_service.insights.tally_ranks import apps_with_ranks, tally_ranks
from referral_service.journeys.coming_due.run_due import run_due
from referral_service.kit.clock import monotonic_seconds
from referral_service.kit.db.batch import Batch
from referral_service.kit.db.engines import Database
from referral_service.kit.error_log import told
from referral_service.kit.http.wiring import Service
from referral_service.notifications.place import apps_with_unplaced
from referral_service.tenants.kept_answers import purge_answers
from referral_service.tenants.models import App
from referral_service.webhooks_in.blank_bodies import blank_old_bodies
from referral_service.webhooks_out.deliveries.claim import is_work_due
from referral_service.webhooks_out.deliveries.courier import Courier
from referral_service.webhooks_out.deliveries.drop_deliveries import drop_deliveries
from referral_service.webhooks_out.deliveries.fan_out import BATCH_MAX as PLACED_MAX
from referral_service.webhooks_out.deliveries.fan_out import place_and_fan_out

IDLE_SECONDS = 0.25
# A breath after a round that found something to do: what comes meanwhile is done together, and twenty rounds a second
# are soon enough for anything.
BREATH_SECONDS = 0.05
REST_SECONDS_MAX = 30.0
CHORES_SECONDS = 60.0
# Reports read what is not counted yet as well, so this need not be soon; and counted together it costs less.
TALLY_SECONDS = 1.0
RARE_CHORES_SECONDS = 3600.0
# A limit on everything: one turn does at most so many batches for an app, then the others have theirs.
BATCHES_MAX = 100
BATCH_MAX = 500

log = structlog.get_logger(__name__)


class Step:
    """One kind of work. One that fails rests for 1, 2, 4 … 30 s, and keeps no other from going on.

    After a turn that found nothing to do it rests for `every_seconds`; with `gathers` after any.
    """

    def __init__(
        self, name: str, work: Callable[[], int], *, every_seconds: float = 0.0, gathers: bool = False
    ) -> None:
        self.name = name
        self._work = work
        self._every_seconds = every_seconds
        self._gathers = gathers
        self._failures = 0
        self._due_at_seconds = float("-inf")

    def take_turn(self) -> int:
        """Do what there is to do, unless the step rests; return how much was done. Raises nothing."""
        if monotonic_seconds() < self._due_at_seconds:
            return 0
        try:
            done = self._work()
        # A worker that ends because of one bad row or a database that is away would leave everything undone.
        except Exception as error:  # noqa: BLE001
            rest_seconds = min(REST_SECONDS_MAX, 2.0**self._failures)
            self._failures = min(self._failures + 1, 10)
            self._due_at_seconds = monotonic_seconds() + rest_seconds
            log.error("worker_step_failed", step=self.name, rest_seconds=rest_seconds, **told(error))
            return 0
        if self._failures:
            log.info("worker_step_recovered", step=self.name)
            self._failures = 0
        if done:
            log.debug("worker_step_done", step=self.name, count=done)
        if self._every_seconds and (self._gathers or not done):
            self._due_at_seconds = monotonic_seconds() + self._every_seconds
        return done

    @property
    def rests(self) -> bool:
        """Whether the last turn failed."""
        return self._failures > 0


def run_worker(service: Service, *, stop: Event, idle_seconds: float = IDLE_SECONDS) -> int:
    """Work until `stop` is set, and return how many things were done. The step at hand is finished first, and what is
    being sent is waited for.
    """
    courier = courier_of(service)
    lanes = [_Lane(steps, stop, idle_seconds) for steps in lanes_of(service, placed=courier.wake)]
    # Threads of our own: an executor's are waited for before a web server that ends can say `stop`
    # (cli/server_process.py).
    sending = Thread(target=_send, args=(courier,), name="courier")
    threads = [sending, *lanes]
    log.info("worker_started")
    if service.settings.development:
        log.warning("development_mode", allows="webhooks to this machine, http landing pages, error texts in the log")
    for thread in threads:
        thread.start()
    stop.wait()
    courier.stop()
    for thread in threads:
        thread.join()
    done_in_all = courier.sent + sum(lane.done for lane in lanes)
    log.info("worker_stopped", count=done_in_all)
    return done_in_all


def work_off(service: Service, *, stop: Event) -> tuple[int, list[str]]:
    """Work until nothing is due any more; return how many things were done, and the names of steps that failed."""
    courier = courier_of(service)
    steps = [step for lane in lanes_of(service, tally_seconds=0) for step in lane]
    steps.append(Step("deliver", lambda: _deliver(service, courier)))
    done_in_all = 0
    while not stop.is_set():
        done = _one_round(steps, stop)
        done_in_all += done
        if not done:
            break
    return done_in_all, [step.name for step in steps if step.rests]


def courier_of(service: Service) -> Courier:
    """Return a courier for the service's deliveries."""
    return Courier(
        database=service.database,
        sealer=service.sealer,
        clock=service.clock,
        development=service.settings.development,
    )


def lanes_of(
    service: Service, *, placed: Callable[[], None] = lambda: None, tally_seconds: float = TALLY_SECONDS
) -> list[list[Step]]:
    """Return the steps in the order in which they bring each other about, in lanes that may run beside each other.

    What releases or expires something also writes notifications and entries of the audit log. What is only tidied up
    has its own, longer intervals, and what is counted gathers for `tally_seconds`. `placed` is called when there are
    deliveries that may be sent.
    """
    database, clock, settings = service.database, service.clock, service.settings

    def place(session: Session, *, app_id: int) -> int:
        return place_and_fan_out(session, app_id=app_id, now=clock.now())

    def place_all() -> int:
        done = _for_each_app(database, apps_with_unplaced, place, full=PLACED_MAX)
        if done:
            placed()
        return done

    def purge(session: Session) -> int:
        return purge_answers(session, now=clock.now())

    def blank(session: Session, *, app_id: int) -> int:
        return blank_old_bodies(session, app_id=app_id, now=clock.now(), limit=BATCH_MAX)

    def tally(session: Session, *, app_id: int) -> int:
        return tally_clicks(session, app_id=app_id, now=clock.now())

    def drop_old_clicks(session: Session, *, app_id: int) -> int:
        return drop_clicks(session, app_id=app_id, now=clock.now(), kept=timedelta(days=settings.clicks_kept_days))

    def drop_old_deliveries() -> int:
        kept = timedelta(days=settings.deliveries_kept_days)
        drop = partial(drop_deliveries, now=clock.now(), kept=kept)
        return _walk_each_app(database, _all_apps, drop)

    chores = [
        Step("due", lambda: run_due(database, clock=clock)),
        Step("seal_audit_log", lambda: _for_each_app(database, apps_to_seal, seal, full=SEALED_MAX)),
        Step("purge_kept_answers", lambda: database.transact(purge), every_seconds=CHORES_SECONDS),
        Step("tally_clicks", lambda: _for_each_app(database, _all_apps, tally), every_seconds=CHORES_SECONDS),
        Step("blank_old_bodies", lambda: _for_each_app(database, _all_apps, blank), every_seconds=RARE_CHORES_SECONDS),
        Step(
            "drop_old_clicks",
            lambda: _for_each_app(database, _all_apps, drop_old_clicks),
            every_seconds=RARE_CHORES_SECONDS,
        ),
        Step("drop_old_deliveries", drop_old_deliveries, every_seconds=RARE_CHORES_SECONDS),
    ]
    return [chores, [Step("place_notifications", place_all)], _tallies(database, tally_seconds)]


def _tallies(database: Database, seconds: float) -> list[Step]:
    """The steps that count what stats and leaderboards are read from."""
    works = {
        "tally_changes": partial(_for_each_app, database, apps_with_changes, tally_changes, full=CHANGES_MAX),
        "tally_conversions": partial(_walk_each_app, database, apps_with_conversions, tally_conversions),
        "tally_ranks": partial(_walk_each_app, database, apps_with_ranks, tally_ranks),
    }
    return [Step(name, work, every_seconds=seconds, gathers=True) for name, work in works.items()]


class _Lane(Thread):
    """Takes its steps' turns until `stop`; `done` counts what they did."""

    def __init__(self, steps: list[Step], stop: Event, idle_seconds: float) -> None:
        super().__init__(name=f"lane-{steps[0].name}")
        self.done = 0
        self._steps, self._stop_asked, self._idle_seconds = steps, stop, idle_seconds

    def run(self) -> None:
        while not self._stop_asked.is_set():
            done = _one_round(self._steps, self._stop_asked)
            self.done += done
            self._stop_asked.wait(BREATH_SECONDS if done else self._idle_seconds)


def _send(courier: Courier) -> None:
    try:
        courier.run()
    # Nobody else would notice before the worker is stopped: everything but the courier goes on.
    except BaseException as error:
        log.critical("courier_died", **told(error))
        raise


def _deliver(service: Service, courier: Courier) -> int:
    if not service.database.read(lambda session: is_work_due(session, now=service.clock.now())):
        return 0
    before = courier.sent
    courier.run(until_idle=True)
    return courier.sent - before


def _one_round(steps: list[Step], stop: Event) -> int:
    done = 0
    for step in steps:
        if stop.is_set():
            break
        done += step.take_turn()
    return done


def _for_each_app(
    database: Database, apps: Callable[[Session], list[int]], work: Callable[..., int], *, full: int = 1
) -> int:
    """Call `work` for each app that has some, a transaction for each batch, until one is less than `full`."""
    done = 0
    for app_id in database.read(apps):
        for _ in range(BATCHES_MAX):
            count = database.transact(partial(work, app_id=app_id))
            done += count
            if count < full:
                break
    return done


def _walk_each_app(database: Database, apps: Callable[[Session], list[int]], work: Callable[..., Batch[Any]]) -> int:
    """The same for work whose batches begin behind one another."""
    done = 0
    for app_id in database.read(apps):
        begin = partial(work, app_id=app_id)
        batch = database.transact(begin)
        done += batch.done
        for _ in range(BATCHES_MAX - 1):
            if batch.last is None:
                break
            batch = database.transact(partial(begin, after=batch.last))
            done += batch.done
    return done


def _all_apps(session: Session) -> list[int]:
    return list(session.scalars(select(App.id).order_by(App.id)))
