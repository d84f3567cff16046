"""What a courier meets that is nobody's plan: odd answers, a database that is away, others who hold the same rows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from webhooks_out.sending import Inbox, Outbox
from werkzeug import Request, Response

from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.webhooks_out.calling.client import TOTAL_SECONDS_MAX, Client
from referral_service.webhooks_out.deliveries import courier as courier_module
from referral_service.webhooks_out.deliveries.claim import Turn, claim
from referral_service.webhooks_out.deliveries.fan_out import place_and_fan_out
from referral_service.webhooks_out.deliveries.message import write_messages
from referral_service.webhooks_out.deliveries.policy import Pace, read_retry_after
from referral_service.webhooks_out.deliveries.settle import Attempt, settle
from referral_service.webhooks_out.endpoints.policy import Why
from referral_service.webhooks_out.endpoints.switch import switch_off, switch_on
from referral_service.webhooks_out.models import Delivery, WebhookEndpoint
from referral_service.webhooks_out.states import DISABLED, DONE, ENABLED, LEASED, SCHEDULED

NOWHERE_IN_A_CALENDAR = (
    "Fri, 31 Dec 9999 23:59:59 -1200",
    "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
    "Thu, 31 Dec 2026 99999999999999999999:59:59 GMT",
    "Thu, 31 Dec 2026 23:59:59 +9999999999",
    "Mon, 99 Foo 2026 00:00:00 GMT",
    "-5",
    "1.5",
    "²",
    "",
)


def locked(session: Session, endpoint_id: str) -> WebhookEndpoint:
    """The row of an endpoint, as whoever wants to change it takes it."""
    wanted = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id)
    return session.scalars(wanted.with_for_update(key_share=True)).one()


@pytest.mark.parametrize("said", NOWHERE_IN_A_CALENDAR)
def test_a_retry_after_that_means_nothing_is_passed_over(said: str) -> None:
    assert read_retry_after(said, now=datetime(2026, 11, 21, tzinfo=UTC)) is None


def test_what_one_receiver_answers_stops_the_messages_of_no_other(outbox: Outbox, httpserver: HTTPServer) -> None:
    odd = Inbox(httpserver, "/odd", lambda _: Response(status=503, headers={"Retry-After": NOWHERE_IN_A_CALENDAR[0]}))
    fine = Inbox(httpserver, "/fine")
    endpoints = [outbox.add(inbox.url) for inbox in (odd, fine)]
    outbox.announce("reward.created")
    outbox.send()
    assert [outbox.states(endpoint) for endpoint in endpoints] == [[SCHEDULED], [DONE]]


def test_an_attempt_that_fails_in_a_way_nobody_thought_of_is_one_that_failed(
    outbox: Outbox, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def post(*_: object, **__: object) -> None:
        raise RuntimeError("Session is closed")

    monkeypatch.setattr(Client, "post", post)
    endpoint = outbox.add(httpserver.url_for("/hooks"))
    (notification_id,) = outbox.announce("reward.created")
    assert outbox.send() == 1
    assert outbox.states(endpoint) == [SCHEDULED]
    assert outbox.deliveries()[notification_id].last_error == "connection"


def test_a_courier_may_run_again_after_it_has_waited(outbox: Outbox, httpserver: HTTPServer) -> None:
    def slow(_: Request) -> Response:
        threading.Event().wait(0.05)
        return Response(status=204)

    endpoint = outbox.add(Inbox(httpserver, "/hooks", slow).url)
    courier = outbox.courier()
    for _ in range(2):
        outbox.announce("reward.created")
        courier.run(until_idle=True)
    assert outbox.states(endpoint) == [DONE] * 2


class Away:
    """Lets the database be away for so many transactions, in the middle of each or after it has committed."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.began = threading.Event()

    def __call__(self, *_: object, **__: object) -> Any:
        self.began.set()
        if self.times:
            self.times -= 1
            raise OperationalError("SELECT 1", None, Exception("server closed the connection unexpectedly"))


def test_what_had_ended_is_written_down_when_the_database_is_back(
    outbox: Outbox, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, answered = Away(2), threading.Event()

    def settle_unless_away(session: Session, attempts: Any, **more: Any) -> None:
        if attempts:
            away()
        settle(session, attempts, **more)

    monkeypatch.setattr(courier_module, "settle", settle_unless_away)
    monkeypatch.setattr(courier_module, "REST_SECONDS_MAX", 0.05)

    def note(_: Request) -> Response:
        answered.set()
        return Response(status=204)

    inbox = Inbox(httpserver, "/hooks", note)
    endpoint = outbox.add(inbox.url)
    outbox.announce("reward.created")
    courier = outbox.courier()
    thread = threading.Thread(target=courier.run)
    thread.start()
    assert answered.wait(30)
    # It is asked to stop just now; the answer is written down before it ends all the same.
    courier.stop()
    thread.join(30)
    assert not thread.is_alive()
    assert (outbox.states(endpoint), len(inbox.requests)) == ([DONE], 1)


def test_a_courier_without_its_database_stops_when_it_is_told_to(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Away(1_000_000)
    monkeypatch.setattr(courier_module, "is_work_due", away)
    courier = outbox.courier()
    thread = threading.Thread(target=courier.run)
    thread.start()
    # The first rest is of one second, the second of two: it is stopped within those.
    assert away.began.wait(30)
    while away.times > 1_000_000 - 2:
        threading.Event().wait(0.01)
    courier.stop()
    thread.join(1.5)
    assert not thread.is_alive()


def test_an_attempt_is_judged_once_although_the_messages_that_follow_cannot_be_read(
    outbox: Outbox, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = outbox.add(Inbox(httpserver, "/hooks", 500).url)
    outbox.announce(*["reward.created"] * 6)
    turns = [0]

    def write_the_first_only(*given: Any, **more: Any) -> Any:
        turns[0] += 1
        if turns[0] == 2:
            Away(1)()
        return write_messages(*given, **more)

    monkeypatch.setattr(courier_module, "write_messages", write_the_first_only)
    courier = outbox.courier()
    messages = courier._turn([], 1)
    ended = [attempt_of(outbox, message.claimed) for message in messages]
    with pytest.raises(OperationalError):
        courier._turn(ended, 5)
    assert ended == []
    assert outbox.endpoint(endpoint).failures == 1


def attempt_of(outbox: Outbox, claimed: Any, *, status: int = 500) -> Attempt:
    now = outbox.clock.now()
    return Attempt(
        app_id=claimed.app_id, delivery_id=claimed.id, endpoint_id=claimed.endpoint_id, number=claimed.attempt,
        started_at=now, ended_at=now, duration_ms=1, status=status, error=None, retry_after=None,
    )  # fmt: skip


def test_nothing_is_sent_when_the_database_took_so_long_that_the_lease_may_end_meanwhile(
    outbox: Outbox, httpserver: HTTPServer, clock: FixedClock
) -> None:
    inbox = Inbox(httpserver, "/hooks")
    endpoint = outbox.add(inbox.url)
    outbox.announce("reward.created")
    hasty = Pace(lease=timedelta(seconds=TOTAL_SECONDS_MAX))
    outbox.courier(pace=hasty).run(until_idle=True)
    assert (inbox.requests, outbox.states(endpoint)) == ([], [LEASED])
    clock.advance(hasty.lease)
    outbox.send()
    assert outbox.states(endpoint) == [DONE]


def test_what_a_dead_courier_had_of_an_endpoint_that_was_switched_off_is_kept_for_it(
    outbox: Outbox, httpserver: HTTPServer, clock: FixedClock
) -> None:
    endpoint = outbox.add(Inbox(httpserver, "/hooks").url)
    outbox.announce("reward.created")
    outbox.courier()._turn([], 100)

    def off(session: Session) -> None:
        switch_off(session, locked(session, endpoint.id), why=Why.BY_APP, now=clock.now())

    outbox.database.transact(off)
    assert outbox.states(endpoint) == [LEASED]
    clock.advance(Pace().lease)
    outbox.send()
    assert outbox.states(endpoint) == [DISABLED]


def test_endpoints_whose_places_are_all_taken_do_not_fill_a_turn(outbox: Outbox, httpserver: HTTPServer) -> None:
    slow = [outbox.add(httpserver.url_for("/slow"), events=["reward.*"]) for _ in range(4)]
    outbox.announce(*["reward.created"] * 8)
    now = outbox.clock.now()

    def take(session: Session, limit: int) -> list[str]:
        taken, _ = claim(session, now=now, lease=timedelta(minutes=1), after=Turn(0, ""), limit=limit)
        return [one.endpoint_id for one in taken]

    assert len(outbox.database.transact(lambda session: take(session, 100))) == 5 * len(slow)
    # The last in the order of ids, and with room for fewer messages than there are endpoints before it.
    healthy = outbox.add(httpserver.url_for("/healthy"), events=["balance.changed"])
    outbox.announce("balance.changed")
    assert outbox.database.transact(lambda session: take(session, 2)) == [healthy.id]


def held(database: Database, work: Callable[[Session], object]) -> tuple[threading.Thread, threading.Event]:
    """Do `work` in a transaction that stays open until the event is set."""
    done, release = threading.Event(), threading.Event()

    def hold() -> None:
        def and_wait(session: Session) -> None:
            work(session)
            session.flush()
            done.set()
            assert release.wait(30)

        database.transact(and_wait)

    thread = threading.Thread(target=hold)
    thread.start()
    assert done.wait(30)
    return thread, release


def test_while_much_is_placed_endpoints_are_served(outbox: Outbox, httpserver: HTTPServer) -> None:
    if outbox.database.is_sqlite:
        # It has one writer: nobody sees anybody else's locks.
        return
    inbox = Inbox(httpserver, "/hooks")
    outbox.add(inbox.url)
    outbox.announce("reward.created")
    outbox.announce("reward.created", place=False)
    now = outbox.clock.now()
    thread, release = held(outbox.database, lambda session: place_and_fan_out(session, app_id=outbox.app_id, now=now))
    outbox.send()
    sent_meanwhile = len(inbox.requests)
    release.set()
    thread.join(30)
    assert sent_meanwhile == 1
    outbox.send()
    assert len(inbox.requests) == 2


@pytest.mark.parametrize("comes_first", ["planning", "switching"])
@pytest.mark.parametrize("becomes", [DISABLED, ENABLED])
def test_planning_and_switching_wait_for_each_other(
    outbox: Outbox, httpserver: HTTPServer, becomes: str, comes_first: str
) -> None:
    endpoint = outbox.add(Inbox(httpserver, "/hooks").url)
    now = outbox.clock.now()

    def off(session: Session) -> None:
        switch_off(session, locked(session, endpoint.id), why=Why.BY_APP, now=now)

    def on_and_again(session: Session) -> None:
        switch_on(session, locked(session, endpoint.id), now=now)
        session.execute(update(Delivery).where(Delivery.state == DISABLED).values(state=SCHEDULED))

    def plan(session: Session) -> None:
        place_and_fan_out(session, app_id=outbox.app_id, now=now)

    if becomes == ENABLED:
        outbox.database.transact(off)
    outbox.announce("reward.created", place=False)
    switch = off if becomes == DISABLED else on_and_again
    first, second = (plan, switch) if comes_first == "planning" else (switch, plan)
    thread, release = held(outbox.database, first)
    other = threading.Thread(target=outbox.database.transact, args=(second,))
    other.start()
    other.join(0.3)
    waited = other.is_alive()
    release.set()
    for each in (thread, other):
        each.join(30)
    assert waited
    outbox.place()
    assert set(outbox.states(endpoint)) == {SCHEDULED if becomes == ENABLED else DISABLED}
