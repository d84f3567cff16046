"""The leader of three PostgreSQL nodes loses its power while purchases come in: `make failover`.

Too slow for every day, and it needs Patroni and etcd: so pytest finds it only where it is named.
"""

from __future__ import annotations

import math
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from campaigns.crowd import Crowd, Told, quantile
from campaigns.failover.cluster import Cluster, eventually
from campaigns.pulse import Pulse
from campaigns.shop import ENVIRONMENT, a_shop
from cli.processes import Process, free_port, service_environment
from cli.runner import Cli
from sqlalchemy import create_engine, text

from referral_service.kit.clock import SystemClock
from referral_service.kit.db.engines import Database

DATABASE = "shop"
WEB_PROCESSES = 2
KILLS = 3
RATE_PER_SECOND = 20.0
SECONDS_BEFORE = 5.0
SECONDS_AFTER = 5.0
# The leader's key ends after 20 s; then there are a vote, a promotion, and a standby to wait for.
GAP_SECONDS_MAX = 90.0
# What only reads must not fail otherwise than with 503 either.
READING = "/v1/programs"
HEALTH_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True)
class Failover:
    """One leader's end: who it was, when, and what buyers were told around it."""

    node: str
    killed_at: float
    told: list[Told]
    pulse: Pulse
    lost: set[str]

    def back_at(self) -> float | None:
        """When the first purchase after the kill was accepted that was also sent after it."""
        later = [it.ended_at for it in self.told if it.is_accepted and it.due_at > self.killed_at]
        return min(later, default=None)

    def gap_seconds(self) -> float:
        """Return the longest time without an accepted purchase."""
        ends = sorted(it.ended_at for it in self.told if it.is_accepted)
        return max(later - earlier for earlier, later in pairwise(ends))

    def __str__(self) -> str:
        accepted = [it for it in self.told if it.is_accepted]
        refused = [it for it in self.told if it.is_refused_well]
        beats = self.pulse.of("/healthz")
        return (
            f"{self.node} killed: no purchase accepted for {self.gap_seconds():.1f} s; {len(self.told)} sent, "
            f"{len(accepted)} accepted (p50 {quantile(accepted, 0.5):.2f} s), {len(refused)} refused with 503 "
            f"(slowest {quantile(refused, 1):.2f} s), {len(self.told) - len(accepted) - len(refused)} otherwise; "
            f"health {len(beats)} times, slowest {max(beat.seconds for beat in beats):.2f} s"
        )


class Stage:
    """A cluster, two web processes and a worker on it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        # PostgreSQL's user must get there, and pytest's folders are ours alone.
        shared = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="rs-failover-", ignore_cleanup_errors=True))
        )
        shared.chmod(0o755)
        self.cluster = stack.enter_context(Cluster(shared))
        maintenance = create_engine(self.cluster.url("postgres"), isolation_level="AUTOCOMMIT")
        with maintenance.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {DATABASE}"))
        maintenance.dispose()
        url = self.cluster.url(DATABASE)
        environments = [
            service_environment(folder / "data", free_port(), REFERRAL_DATABASE_URL=url, **ENVIRONMENT)
            for _ in range(WEB_PROCESSES + 1)
        ]
        Cli(environments[0]).run("db", "upgrade")
        self.database = Database(url)
        stack.callback(self.database.dispose)
        self.shop = a_shop(self.database, SystemClock())
        self.web = [Process(["serve", "--workers", "1", "--json"], said, folder) for said in environments[:-1]]
        self.worker = Process(["worker"], environments[-1], folder)
        for process in (*self.web, self.worker):
            stack.callback(process.kill)
        for process in self.web:
            process.wait_until_ready()
        self.urls = [process.url for process in self.web]
        self.shop.open(self.urls[0])
        self.crowd = Crowd(self.urls, key=self.shop.key, at=SystemClock().now())


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(tmp_path, stack)


def fail_over(stage: Stage, acknowledged: set[str]) -> Failover:
    """Kill the leader while purchases come in, until they are accepted again and for a while longer."""
    leader, killed_at, back_at = stage.cluster.leader(), [math.inf], [math.inf]

    def kill() -> None:
        time.sleep(SECONDS_BEFORE)
        stage.cluster.kill(leader)
        killed_at[0] = time.monotonic()

    def is_over() -> bool:
        if stage.crowd.accepted_due_at > killed_at[0]:
            back_at[0] = min(back_at[0], time.monotonic())
        return time.monotonic() > back_at[0] + SECONDS_AFTER

    killer = threading.Thread(target=kill, name="killer")
    with Pulse(stage.urls, ["/healthz", "/readyz", READING], key=stage.shop.key) as pulse:
        killer.start()
        told = stage.crowd.at_rate(RATE_PER_SECOND, SECONDS_BEFORE + GAP_SECONDS_MAX, until=is_over)
        killer.join()
    acknowledged |= {it.order for it in told if it.is_accepted}
    lost = acknowledged - stage.shop.orders().keys()
    stage.cluster.start(leader)
    eventually(stage.cluster.is_whole, why=f"{leader.name} again as a standby")
    return Failover(leader.name, killed_at[0], told, pulse, lost)


def complaints(found: Failover) -> list[str]:
    """Return what is wrong with one failover."""
    wrong = [f"{order} is acknowledged and not there" for order in sorted(found.lost)]
    otherwise = Counter((it.status, it.code) for it in found.told if not it.is_accepted and not it.is_refused_well)
    wrong += [f"{times} times {status} {code}" for (status, code), times in otherwise.items()]
    if found.back_at() is None:
        wrong.append("writes did not come back")
    for beat in found.pulse.of("/healthz"):
        if beat.status != 200 or beat.seconds > HEALTH_SECONDS_MAX:
            wrong.append(f"health answered {beat.status} after {beat.seconds:.1f} s")
    for path in ("/readyz", READING):
        states = [beat.status for beat in found.pulse.of(path)]
        if set(states) - {200, 503} or 503 not in states or states[-1] != 200:
            wrong.append(f"{path} answered {Counter(states)}, at last {states[-1]}")
    return [f"{found.node}: {it}" for it in wrong]


@pytest.mark.timeout(60 * 60)
def test_nothing_acknowledged_is_lost_and_nothing_doubled_when_the_leader_dies(stage: Stage) -> None:
    stage.crowd.as_fast_as_answered(2, at_once=8)
    acknowledged: set[str] = set()
    wrong: list[str] = []
    sent: set[str] = set()
    for _ in range(KILLS):
        found = fail_over(stage, acknowledged)
        sys.stdout.write(f"\n{found}\n")
        sent |= {it.order for it in found.told}
        wrong += complaints(found)
    again = stage.crowd.again(sorted(sent - acknowledged), at_once=8, seconds_max=120)
    wrong += [f"sent again: {it.order} answered {it.status} {it.code}" for it in again if not it.is_accepted]
    stored = stage.shop.orders()
    wrong += [f"lost: {order}" for order in sorted(sent - stored.keys())]
    wrong += [f"{order} was rewarded {times} times" for order, times in stored.items() if times != 1]
    wrong += stage.shop.violations(SystemClock())
    eventually(stage.shop.is_all_told, why="the worker is back at work")
    sys.stdout.write(f"sent again afterwards: {len(again)}; stored: {len(stored)}, each rewarded once\n")
    assert wrong == []
    assert all(process.runs() for process in (*stage.web, stage.worker))
    assert not any('"unexpected_error"' in process.log() for process in stage.web)
