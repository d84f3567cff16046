"""The courier: claims what is due, sends it, and writes down how it went, many messages at a time.

One event loop sends; one thread beside it speaks to the database, in turns. A turn is one transaction that settles
what has ended and claims what there is room for, so no transaction is ever open while a receiver is waited for. As
many couriers as one likes may run at once, on any machine.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from datetime import datetime
from functools import partial

import structlog
import uvloop
from sqlalchemy.orm import Session

from referral_service.kit.clock import Clock, monotonic_seconds
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.webhooks_out.calling.client import (
    CALLS_AT_ONCE_MAX,
    TOTAL_SECONDS_MAX,
    Client,
    NoAnswer,
    open_client,
)
from referral_service.webhooks_out.deliveries.claim import FIRST, Claimed, Turn, claim, is_work_due, take_back
from referral_service.webhooks_out.deliveries.message import Keys, Message, write_messages
from referral_service.webhooks_out.deliveries.policy import Pace
from referral_service.webhooks_out.deliveries.settle import Attempt, settle
from referral_service.webhooks_out.deliveries.side_thread import SideThread

IDLE_SECONDS = 0.25
TAKE_BACK_SECONDS = 1.0
REST_SECONDS_MAX = 30.0
# A courier that is to stop writes down how its last attempts ended, unless it cannot so many times in a row.
LAST_TRIES_MAX = 3
LAST_TRIES_REST_SECONDS = 1.0
# How long one thread may keep the interpreter from the others: Python's own 5 ms, many times in each turn, would be the
# greater part of it while the loop is busy. It is the whole process's, and costs nobody else anything that shows.
SWITCH_SECONDS = 0.001
PACE = Pace()

log = structlog.get_logger(__name__)


class Courier:
    """Sends deliveries until it is stopped. `run` takes a thread of its own; `wake` and `stop` may be called by any."""

    def __init__(
        self, *, database: Database, sealer: Sealer, clock: Clock, development: bool, pace: Pace = PACE
    ) -> None:
        self._database = database
        self._clock = clock
        self._development = development
        self._pace = pace
        self._keys = Keys(sealer)
        self._after: Turn = FIRST
        self._ended: list[Attempt] = []
        self._under_way: set[asyncio.Task[None] | None] = set()
        self._took_back_at_seconds = float("-inf")
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        # Both belong to the event loop of one run.
        self._news = asyncio.Event()
        self._halt = asyncio.Event()
        self._stopping = False
        self.sent = 0

    def run(self, *, until_idle: bool = False) -> None:
        """Send what becomes due until `stop`, or until nothing is due; what is under way is waited for and settled.

        Raises what went wrong in the database where it runs until it is idle only; else it rests and tries again.
        """
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_SECONDS))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._run(until_idle=until_idle))

    def wake(self) -> None:
        """Look at once whether something is due."""
        with self._guard:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._news.set)

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping = True
        with self._guard:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._halt.set)
                self._loop.call_soon_threadsafe(self._news.set)

    async def _run(self, *, until_idle: bool) -> None:
        with self._guard:
            self._loop = asyncio.get_running_loop()
            self._news, self._halt = asyncio.Event(), asyncio.Event()
        try:
            with SideThread("courier-database") as database:
                async with open_client(development=self._development) as client:
                    await self._send_all(client, database, until_idle=until_idle)
        finally:
            with self._guard:
                self._loop = None

    async def _send_all(self, client: Client, database: SideThread, *, until_idle: bool) -> None:
        failures = 0
        while not self._stopping or self._under_way or self._ended:
            self._news.clear()
            ended, self._ended = self._ended, []
            room = 0 if self._stopping else CALLS_AT_ONCE_MAX - len(self._under_way)
            began = monotonic_seconds()
            try:
                messages = await database.call(partial(self._turn, ended, room))
            # Whatever is wrong, a courier that ends would leave everything unsent: it rests and tries again.
            except Exception as error:
                self._ended = ended + self._ended
                if until_idle:
                    raise
                rest_seconds = min(REST_SECONDS_MAX, 2.0 ** min(failures, 10))
                failures += 1
                log.error("courier_turn_failed", error=type(error).__name__, rest_seconds=rest_seconds)
                if self._stopping and failures >= LAST_TRIES_MAX:
                    return
                await self._rest(rest_seconds)
                continue
            failures = 0
            if messages and monotonic_seconds() - began > self._pace.lease.total_seconds() - TOTAL_SECONDS_MAX:
                # The database took so long that the leases may end while receivers think; another will send these.
                log.warning("courier_turn_too_slow", count=len(messages))
                messages = []
            for message in messages:
                task = asyncio.create_task(self._send(client, message))
                self._under_way.add(task)
            if messages or self._ended:
                continue
            if until_idle and not self._under_way:
                return
            await self._wait_for_news()

    async def _rest(self, seconds: float) -> None:
        """Leave the database in peace: whoever stops the courier does not wait for the end of that."""
        if self._stopping:
            await asyncio.sleep(min(seconds, LAST_TRIES_REST_SECONDS))
            return
        try:
            async with asyncio.timeout(seconds):
                await self._halt.wait()
        except TimeoutError:
            pass

    async def _wait_for_news(self) -> None:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                await self._news.wait()
        except TimeoutError:
            pass

    async def _send(self, client: Client, message: Message) -> None:
        try:
            attempt = await self._attempt(client, message)
            self._ended.append(attempt)
            self.sent += 1
        finally:
            # Here and not when the task is done, which is a moment later: the next turn would see no room yet, claim
            # nothing, and take that for idleness.
            self._under_way.discard(asyncio.current_task())
            self._news.set()

    async def _attempt(self, client: Client, message: Message) -> Attempt:
        claimed, started_at, started = message.claimed, self._clock.now(), monotonic_seconds()
        status, error, retry_after = None, None, None
        try:
            if not message.keys:
                raise NoAnswer("no_secret", "None of the endpoint's secrets can be opened.")
            answer = await client.post(claimed.url, body=message.body, headers=message.headers(started_at))
            status, retry_after = answer.status, answer.retry_after
        except NoAnswer as none:
            error = none.reason
        # An attempt that never ends holds its place until the lease ends, and is made again and again.
        except Exception as unforeseen:  # noqa: BLE001
            log.error("courier_attempt_failed", error=type(unforeseen).__name__)
            error = "connection"
        return Attempt(
            app_id=claimed.app_id,
            delivery_id=claimed.id,
            endpoint_id=claimed.endpoint_id,
            number=claimed.attempt,
            started_at=started_at,
            ended_at=self._clock.now(),
            duration_ms=round((monotonic_seconds() - started) * 1000),
            status=status,
            error=error,
            retry_after=retry_after,
        )

    def _turn(self, ended: list[Attempt], room: int) -> list[Message]:
        """Settle, claim, and write what was claimed: in the database's thread."""
        now = self._clock.now()
        looks_for_more = room > 0 and (
            bool(ended) or self._database.read(lambda session: is_work_due(session, now=now))
        )
        if not ended and not looks_for_more:
            return []
        claimed, self._after = self._database.transact(
            lambda session: self._settle_and_claim(session, ended, room if looks_for_more else 0, now)
        )
        # It is written down: whatever goes wrong from here on, it is not told a second time.
        ended.clear()
        if not claimed:
            return []
        return self._database.read(lambda session: write_messages(session, claimed, keys=self._keys, now=now))

    def _settle_and_claim(
        self, session: Session, ended: list[Attempt], room: int, now: datetime
    ) -> tuple[list[Claimed], Turn]:
        settle(session, ended, pace=self._pace, now=now)
        if not room:
            return [], self._after
        if monotonic_seconds() - self._took_back_at_seconds >= TAKE_BACK_SECONDS:
            take_back(session, now=now)
            self._took_back_at_seconds = monotonic_seconds()
        return claim(session, now=now, lease=self._pace.lease, after=self._after, limit=room)
