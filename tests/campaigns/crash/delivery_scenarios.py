"""Scenes of notifications on their way out: a worker dies while it plans, claims, sends or writes down how it went.

What it had in its hand waits for the end of its lease; so time passes until then, and another takes it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from campaigns.crash.scenarios import Act, Scenario
from campaigns.crash.stage import Stage
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from referral_service.kit.ids import new_id
from referral_service.webhooks_out.calling.client import Answer, Client
from referral_service.webhooks_out.deliveries import courier as courier_module
from referral_service.webhooks_out.deliveries.courier import Courier
from referral_service.webhooks_out.deliveries.fan_out import place_and_fan_out
from referral_service.webhooks_out.deliveries.message import Message
from referral_service.webhooks_out.deliveries.settle import Attempt
from referral_service.webhooks_out.endpoints.secrets import new_secret, sealed_secret
from referral_service.webhooks_out.models import Delivery, WebhookEndpoint
from referral_service.webhooks_out.states import ENABLED, LEASED, SCHEDULED

FIRST, SECOND = "https://first.example/", "https://second.example/"
ROOM = 100
ROUNDS_MAX = 10

Answering = Callable[[str, int], int]
"""Gives the status for a message to an endpoint that has got it so many times, this one included."""


def takes(_url: str, _times: int) -> int:
    return 204


def takes_the_second_time(_url: str, times: int) -> int:
    return 204 if times > 1 else 503


def the_first_is_gone(url: str, _times: int) -> int:
    return 410 if url == FIRST else 204


def notifications_are_fanned_out(stage: Stage) -> Act:
    _open(stage, takes)
    stage.convert()
    return lambda: _place(stage)


def messages_are_delivered(stage: Stage) -> Act:
    return _deliver(stage, takes)


def messages_are_refused_at_first(stage: Stage) -> Act:
    return _deliver(stage, takes_the_second_time)


def an_endpoint_is_gone(stage: Stage) -> Act:
    return _deliver(stage, the_first_is_gone)


def _deliver(stage: Stage, answering: Answering) -> Act:
    _open(stage, answering)
    stage.convert()
    # Or it would depend on how long a turn takes whether the next one looks for what the dead have left.
    courier_module.TAKE_BACK_SECONDS = 0.0

    def act() -> None:
        _outlive_leases(stage)
        _place(stage)
        _send(stage, answering)

    return act


def _open(stage: Stage, answering: Answering) -> None:
    """Open two endpoints, and let whatever is sent in this process go to the mailbox."""

    async def post(_client: Client, url: str, *, headers: dict[str, str], **_: Any) -> Answer:
        times = stage.mailbox.put(url, headers["webhook-id"])
        return Answer(answering(url, times), None, b"")

    Client.post = post  # type: ignore[assignment, method-assign]

    def work(session: Session) -> None:
        now = stage.clock.now()
        for url, events in ((FIRST, ["referral.*"]), (SECOND, ["balance.*", "endpoint.*"])):
            endpoint = WebhookEndpoint(
                app_id=stage.app_id, id=new_id("whe"), url=url, events=events, state=ENABLED, failures=0, sequence=0,
                created_at=now,
            )  # fmt: skip
            session.add(endpoint)
            session.flush()
            sealer = stage.service.sealer
            session.add(
                sealed_secret(sealer, app_id=stage.app_id, endpoint_id=endpoint.id, secret=new_secret(), now=now)
            )

    stage.database.transact(work)


def _place(stage: Stage) -> None:
    now = stage.clock.now()
    stage.database.transact(lambda session: place_and_fan_out(session, app_id=stage.app_id, now=now))


def _send(stage: Stage, answering: Answering) -> None:
    """Do a courier's turns one after the other in this thread, so that they are the same ones each time."""
    courier = Courier(
        database=stage.database, sealer=stage.service.sealer, clock=stage.clock, development=stage.settings.development
    )
    for _ in range(ROUNDS_MAX):
        ended: list[Attempt] = []
        while messages := courier._turn(ended, ROOM):
            ended = [_attempt(stage, message, answering) for message in messages]
        if not _when(stage, SCHEDULED):
            return
        # The wait before the third attempt: one may have been spent by a worker that died before it sent anything.
        stage.clock.advance(timedelta(minutes=6))


def _attempt(stage: Stage, message: Message, answering: Answering) -> Attempt:
    claimed, now = message.claimed, stage.clock.now()
    times = stage.mailbox.put(claimed.url, claimed.notification_id)
    return Attempt(
        app_id=claimed.app_id, delivery_id=claimed.id, endpoint_id=claimed.endpoint_id, number=claimed.attempt,
        started_at=now, ended_at=now, duration_ms=1, status=answering(claimed.url, times), error=None, retry_after=None,
    )  # fmt: skip


def _outlive_leases(stage: Stage) -> None:
    ends_at = _when(stage, LEASED)
    if ends_at is not None:
        stage.clock.advance(max(timedelta(0), ends_at - stage.clock.now()))


def _when(stage: Stage, state: str) -> Any:
    latest = select(func.max(Delivery.next_attempt_at)).where(Delivery.state == state)
    return stage.database.read(lambda session: session.scalar(latest))


REWARDED = "alice available 1000-0, alice has 1000+0 USD, bob available 500-0, bob has 500+0 USD, bob is converted"
ALL_DONE = f"{REWARDED}, {FIRST} has 2 of 2 done, {SECOND} has 2 of 2 done"

DELIVERY_SCENARIOS = {
    scene.__name__: Scenario(scene, tuple(ending.split(", ")))
    for scene, ending in (
        (notifications_are_fanned_out, ALL_DONE),
        (messages_are_delivered, ALL_DONE),
        (messages_are_refused_at_first, ALL_DONE),
        # Both were under way when it said so; it was told to the other one that it is off.
        (an_endpoint_is_gone, f"{REWARDED}, {FIRST} has 2 of 2 disabled, {SECOND} has 3 of 3 done"),
    )
}
