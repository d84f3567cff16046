"""Three times what the service can do, and a database that stands still: what happens then, and afterwards."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Timer

from campaigns.crowd import Crowd, Told, quantile
from campaigns.pulse import Pulse
from campaigns.shop import Shop
from sqlalchemy import text

from referral_service.kit.clock import SystemClock
from referral_service.kit.db.engines import Database

AT_ONCE = 32
# How much more than the service can do is asked of it.
TIMES_CAPACITY = 3.0
# While the database stands still, so much of the capacity is asked for: latency, and not load, is what is looked at.
SHARE_WHILE_HELD = 0.5
CALM_PAUSE_SECONDS = 0.1
# An answer as quick as this is a normal one, on a busy machine too; so many of them are enough.
NORMAL_SECONDS = 0.5
ENOUGH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How long each part lasts."""

    capacity_seconds: float
    storm_seconds: float
    held_seconds: float
    calm_seconds: float = 5.0
    again_seconds: float = 60.0


# CAMPAIGN_SIZE -> size. In "long" the database is held for longer than the service waits for a lock.
SIZES = {
    "ci": Size(capacity_seconds=1.5, storm_seconds=2, held_seconds=2.5),
    "long": Size(capacity_seconds=10, storm_seconds=60, held_seconds=15, again_seconds=900),
}


def size() -> Size:
    return SIZES[os.environ.get("CAMPAIGN_SIZE", "ci")]


@dataclass
class Part:
    """One part of the campaign: what was told during it, how the service felt, and when it was normal again."""

    name: str
    offered_per_second: float
    seconds: float
    told: list[Told] = field(default_factory=list)
    pulse: Pulse | None = None
    # What is acknowledged so far and not stored: must be nothing.
    lost: set[str] = field(default_factory=set)
    # None: not within `calm_seconds`, as far as one waited.
    normal_after_seconds: float | None = None

    @property
    def accepted(self) -> list[Told]:
        return [it for it in self.told if it.is_accepted]

    def __str__(self) -> str:
        beats = self.pulse.of("/healthz") if self.pulse else []
        refused = [it for it in self.told if it.is_refused_well]
        p50, p99 = quantile(self.accepted, 0.5), quantile(self.accepted, 0.99)
        again = "never" if self.normal_after_seconds is None else f"{self.normal_after_seconds:.1f} s"
        late = max((it.late_seconds for it in self.told), default=0)
        slowest = max((beat.seconds for beat in beats), default=0)
        otherwise = len(self.told) - len(self.accepted) - len(refused)
        return (
            f"{self.name}: {self.offered_per_second:.0f}/s for {self.seconds:.0f} s, {len(self.told)} requests: "
            f"{len(self.accepted)} accepted (p50 {p50:.2f} s, p99 {p99:.2f} s), {len(refused)} refused "
            f"(p99 {quantile(refused, 0.99):.2f} s), {otherwise} otherwise; the sender himself was late by up to "
            f"{late:.2f} s; health {len(beats)} times, slowest {slowest:.2f} s; normal again after {again}"
        )


@dataclass
class Campaign:
    """Runs its parts one after the other, then sends all that was refused again."""

    shop: Shop
    url: str
    size: Size
    capacity_per_second: float = 0.0
    parts: list[Part] = field(default_factory=list)
    # The last answer to each order that was sent again.
    again: list[Told] = field(default_factory=list)
    orders: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)

    def run(self) -> None:
        self._crowd = Crowd([self.url], key=self.shop.key, at=SystemClock().now())
        # The first requests pay for what is compiled and cached.
        self._note(self._crowd.as_fast_as_answered(0.5, at_once=AT_ONCE))
        measured = self._note(self._crowd.as_fast_as_answered(self.size.capacity_seconds, at_once=AT_ONCE))
        self.capacity_per_second = len(measured) / self.size.capacity_seconds
        self._storm()
        self._standstill()
        left = sorted(self.orders - self.acknowledged)
        self.again = self._note(self._crowd.again(left, at_once=AT_ONCE, seconds_max=self.size.again_seconds))

    def _storm(self) -> None:
        seconds, rate = self.size.storm_seconds, TIMES_CAPACITY * self.capacity_per_second
        part = Part("3 times capacity", rate, seconds)
        with Pulse([self.url], ["/healthz", "/readyz"]) as part.pulse:
            part.told = self._note(self._crowd.at_rate(rate, seconds))
        self._calm_down(part)

    def _standstill(self) -> None:
        seconds, rate = self.size.held_seconds, SHARE_WHILE_HELD * self.capacity_per_second
        part = Part("a database that stands still", rate, seconds)
        with Pulse([self.url], ["/healthz", "/readyz"]) as part.pulse, held(self.shop.database, seconds):
            part.told = self._note(self._crowd.at_rate(rate, seconds))
        self._calm_down(part)

    def _calm_down(self, part: Part) -> None:
        """Buy now and then; note when that began to go as it always does, and what is lost."""
        over_at = max(it.due_at for it in part.told)
        calm: list[Told] = []
        until = over_at + self.size.calm_seconds + 2 * ENOUGH * CALM_PAUSE_SECONDS
        while time.monotonic() < until and part.normal_after_seconds is None:
            calm += self._note(self._crowd.at_rate(1 / CALM_PAUSE_SECONDS, CALM_PAUSE_SECONDS))
            last = calm[-ENOUGH:]
            if len(last) == ENOUGH and all(it.is_accepted and it.seconds < NORMAL_SECONDS for it in last):
                part.normal_after_seconds = last[0].due_at - over_at
            time.sleep(CALM_PAUSE_SECONDS)
        part.lost = self.acknowledged - self.shop.orders().keys()
        self.parts.append(part)

    def _note(self, told: list[Told]) -> list[Told]:
        self.orders |= {it.order for it in told}
        self.acknowledged |= {it.order for it in told if it.is_accepted}
        return told


@contextmanager
def held(database: Database, seconds: float) -> Iterator[None]:
    """Let nobody write for so long: whoever wants to must wait."""
    if database.is_sqlite:
        connection = sqlite3.connect(str(database.url.database), isolation_level=None, check_same_thread=False)
        connection.execute("BEGIN IMMEDIATE")
        let_go = connection.close
    else:
        locked = database.write_engine.connect()
        locked.execute(text("LOCK TABLE purchases IN ACCESS EXCLUSIVE MODE"))
        let_go = locked.close
    timer = Timer(seconds, let_go)
    timer.start()
    try:
        yield
    finally:
        timer.join()
