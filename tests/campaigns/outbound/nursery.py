"""Workers as processes that may be killed at any moment, and be there again at once.

`python -m campaigns.outbound.nursery <url> [<plant>]` loads the service once, without a thread, and forks a worker for
each line `start` that it reads; it answers with the worker's process id. `wait <pid>` is answered with how that ended.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import traceback
from datetime import timedelta
from typing import NoReturn

import structlog
from campaigns.outbound.plants import PLANTS

from referral_service import worker
from referral_service.app import close, create_app
from referral_service.config import Settings
from referral_service.kit.db.engines import Database
from referral_service.kit.http.wiring import EXTENSION, Service
from referral_service.webhooks_out.calling import client
from referral_service.webhooks_out.deliveries import courier
from referral_service.webhooks_out.deliveries.courier import Courier
from referral_service.webhooks_out.deliveries.policy import Pace
from referral_service.webhooks_out.endpoints import policy

MASTER_KEYS = {"k1": "a-master-key-that-only-tests-use-0123456789"}
# All that takes minutes or days takes seconds here, in the same proportions: a lease is longer than an attempt.
ATTEMPT_SECONDS_MAX = 0.7
PACE = Pace(waits=tuple(timedelta(seconds=0.1 * nth) for nth in range(10)), lease=timedelta(seconds=5))
PAUSE_MIN, PAUSE_MAX = timedelta(seconds=0.5), timedelta(seconds=5)


def settings_for(database: Database) -> Settings:
    """The settings of all who work on this database; only in development may webhooks be sent to this very machine."""
    return Settings(
        database_url=database.url.render_as_string(hide_password=False),
        base_url="https://refer.test",
        master_keys=MASTER_KEYS,
        rate_limits=False,
        development=True,
    )


def main() -> None:
    """Serve until standard input ends; then nobody is left."""
    # Standard output is for the answers.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    url, plant = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    client.TOTAL_SECONDS_MAX = ATTEMPT_SECONDS_MAX
    courier.TOTAL_SECONDS_MAX = ATTEMPT_SECONDS_MAX  # type: ignore[attr-defined]
    policy.PAUSE_MIN, policy.PAUSE_MAX = PAUSE_MIN, PAUSE_MAX
    worker.courier_of = _courier_of
    if plant:
        PLANTS[plant].put()
    children: set[int] = set()
    for line in sys.stdin:
        match line.split():
            case ["start"]:
                # Held back until the child can be told.
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
                pid = os.fork()
                if pid == 0:
                    _live(url)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
                children.add(pid)
                _say(pid)
            case ["wait", number]:
                _, status = os.waitpid(int(number), 0)
                children.discard(int(number))
                _say(os.waitstatus_to_exitcode(status))
            case other:
                raise ValueError(f"What is {other}?")
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _courier_of(service: Service) -> Courier:
    return Courier(
        database=service.database,
        sealer=service.sealer,
        clock=service.clock,
        development=service.settings.development,
        pace=PACE,
    )


def _live(url: str) -> NoReturn:
    """Be a worker until told to stop, as `referral-service worker` is."""
    status = 1
    try:
        app = create_app(settings_for(Database(url)))
        service: Service = app.extensions[EXTENSION]
        stop = threading.Event()
        thread = threading.Thread(target=worker.run_worker, args=(service,), kwargs={"stop": stop})
        thread.start()
        while thread.is_alive() and signal.sigtimedwait({signal.SIGTERM}, 1.0) is None:
            pass
        asked = thread.is_alive()
        stop.set()
        thread.join()
        close(app)
        status = 0 if asked else 2
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
