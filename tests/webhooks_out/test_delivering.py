"""What an endpoint gets, and what becomes of what it does not take."""

from __future__ import annotations

import asyncio
import socket
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import text
from sqlalchemy.orm import Session
from webhooks_out.sending import Inbox, Outbox
from werkzeug import Request, Response

from builders import Api, a_claim, a_code, a_customer, a_program, expect
from cast import ALICE
from referral_service.kit.clock import FixedClock
from referral_service.webhooks_out.calling.client import Answer, Client
from referral_service.webhooks_out.deliveries.policy import Pace
from referral_service.webhooks_out.deliveries.settle import Attempt
from referral_service.webhooks_out.endpoints.policy import Why
from referral_service.webhooks_out.endpoints.switch import switch_off
from referral_service.webhooks_out.models import WebhookEndpoint
from referral_service.webhooks_out.states import DEAD, DISABLED, DONE, ENABLED, LEASED, SCHEDULED


def test_what_is_sent_is_signed_and_reads_as_what_is_pulled(outbox: Outbox, httpserver: HTTPServer, api: Api) -> None:
    inbox = Inbox(httpserver, "/hooks")
    endpoint = outbox.add(inbox.url, events=["referral.*"])
    a_customer(api, ALICE)
    a_claim(api, a_code(api, a_program(api)))
    outbox.place()
    assert outbox.send() == 1
    pulled = expect(api.get("/v1/notifications"), 200)["items"]
    assert inbox.verified(endpoint.secret) == [one for one in pulled if one["type"] == "referral.created"]
    (request,) = inbox.requests
    assert request.headers["content-type"] == "application/json"
    (sent,) = outbox.deliveries().values()
    assert (sent.state, sent.attempts, sent.last_status, sent.last_error) == (DONE, 1, 204, None)
    assert sent.done_at == sent.last_attempt_at == outbox.clock.now()
    assert outbox.send() == 0


def test_an_endpoint_gets_what_its_filters_let_through(outbox: Outbox, httpserver: HTTPServer) -> None:
    exact, group, everything = (Inbox(httpserver, path) for path in ("/exact", "/group", "/all"))
    outbox.add(exact.url, events=["balance.changed"])
    outbox.add(group.url, events=["reward.*", "referral.created"])
    outbox.add(everything.url)
    balance, reward, claim, end = outbox.announce(
        "balance.changed", "reward.voided", "referral.created", "referral.expired"
    )
    outbox.send()
    assert exact.ids() == [balance]
    assert sorted(group.ids()) == sorted([reward, claim])
    assert sorted(everything.ids()) == sorted([balance, reward, claim, end])


@pytest.mark.parametrize("status", [199, 301, 302, 307, 400, 404, 429, 500, 503])
def test_all_but_2xx_is_tried_again_with_the_same_id_and_a_new_time(
    outbox: Outbox, httpserver: HTTPServer, clock: FixedClock, status: int
) -> None:
    def answer(_: Request) -> Response:
        return Response(status=status, headers={"Location": httpserver.url_for("/elsewhere")})

    inbox = Inbox(httpserver, "/hooks", answer, 200)
    elsewhere = Inbox(httpserver, "/elsewhere")
    endpoint = outbox.add(inbox.url)
    (notification_id,) = outbox.announce("reward.created")
    assert outbox.send() == 1
    delivery = outbox.deliveries()[notification_id]
    if status != 199:
        assert (delivery.state, delivery.last_status) == (SCHEDULED, status)
    assert timedelta(seconds=4) <= delivery.next_attempt_at - clock.now() <= timedelta(seconds=6)
    clock.advance(timedelta(seconds=7))
    assert outbox.send() == 1
    assert inbox.ids() == [notification_id] * 2
    inbox.verified(endpoint.secret)
    assert len({request.headers["webhook-timestamp"] for request in inbox.requests}) == 2
    assert outbox.deliveries()[notification_id].state == DONE
    assert elsewhere.requests == []


def test_the_waits_grow_for_three_days_and_then_the_delivery_is_dead(
    outbox: Outbox, httpserver: HTTPServer, clock: FixedClock
) -> None:
    inbox = Inbox(httpserver, "/hooks", 500)
    endpoint = outbox.add(inbox.url)
    (notification_id,) = outbox.announce("reward.created")
    began, waits = clock.now(), []
    while True:
        assert outbox.send() == 1
        delivery = outbox.deliveries()[notification_id]
        if delivery.state == DEAD:
            break
        waits.append(delivery.next_attempt_at - clock.now())
        # It is not paused for longer than the message waits anyway.
        clock.advance(max(waits[-1], timedelta(minutes=5)) + timedelta(seconds=1))
    for wait, planned in zip(waits, Pace().waits[1:], strict=True):
        assert planned * 0.8 <= wait <= planned * 1.2
    assert len(inbox.requests) == delivery.attempts == len(Pace().waits)
    assert timedelta(days=2) < clock.now() - began < timedelta(days=5)
    row = outbox.endpoint(endpoint)
    assert (row.state, row.failing_since) == (ENABLED, began)
    clock.advance(timedelta(days=30))
    assert outbox.send() == 0


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
def test_a_receiver_that_asks_for_time_gets_it(
    outbox: Outbox, httpserver: HTTPServer, clock: FixedClock, as_date: bool
) -> None:
    wanted = clock.now() + timedelta(minutes=20)
    said = format_datetime(wanted.astimezone(UTC), usegmt=True) if as_date else "1200"
    inbox = Inbox(httpserver, "/hooks", lambda _: Response(status=429, headers={"Retry-After": said}), 204)
    outbox.add(inbox.url)
    (notification_id,) = outbox.announce("reward.created")
    outbox.send()
    assert outbox.deliveries()[notification_id].next_attempt_at == wanted.replace(microsecond=0)
    clock.advance(timedelta(minutes=19))
    assert outbox.send() == 0
    clock.advance(timedelta(minutes=1))
    assert outbox.send() == 1


def test_gone_switches_the_endpoint_off_and_says_so(outbox: Outbox, httpserver: HTTPServer) -> None:
    gone, other = Inbox(httpserver, "/gone", 410), Inbox(httpserver, "/other")
    endpoint = outbox.add(gone.url)
    outbox.announce(*["reward.created"] * 7)
    outbox.add(other.url, events=["endpoint.*"])
    outbox.send()
    row = outbox.endpoint(endpoint)
    assert (row.state, row.reason, row.sequence) == (DISABLED, "gone", 1)
    assert outbox.states(endpoint) == [DISABLED] * 7
    # No more than those that were under way when it answered.
    assert len(gone.requests) <= 5
    outbox.announce("reward.voided")
    assert outbox.states(endpoint) == [DISABLED] * 9
    outbox.send()
    assert len(gone.requests) <= 5
    (told,) = [request.json for request in other.requests]
    assert (told["type"], told["data"]["reason"], told["data"]["state"]) == ("endpoint.disabled", "gone", "disabled")
    assert told["data"]["object"]["id"] == endpoint.id


def test_five_days_without_a_success_switch_the_endpoint_off(
    outbox: Outbox, httpserver: HTTPServer, clock: FixedClock
) -> None:
    inbox = Inbox(httpserver, "/hooks", 500)
    endpoint = outbox.add(inbox.url)
    for day in range(5):
        outbox.announce("reward.created")
        outbox.send()
        assert outbox.endpoint(endpoint).state == ENABLED, day
        clock.advance(timedelta(days=1))
    outbox.send()
    row = outbox.endpoint(endpoint)
    assert (row.state, row.reason) == (DISABLED, "failing")
    assert SCHEDULED not in outbox.states(endpoint)


def test_one_success_begins_the_five_days_anew(outbox: Outbox, httpserver: HTTPServer, clock: FixedClock) -> None:
    inbox = Inbox(httpserver, "/hooks", 500, 500, 200, 500)
    endpoint = outbox.add(inbox.url)
    for _ in range(3):
        outbox.announce("reward.created")
        outbox.send()
        clock.advance(timedelta(days=2))
    assert outbox.endpoint(endpoint).failing_since is None or outbox.endpoint(endpoint).state == ENABLED
    outbox.send()
    assert outbox.endpoint(endpoint).state == ENABLED


def test_after_five_failures_in_a_row_one_message_alone_tries_first(
    outbox: Outbox, httpserver: HTTPServer, clock: FixedClock
) -> None:
    status = [503]
    inbox = Inbox(httpserver, "/hooks", lambda _: Response(status=status[0]))
    endpoint = outbox.add(inbox.url)
    outbox.announce(*["reward.created"] * 20)
    outbox.send()
    # Five, and those that were under way already when the fifth had failed.
    first = len(inbox.requests)
    assert 5 <= first <= 9
    assert outbox.endpoint(endpoint).paused_until == clock.now() + timedelta(seconds=5)
    clock.advance(timedelta(seconds=5))
    outbox.send()
    # The one that tried failed: twice the pause, and none of the others was spent on it.
    assert len(inbox.requests) == first + 1
    assert outbox.endpoint(endpoint).paused_until == clock.now() + timedelta(seconds=10)
    clock.advance(timedelta(seconds=10))
    status[0] = 204
    outbox.send()
    row = outbox.endpoint(endpoint)
    assert (row.failures, row.failing_since, row.paused_until) == (0, None, None)
    # One of the failed may have been the one that tried, and waits for its third attempt.
    clock.advance(timedelta(minutes=7))
    outbox.send()
    assert outbox.states(endpoint) == [DONE] * 20


def test_never_more_than_five_are_under_way_to_an_endpoint_however_many_couriers(
    outbox: Outbox, httpserver: HTTPServer
) -> None:
    guard, open_calls, most = threading.Lock(), [0], [0]

    def slow(_: Request) -> Response:
        with guard:
            open_calls[0] += 1
            most[0] = max(most[0], open_calls[0])
        threading.Event().wait(0.02)
        with guard:
            open_calls[0] -= 1
        return Response(status=204)

    # The receiver answers one at a time; what is counted is what the leases allow.
    inbox = Inbox(httpserver, "/hooks", slow)
    endpoint = outbox.add(inbox.url)
    outbox.announce(*["reward.created"] * 40)
    leased: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            leased.append(outbox.states(endpoint).count(LEASED))

    threads = [threading.Thread(target=outbox.courier().run, kwargs={"until_idle": True}) for _ in range(3)]
    watcher = threading.Thread(target=watch)
    watcher.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outbox.send()
    done.set()
    watcher.join()
    assert max(leased) == 5
    assert outbox.states(endpoint) == [DONE] * 40
    assert sorted(inbox.ids()) == sorted(set(inbox.ids()))


def test_a_dead_endpoint_with_a_long_queue_holds_up_no_other(outbox: Outbox, httpserver: HTTPServer) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        dead = outbox.add(f"http://127.0.0.1:{nobody.getsockname()[1]}/")
    outbox.announce(*["reward.created"] * 1000)
    inbox = Inbox(httpserver, "/hooks")
    outbox.add(inbox.url, events=["balance.changed"])
    outbox.announce(*["balance.changed"] * 12)
    outbox.send()
    assert len(inbox.requests) == 12
    states = outbox.states(dead)
    assert states.count(SCHEDULED) == 1012
    failed = [row for row in outbox.deliveries().values() if row.endpoint_id == dead.id and row.attempts]
    assert {row.last_error for row in failed} == {"connection"}


def test_calls_that_end_together_do_not_pass_for_idleness(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answers_in_the_same_moment(*_: Any, **__: Any) -> Answer:
        await asyncio.sleep(0)
        return Answer(204, None, b"")

    monkeypatch.setattr(Client, "post", answers_in_the_same_moment)
    # All the room there is is taken, and becomes free at once.
    monkeypatch.setattr("referral_service.webhooks_out.deliveries.courier.CALLS_AT_ONCE_MAX", 5)
    endpoint = outbox.add("http://127.0.0.1:1/")
    outbox.announce(*["reward.created"] * 30)
    assert outbox.send() == 30
    assert outbox.states(endpoint) == [DONE] * 30


def test_what_a_courier_had_when_it_died_is_sent_by_another_when_the_lease_ends(
    outbox: Outbox, httpserver: HTTPServer, clock: FixedClock
) -> None:
    inbox = Inbox(httpserver, "/hooks")
    outbox.add(inbox.url)
    (notification_id,) = outbox.announce("reward.created")
    killed = outbox.courier()
    # It has claimed the message, and nothing more will be heard of it.
    (message,) = killed._turn([], 100)
    assert outbox.deliveries()[notification_id].state == LEASED
    assert outbox.send() == 0
    clock.advance(Pace().lease)
    assert outbox.send() == 1
    assert outbox.deliveries()[notification_id].attempts == 2
    assert inbox.ids() == [notification_id]
    assert message.claimed.attempt == 1


def test_what_a_courier_had_when_it_died_waits_with_the_rest_of_an_endpoint_that_was_switched_off(
    outbox: Outbox, httpserver: HTTPServer, clock: FixedClock
) -> None:
    endpoint = outbox.add(Inbox(httpserver, "/hooks").url)
    outbox.announce("reward.created")
    outbox.courier()._turn([], 100)

    def disable(session: Session) -> None:
        row = session.get_one(WebhookEndpoint, (endpoint.app_id, endpoint.id))
        switch_off(session, row, why=Why.BY_APP, now=clock.now())

    outbox.database.transact(disable)
    assert outbox.states(endpoint) == [LEASED]
    clock.advance(Pace().lease)
    outbox.send()
    assert outbox.states(endpoint) == [DISABLED]


def test_a_late_failure_undoes_nothing_and_a_late_success_counts(
    outbox: Outbox, httpserver: HTTPServer, clock: FixedClock
) -> None:
    inbox = Inbox(httpserver, "/hooks", 500)
    outbox.add(inbox.url)
    (notification_id,) = outbox.announce("reward.created")
    (message,) = outbox.courier()._turn([], 100)
    clock.advance(Pace().lease)
    slow = outbox.courier()
    outbox.send()
    before = outbox.deliveries()[notification_id]
    assert (before.state, before.attempts) == (SCHEDULED, 2)
    # The first one's lease ended long ago; it reports now.
    claimed, now = message.claimed, clock.now()
    late: dict[str, Any] = {
        "app_id": claimed.app_id, "delivery_id": claimed.id, "endpoint_id": claimed.endpoint_id, "number": 1,
        "started_at": now, "ended_at": now, "duration_ms": 1, "error": None, "retry_after": None,
    }  # fmt: skip
    slow._turn([Attempt(**late, status=502)], 0)
    after = outbox.deliveries()[notification_id]
    assert (after.state, after.attempts, after.last_status) == (SCHEDULED, 2, 500)
    slow._turn([Attempt(**late, status=200)], 0)
    assert outbox.deliveries()[notification_id].state == DONE
    clock.advance(timedelta(days=1))
    assert outbox.send() == 0


def test_a_secret_that_cannot_be_opened_stops_its_own_endpoint_alone(outbox: Outbox, httpserver: HTTPServer) -> None:
    unreadable, fine = Inbox(httpserver, "/unreadable"), Inbox(httpserver, "/fine")
    endpoint = outbox.add(unreadable.url)
    outbox.add(fine.url)
    (notification_id,) = outbox.announce("reward.created")
    spoil = text("UPDATE endpoint_secrets SET secret_ct = :spoilt WHERE endpoint_id = :id")
    outbox.database.transact(lambda session: session.execute(spoil, {"spoilt": b"x" * 60, "id": endpoint.id}))
    outbox.send()
    assert (unreadable.ids(), fine.ids()) == ([], [notification_id])
    assert sorted(outbox.states(endpoint)) == [SCHEDULED]


def test_nothing_is_sent_into_our_own_network_outside_of_development(outbox: Outbox, httpserver: HTTPServer) -> None:
    inbox = Inbox(httpserver, "/hooks")
    endpoint = outbox.add(inbox.url)
    outbox.announce("reward.created")
    courier = outbox.courier()
    courier._development = False
    courier.run(until_idle=True)
    assert inbox.requests == []
    assert outbox.states(endpoint) == [SCHEDULED]
    assert {row.last_error for row in outbox.deliveries().values()} == {"forbidden_url"}


def test_a_running_courier_sends_what_it_is_woken_for_and_finishes_when_it_is_stopped(
    outbox: Outbox, httpserver: HTTPServer
) -> None:
    arrived = threading.Event()

    def note(_: Request) -> Response:
        arrived.set()
        return Response(status=204)

    inbox = Inbox(httpserver, "/hooks", note)
    endpoint = outbox.add(inbox.url)
    courier = outbox.courier()
    thread = threading.Thread(target=courier.run)
    thread.start()
    try:
        outbox.announce("reward.created")
        courier.wake()
        assert arrived.wait(30)
    finally:
        courier.stop()
        thread.join(30)
    assert not thread.is_alive()
    # It was not left half done: the answer had come, and was written down before the end.
    assert outbox.states(endpoint) == [DONE]


def test_times_are_real_on_a_test_app_too(outbox: Outbox, httpserver: HTTPServer) -> None:
    inbox = Inbox(httpserver, "/hooks")
    outbox.add(inbox.url)
    outbox.database.transact(lambda session: session.execute(text("UPDATE apps SET clock_offset_us = 86400000000")))
    outbox.announce("reward.created")
    assert outbox.send() == 1
    (request,) = inbox.requests
    assert datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC) == outbox.clock.now()
