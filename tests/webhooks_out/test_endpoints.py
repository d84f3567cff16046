"""Endpoints: added, shown, changed, deleted."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
import structlog
from sqlalchemy import select
from structlog.testing import capture_logs
from webhooks_out.endpoints import ENDPOINTS, URL, an_endpoint, path_of, switched
from webhooks_out.hostile import HOSTILE

from builders import Api, expect, items
from referral_service.audit.models import AuditEntry
from referral_service.kit.clock import FixedClock
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp
from referral_service.webhooks_out.endpoints.add_endpoint import ENDPOINTS_MAX, add_endpoint
from referral_service.webhooks_out.endpoints.document import endpoint_document
from referral_service.webhooks_out.errors import TooManyEndpoints
from referral_service.webhooks_out.models import EndpointSecret, WebhookEndpoint

ODD_IDS = ["whe_1", "whe_01kq2m8v6wf8dr0c1h3zb2n4xj", "rwd_01kq2m8v6wf8dr0c1h3zb2n4xj", "%00", "whe_%00", "x" * 300]


def audited(database: Database, object_id: str) -> list[Any]:
    query = select(AuditEntry.action, AuditEntry.actor, AuditEntry.details).where(AuditEntry.object_id == object_id)
    with database.read_engine.connect() as connection:
        return list(connection.execute(query.order_by(AuditEntry.id)))


def test_an_endpoint_wants_everything_unless_it_says_otherwise_and_shows_its_secret_once(api: Api) -> None:
    made = an_endpoint(api)
    assert made["id"].startswith("whe_")
    assert made["secret"].startswith("whsec_")
    shown = expect(api.get(path_of(made)), 200)
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert shown | {"id": ""} == {
        "id": "",
        "url": URL,
        "events": ["*"],
        "state": "enabled",
        "reason": None,
        "failing_since": None,
        "paused_until": None,
        "created_at": "2026-03-01T12:00:00Z",
    }


def test_an_endpoint_is_announced_as_its_get_shows_it(api: Api, database: Database, clock: FixedClock) -> None:
    made = an_endpoint(api, events=["reward.*"])
    switched(api, made, "disabled")
    clock.advance(timedelta(hours=1))
    row = database.read(lambda session: session.scalars(select(WebhookEndpoint)).one())
    assert endpoint_document(row) == expect(api.get(path_of(made)), 200)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": None}, "url"),
        ({"url": 1}, "url"),
        ({"url": ""}, "url"),
        ({"url": URL, "events": []}, "events"),
        ({"url": URL, "events": "*"}, "events"),
        ({"url": URL, "events": None}, "events"),
        ({"url": URL, "events": ["reward.*"] * 2}, "events"),
        ({"url": URL, "events": ["reward.available", "reward.unknown"]}, "events.1"),
        ({"url": URL, "events": ["rewards.*"]}, "events.0"),
        ({"url": URL, "events": ["endpoint.test"]}, "events.0"),
        ({"url": URL, "events": [""]}, "events.0"),
        ({"url": URL, "events": [1]}, "events.0"),
        ({"url": URL, "events": [f"reward.{n}" for n in range(51)]}, "events.50"),
        ({"url": URL, "state": "disabled"}, "state"),
        ({"url": URL, "secret": "whsec_of_my_own_making"}, "secret"),
        ({"url": URL, "app_id": 2}, "app_id"),
    ],
)
def test_an_endpoint_that_cannot_work_is_refused(api: Api, body: dict[str, Any], field: str) -> None:
    assert field in expect(api.post(ENDPOINTS, body), 422)["errors"]
    assert items(api, ENDPOINTS) == []


@pytest.mark.parametrize("url", HOSTILE[::9])
def test_a_url_that_must_not_be_called_is_refused_when_it_is_given_and_when_it_is_changed(api: Api, url: str) -> None:
    assert list(expect(api.post(ENDPOINTS, {"url": url}), 422)["errors"]) == ["url"]
    made = an_endpoint(api)
    assert list(expect(api.patch(path_of(made), {"url": url}), 422)["errors"]) == ["url"]
    assert expect(api.get(path_of(made)), 200)["url"] == URL


def test_the_list_holds_what_was_added_and_was_not_deleted(api: Api) -> None:
    made = [an_endpoint(api)["id"] for _ in range(4)]
    assert api.delete(f"{ENDPOINTS}/{made[1]}").status_code == 204
    del made[1]
    assert [endpoint["id"] for endpoint in items(api, ENDPOINTS, limit=2)] == made


def test_an_app_has_at_most_twenty_that_are_not_deleted(api: Api, trial_tenant: OpenedApp) -> None:
    made = [an_endpoint(api, url=f"{URL}/{n}") for n in range(ENDPOINTS_MAX)]
    problem = expect(api.post(ENDPOINTS, {"url": URL}), 409)
    assert (problem["code"], problem["endpoints_max"]) == ("too_many_endpoints", 20)
    # A disabled one counts, a deleted one does not; and each app has its own.
    switched(api, made[0], "disabled")
    expect(api.post(ENDPOINTS, {"url": URL}), 409)
    api.delete(path_of(made[1]))
    an_endpoint(api)
    an_endpoint(api.with_key(trial_tenant.key.secret))


def test_two_that_are_added_at_once_do_not_both_become_the_twentieth(
    api: Api, database: Database, tenant: OpenedApp, clock: FixedClock, settings: Any
) -> None:
    for n in range(ENDPOINTS_MAX - 1):
        an_endpoint(api, url=f"{URL}/{n}")
    sealer, together, ends = Sealer(settings.master_keys), Barrier(4), []

    def add() -> None:
        together.wait(10)
        try:
            database.transact(
                lambda session: add_endpoint(
                    session,
                    sealer,
                    app_id=tenant.tenant.app_id,
                    url=URL,
                    events=["*"],
                    development=False,
                    actor="cli",
                    now=clock.now(),
                )
            )
            ends.append("added")
        except TooManyEndpoints:
            ends.append("refused")

    threads = [Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["added", "refused", "refused", "refused"]
    assert len(items(api, ENDPOINTS)) == ENDPOINTS_MAX


def test_what_is_left_out_of_a_change_stays(api: Api) -> None:
    made = an_endpoint(api, events=["reward.*"])
    before = expect(api.get(path_of(made)), 200)
    moved = expect(api.patch(path_of(made), {"url": "https://new.example/hooks"}), 200)
    assert moved == before | {"url": "https://new.example/hooks"}
    narrowed = expect(api.patch(path_of(made), {"events": ["reward.available", "balance.*"]}), 200)
    assert narrowed == moved | {"events": ["reward.available", "balance.*"]}
    off = expect(api.patch(path_of(made), {"state": "disabled"}), 200)
    assert off == narrowed | {"state": "disabled", "reason": "by_app"}
    assert expect(api.patch(path_of(made), {"url": URL, "events": ["reward.*"], "state": "enabled"}), 200) == before
    assert expect(api.get(path_of(made)), 200) == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"state": "paused"}, "state"),
        ({"state": None}, "state"),
        ({"events": []}, "events"),
        ({"url": "http://shop.example/"}, "url"),
        ({"state": "disabled", "reason": "failing"}, "reason"),
        ({"failing_since": None}, "failing_since"),
        ({"id": "whe_01kq2m8v6wf8dr0c1h3zb2n4xj"}, "id"),
    ],
)
def test_a_change_is_read_strictly(api: Api, database: Database, body: dict[str, Any], field: str) -> None:
    made = an_endpoint(api)
    before = expect(api.get(path_of(made)), 200)
    assert list(expect(api.patch(path_of(made), body), 422)["errors"]) == [field]
    assert expect(api.get(path_of(made)), 200) == before
    assert [entry.action for entry in audited(database, made["id"])] == ["endpoint.added"]


def test_another_url_has_not_failed_yet(api: Api, database: Database, clock: FixedClock) -> None:
    made = an_endpoint(api)

    def fail(session: Any) -> None:
        row = session.scalars(select(WebhookEndpoint)).one()
        row.failing_since, row.failures, row.paused_until = clock.now(), 9, clock.now() + timedelta(minutes=5)

    database.transact(fail)
    assert expect(api.patch(path_of(made), {"events": ["reward.*"]}), 200)["paused_until"] == "2026-03-01T12:05:00Z"
    moved = expect(api.patch(path_of(made), {"url": "https://new.example/"}), 200)
    assert (moved["failing_since"], moved["paused_until"]) == (None, None)
    assert database.read(lambda session: session.scalars(select(WebhookEndpoint.failures)).one()) == 0


def test_a_deleted_endpoint_is_unknown_and_has_no_secret_any_more(api: Api, database: Database) -> None:
    made = an_endpoint(api)
    assert api.delete(path_of(made)).status_code == 204
    for answer in every_call(api, made["id"]):
        assert expect(answer, 404)["code"] == "endpoint_not_found"
    assert items(api, ENDPOINTS) == []
    assert database.read(lambda session: session.scalars(select(EndpointSecret.id)).all()) == []


def test_another_app_neither_sees_nor_touches_an_endpoint(api: Api, trial_tenant: OpenedApp) -> None:
    made = an_endpoint(api)
    before = expect(api.get(path_of(made)), 200)
    other = api.with_key(trial_tenant.key.secret)
    for answer in every_call(other, made["id"]):
        assert expect(answer, 404)["code"] == "endpoint_not_found"
    assert items(other, ENDPOINTS) == []
    assert expect(api.get(path_of(made)), 200) == before


@pytest.mark.parametrize("odd", ODD_IDS)
def test_what_is_no_endpoint_is_not_found(api: Api, odd: str) -> None:
    for answer in every_call(api, odd):
        assert expect(answer, 404)["code"] in {"endpoint_not_found", "not_found"}


def every_call(api: Api, endpoint_id: str) -> list[Any]:
    path = f"{ENDPOINTS}/{endpoint_id}"
    return [
        api.get(path),
        api.patch(path, {"state": "disabled"}),
        api.post(f"{path}/rotate-secret"),
        api.post(f"{path}/test"),
        api.post(f"{path}/resend"),
        api.delete(path),
    ]


def test_the_same_idempotency_key_adds_one_endpoint_and_shows_its_secret_again(api: Api) -> None:
    first = expect(api.post(ENDPOINTS, {"url": URL}, idempotency_key="k"), 201)
    assert expect(api.post(ENDPOINTS, {"url": URL}, idempotency_key="k"), 201) == first
    assert len(items(api, ENDPOINTS)) == 1


def test_what_is_done_to_endpoints_is_on_record_without_secrets(api: Api, database: Database) -> None:
    made = an_endpoint(api, url=f"{URL}?token=of-the-receiver")
    expect(api.patch(path_of(made), {"events": ["reward.*"], "state": "disabled"}), 200)
    # What changes nothing is no act.
    expect(api.patch(path_of(made), {"events": ["reward.*"], "state": "disabled"}), 200)
    expect(api.patch(path_of(made), {"url": "https://new.example/?token=of-the-receiver"}), 200)
    rotated = expect(api.post(path_of(made, "/rotate-secret")), 200)
    api.delete(path_of(made))
    entries = audited(database, made["id"])
    assert [(entry.action, entry.details) for entry in entries] == [
        ("endpoint.added", {"url": URL, "events": ["*"]}),
        ("endpoint.changed", {"events": ["reward.*"], "state": "disabled"}),
        ("endpoint.changed", {"url": "https://new.example/"}),
        ("endpoint.secret_rotated", {}),
        ("endpoint.deleted", {}),
    ]
    assert all(entry.actor.startswith("key_") for entry in entries)
    assert not any(secret in str(entries) for secret in (made["secret"], rotated["secret"], "of-the-receiver"))


@pytest.fixture
def _all_logs() -> Iterator[None]:
    """The access log too, which tests leave out otherwise."""
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    yield
    structlog.configure(wrapper_class=before)


@pytest.mark.usefixtures("_all_logs")
def test_secrets_are_in_no_answer_but_their_own_and_in_no_log(api: Api, database: Database) -> None:
    with capture_logs() as logs:
        made = an_endpoint(api)
        rotated = expect(api.post(path_of(made, "/rotate-secret")), 200)
        expect(api.post(path_of(made, "/test")), 202)
        switched(api, made, "disabled")
        paths = [path_of(made), ENDPOINTS, "/v1/deliveries", "/v1/notifications"]
        answers = [api.get(path).get_data(as_text=True) for path in paths]
    assert logs
    told = f"{answers} {logs}"
    stored = database.read(lambda session: session.scalars(select(EndpointSecret.secret_ct)).all())
    assert len(stored) == 2
    for secret in (made["secret"], rotated["secret"]):
        assert secret not in told
        assert secret.removeprefix("whsec_") not in told
        assert not any(secret.encode() in sealed for sealed in stored)
