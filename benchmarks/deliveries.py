"""The way out: a courier with everything durable, and beside it a bare loop over the same client library.

Both run in a process of their own and post bodies of the same size, with as many headers, to the same addresses, as
many at a time. The bare loop has them ready: no database, no signing, no check of where it calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from time import perf_counter
from typing import Any

import orjson
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from benchmarks import stage
from referral_service.cli.memory import collect_seldom
from referral_service.journeys.telling.list_notifications import list_notifications
from referral_service.kit.clock import SystemClock, format_rfc3339
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.kit.ids import new_id
from referral_service.notifications.announce import Change, announce
from referral_service.notifications.models import Notification
from referral_service.webhooks_out.calling.signing import signed_headers
from referral_service.webhooks_out.deliveries.courier import Courier
from referral_service.webhooks_out.deliveries.fan_out import place_and_fan_out
from referral_service.webhooks_out.endpoints.policy import CALLS_AT_ONCE_MAX
from referral_service.webhooks_out.endpoints.secrets import new_secret, sealed_secret
from referral_service.webhooks_out.models import Delivery, WebhookEndpoint
from referral_service.webhooks_out.states import DONE, ENABLED

APPS, ENDPOINTS_OF_AN_APP = 8, 5
PEOPLE_OF_AN_APP, CHANGES = 25, 5
# A round's: each change of everybody is told to each of their app's endpoints.
DELIVERIES = APPS * PEOPLE_OF_AN_APP * CHANGES * ENDPOINTS_OF_AN_APP
# As many as a courier has under way at most.
AT_ONCE = APPS * ENDPOINTS_OF_AN_APP * CALLS_AT_ONCE_MAX

_ROWS = select(Notification.object_id, Notification.object)


class NotAllSent(Exception):
    """Something that was due did not arrive: the figure would be worth nothing."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """Apps whose people have signed up, and their endpoints."""

    url: str
    master_keys: dict[str, str]
    app_ids: list[int]
    addresses: list[str]


def prepare(url: str, master_keys: dict[str, str], *, receiver_port: int) -> Outbox:
    """Fill an empty database."""
    app_ids = [stage.seed(url, master_keys, referees=PEOPLE_OF_AN_APP).app_id for _ in range(APPS)]
    addresses = [f"http://127.0.0.1:{receiver_port}/hooks/{number}" for number in range(APPS * ENDPOINTS_OF_AN_APP)]
    outbox = Outbox(url, master_keys, app_ids, addresses)
    database, sealer = Database(url), Sealer(master_keys)
    for app_id in app_ids:
        database.transact(partial(place_and_fan_out, app_id=app_id, now=SystemClock().now()))
    for number, address in enumerate(addresses):
        database.transact(partial(_add_endpoint, sealer=sealer, app_id=app_ids[number % APPS], address=address))
    database.dispose()
    return outbox


def rates(outbox: Outbox, *, nth: int) -> tuple[float, float]:
    """Announce the `nth` change (from 1) of everything to everybody; give how many deliveries a second it took the
    courier, and the bare loop.

    Raises NotAllSent where one of them did not arrive.
    """
    database = Database(outbox.url)
    for app_id in outbox.app_ids:
        database.transact(partial(_announce_all, app_id=app_id, nth=nth))
    if not database.is_sqlite:
        # It does so by itself, but only once a minute.
        database.transact(lambda session: session.execute(text("ANALYZE")))
    floor_seconds = _in_a_process(_post_all, outbox.addresses, DELIVERIES, *database.read(partial(_ready, outbox)))
    done_before = database.read(_done)
    seconds = _in_a_process(_send_all, outbox)
    done = database.read(_done) - done_before
    database.dispose()
    if done != DELIVERIES:
        raise NotAllSent(f"{done} of {DELIVERIES}")
    return DELIVERIES / seconds, DELIVERIES / floor_seconds


def _announce_all(session: Session, *, app_id: int, nth: int) -> None:
    now = SystemClock().now()
    first = _ROWS.where(Notification.app_id == app_id, Notification.sequence == 1)
    changes = [
        Change(
            type="referral.converted",
            object_id=row.object_id,
            sequence=1 + (nth - 1) * CHANGES + number,
            previous_state="created",
            state="converted",
            reason=None,
            object=row.object,
        )
        for number in range(1, CHANGES + 1)
        for row in session.execute(first)
    ]
    announce(session, app_id=app_id, changes=changes, now=now)
    place_and_fan_out(session, app_id=app_id, now=now)


def _ready(outbox: Outbox, session: Session) -> tuple[bytes, dict[str, str]]:
    """Return a body as it is sent, and its headers."""
    (document,) = list_notifications(session, app_id=outbox.app_ids[0], after=PEOPLE_OF_AN_APP, limit=1)
    body = orjson.dumps(document | {"timestamp": format_rfc3339(document["timestamp"])})
    signed = signed_headers(document["id"], body, keys=[b"bench"], now=SystemClock().now())
    return body, {"content-type": "application/json", **signed}


def _add_endpoint(session: Session, *, sealer: Sealer, app_id: int, address: str) -> None:
    now, endpoint_id = SystemClock().now(), new_id("whe")
    session.add(
        WebhookEndpoint(app_id=app_id, id=endpoint_id, url=address, events=["*"], state=ENABLED, created_at=now)
    )
    session.flush()
    session.add(sealed_secret(sealer, app_id=app_id, endpoint_id=endpoint_id, secret=new_secret(), now=now))


def _done(session: Session) -> int:
    return session.scalars(select(func.count()).select_from(Delivery).where(Delivery.state == DONE)).one()


def _in_a_process(work: Any, *given: Any) -> float:
    """Return the seconds that `work` says it took in a process of its own."""
    with get_context("spawn").Pool(1) as pool:
        return float(pool.apply(work, given))


def _send_all(outbox: Outbox) -> float:
    database, sealer = Database(outbox.url), Sealer(outbox.master_keys)
    courier = Courier(database=database, sealer=sealer, clock=SystemClock(), development=True)
    # As in the processes that have a courier.
    collect_seldom()
    began = perf_counter()
    courier.run(until_idle=True)
    return perf_counter() - began


def _post_all(addresses: list[str], count: int, body: bytes, headers: dict[str, str]) -> float:
    import uvloop
    from aiohttp import ClientSession, TCPConnector

    async def loop(session: ClientSession, waiting: Iterator[int]) -> None:
        for number in waiting:
            async with session.post(addresses[number % len(addresses)], data=body, headers=headers) as response:
                await response.read()

    async def post_all() -> float:
        async with ClientSession(connector=TCPConnector(limit=0)) as session:
            waiting = iter(range(count))
            began = perf_counter()
            await asyncio.gather(*(loop(session, waiting) for _ in range(AT_ONCE)))
            return perf_counter() - began

    return uvloop.run(post_all())
