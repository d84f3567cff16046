"""Buyers by the hundred: purchases sent to running services, as fast as they are answered or at a set rate."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

import orjson
import uvloop
from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from referral_service.kit.clock import format_rfc3339

# Longer than the service may take: whoever runs into this was kept waiting too long.
PATIENCE_SECONDS = 30.0
CUSTOMERS = 200
NO_ANSWER = 0
REFUSED = 503


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one request. `due_at` is when it should have been sent, by the monotonic clock; `seconds` count
    from then, so that a service that keeps the sender from sending gains nothing by it.
    """

    order: str
    due_at: float
    seconds: float
    status: int
    code: str | None = None
    retry_after: str | None = None
    # How late it was sent, since this sender had to wait for the machine himself: part of `seconds`.
    late_seconds: float = 0.0

    @property
    def is_accepted(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_refused_well(self) -> bool:
        """Whether it was told when to come again."""
        return (self.status, self.code) == (REFUSED, "overloaded") and (self.retry_after or "").isdigit()

    @property
    def ended_at(self) -> float:
        return self.due_at + self.seconds


def quantile(told: Iterable[Told], share: float) -> float:
    """Return the time that this share of the answers took at most, in seconds; 0 without answers."""
    seconds = sorted(it.seconds for it in told)
    return seconds[min(len(seconds) - 1, math.ceil(share * len(seconds)) - 1)] if seconds else 0.0


class Crowd:
    """Buys at services that share a database. The same order is always the same request, to the byte."""

    def __init__(self, urls: Sequence[str], *, key: str, at: datetime) -> None:
        self._urls = urls
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._at = format_rfc3339(at)
        self._numbers = count(1)
        # The latest moment at which a request was due that has been accepted.
        self.accepted_due_at = -math.inf

    def as_fast_as_answered(self, seconds: float, *, at_once: int) -> list[Told]:
        """Buy all the while, so many at once, each sending his next request when he has his answer."""

        async def buy(session: ClientSession) -> list[Told]:
            until = time.monotonic() + seconds

            async def one() -> list[Told]:
                told = []
                while time.monotonic() < until:
                    told.append(await self._ask(session, self._next(), time.monotonic()))
                return told

            return [it for part in await asyncio.gather(*(one() for _ in range(at_once))) for it in part]

        return self._run(buy)

    def at_rate(self, per_second: float, seconds: float, *, until: Callable[[], bool] = lambda: False) -> list[Told]:
        """Buy at a set rate, whether or not there are answers; end early once `until` says so."""

        async def buy(session: ClientSession) -> list[Told]:
            began, asked = time.monotonic(), []
            for number in range(int(per_second * seconds)):
                due_at = began + number / per_second
                if (early := due_at - time.monotonic()) > 0:
                    await asyncio.sleep(early)
                if until():
                    break
                asked.append(asyncio.create_task(self._ask(session, self._next(), due_at)))
            return list(await asyncio.gather(*asked))

        return self._run(buy)

    def again(self, orders: Iterable[str], *, at_once: int, seconds_max: float) -> list[Told]:
        """Send these orders again, each until it is accepted, after the time that a refusal names; gives the last
        answer to each.
        """
        waiting = list(orders)

        async def buy(session: ClientSession) -> list[Told]:
            until, told = time.monotonic() + seconds_max, []

            async def one() -> None:
                while waiting:
                    order = waiting.pop()
                    answer = await self._ask(session, order, time.monotonic())
                    while not answer.is_accepted and time.monotonic() < until:
                        await asyncio.sleep(float(answer.retry_after or 1))
                        answer = await self._ask(session, order, time.monotonic())
                    told.append(answer)

            await asyncio.gather(*(one() for _ in range(at_once)))
            return told

        return self._run(buy)

    def _next(self) -> str:
        return f"o-{next(self._numbers)}"

    def _run(self, work: Callable[[ClientSession], Awaitable[list[Told]]]) -> list[Told]:
        async def whole() -> list[Told]:
            timeout = ClientTimeout(total=PATIENCE_SECONDS)
            async with ClientSession(
                connector=TCPConnector(limit=0), timeout=timeout, headers=self._headers, trust_env=False
            ) as session:
                return await work(session)

        return uvloop.run(whole())

    async def _ask(self, session: ClientSession, order: str, due_at: float) -> Told:
        number = int(order.removeprefix("o-"))
        url = self._urls[number % len(self._urls)]
        late = time.monotonic() - due_at
        try:
            async with session.post(f"{url}/v1/events", data=self._body(order, number)) as answer:
                said = await answer.read()
        except (ClientError, TimeoutError, OSError) as error:
            return Told(order, due_at, time.monotonic() - due_at, NO_ANSWER, type(error).__name__, None, late)
        seconds = time.monotonic() - due_at
        code = None if answer.ok else _code(said)
        if answer.ok:
            self.accepted_due_at = max(self.accepted_due_at, due_at)
        return Told(order, due_at, seconds, answer.status, code, answer.headers.get("Retry-After"), late)

    def _body(self, order: str, number: int) -> bytes:
        body: dict[str, Any] = {
            "id": f"e-{order}",
            "type": "purchase",
            "customer_id": f"buyer-{number % CUSTOMERS}",
            "order_id": order,
            "amount": {"amount_minor": 1000 + number % 1000, "currency": "USD"},
            "occurred_at": self._at,
        }
        return orjson.dumps(body)


def _code(said: bytes) -> str | None:
    try:
        found: str | None = orjson.loads(said).get("code")
    except (orjson.JSONDecodeError, AttributeError):
        return None
    return found
