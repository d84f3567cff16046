"""Sources: added, shown, rotated and deleted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from webhooks_in.hooks import STRIPE_SECRET, Hook, a_standard_source, a_stripe_source

from builders import Api, expect, items, purchase_body
from referral_service.audit.models import AuditEntry
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp
from referral_service.webhooks_in.models import SourceSecret


def takes(hook: Hook, secret: str) -> bool:
    status = Hook(hook.api, hook.source, secret).send(purchase_body(at=hook.api.now())).status_code
    assert status in {200, 401}
    return status == 200


def test_a_standard_source_gets_its_secret_once(api: Api) -> None:
    made = expect(api.post("/v1/sources", {"provider": "standard", "name": "Backend"}), 201)
    assert made["secret"].startswith("whsec_")
    assert made["url"] == f"https://refer.test/v1/hooks/{made['id']}"
    shown = expect(api.get(f"/v1/sources/{made['id']}"), 200)
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert (shown["provider"], shown["name"]) == ("standard", "Backend")


def test_a_stripe_source_takes_the_secret_that_stripe_made_and_never_shows_it(api: Api) -> None:
    made = expect(api.post("/v1/sources", {"provider": "stripe", "secret": STRIPE_SECRET}), 201)
    assert "secret" not in made
    assert STRIPE_SECRET not in api.get(f"/v1/sources/{made['id']}").get_data(as_text=True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"provider": "standard", "secret": "whsec_of_my_own_making"}, "secret"),
        ({"provider": "stripe"}, "secret"),
        ({"provider": "stripe", "secret": "sk_live_0123456789abcdef"}, "secret"),
        ({"provider": "paypal", "secret": "whsec_0123456789abcdef"}, "provider"),
        ({"provider": "api"}, "provider"),
        ({"provider": "standard", "app_id": 2}, "app_id"),
        ({}, "provider"),
    ],
)
def test_a_source_that_cannot_work_is_refused(api: Api, body: dict[str, str], field: str) -> None:
    problem = expect(api.post("/v1/sources", body), 422)
    assert field in problem["errors"]
    if field == "provider" and body:
        assert "standard, stripe" in problem["errors"]["provider"][0]
    assert items(api, "/v1/sources") == []


def test_the_list_holds_what_was_added_and_not_the_apps_own_api(api: Api) -> None:
    made = [a_standard_source(api).source["id"] for _ in range(3)]
    assert [source["id"] for source in items(api, "/v1/sources", limit=2)] == made


def test_secrets_are_stored_sealed_and_never_in_plain(api: Api, database: Database) -> None:
    hooks = [a_standard_source(api), a_stripe_source(api)]
    with database.read_engine.connect() as connection:
        sealed = list(connection.execute(select(SourceSecret.secret_ct)).scalars())
    for hook in hooks:
        assert not any(hook.secret.encode() in text for text in sealed)


def test_after_a_rotation_both_secrets_are_taken_for_a_day(api: Api, clock: FixedClock) -> None:
    hook = a_standard_source(api)
    rotated = expect(api.post(f"/v1/sources/{hook.source['id']}/rotate-secret"), 200)
    assert rotated["secret"] != hook.secret
    assert rotated["old_secret_valid_until"] == "2026-03-02T12:00:00Z"
    clock.advance(timedelta(hours=24) - timedelta(seconds=1))
    assert takes(hook, hook.secret)
    assert takes(hook, rotated["secret"])
    clock.advance(timedelta(seconds=1))
    assert not takes(hook, hook.secret)
    assert takes(hook, rotated["secret"])


def test_rotated_twice_the_oldest_secret_is_worth_nothing_at_once(api: Api) -> None:
    hook = a_standard_source(api)
    second = expect(api.post(f"/v1/sources/{hook.source['id']}/rotate-secret"), 200)["secret"]
    third = expect(api.post(f"/v1/sources/{hook.source['id']}/rotate-secret"), 200)["secret"]
    assert [takes(hook, secret) for secret in (hook.secret, second, third)] == [False, True, True]


def test_a_providers_secret_is_rotated_by_giving_its_new_one(api: Api) -> None:
    hook = a_stripe_source(api)
    path = f"/v1/sources/{hook.source['id']}/rotate-secret"
    assert "secret" in expect(api.post(path), 422)["errors"]
    rotated = expect(api.post(path, {"secret": "whsec_theNewOneThatStripeShows"}), 200)
    assert "secret" not in rotated
    body = {"id": "evt_1", "object": "event", "type": "customer.created"}
    for secret in (STRIPE_SECRET, "whsec_theNewOneThatStripeShows"):
        assert Hook(api, hook.source, secret).told(body)["outcome"] == "ignored"


def test_a_deleted_source_takes_nothing_more(api: Api, database: Database) -> None:
    hook = a_standard_source(api)
    assert takes(hook, hook.secret)
    assert api.delete(f"/v1/sources/{hook.source['id']}").status_code == 204
    assert hook.send(purchase_body(at=api.now())).status_code == 404
    assert api.get(f"/v1/sources/{hook.source['id']}").status_code == 404
    assert api.delete(f"/v1/sources/{hook.source['id']}").status_code == 404
    assert api.post(f"/v1/sources/{hook.source['id']}/rotate-secret").status_code == 404
    assert items(api, "/v1/sources") == []
    with database.read_engine.connect() as connection:
        assert connection.execute(select(SourceSecret.id)).all() == []


def test_another_app_neither_sees_nor_touches_a_source(api: Api, trial_tenant: OpenedApp) -> None:
    hook = a_standard_source(api)
    other = api.with_key(trial_tenant.key.secret)
    path = f"/v1/sources/{hook.source['id']}"
    assert [other.get(path).status_code, other.delete(path).status_code] == [404, 404]
    assert other.post(f"{path}/rotate-secret").status_code == 404
    assert items(other, "/v1/sources") == []
    assert takes(hook, hook.secret)


@pytest.mark.parametrize("odd", ["src_1_api", "src_1", "src_9999999999_x", "%00", "src_1_%00", "x" * 300])
def test_what_is_no_source_is_not_found(api: Api, odd: str) -> None:
    for answer in (
        api.get(f"/v1/sources/{odd}"),
        api.delete(f"/v1/sources/{odd}"),
        api.post(f"/v1/sources/{odd}/rotate-secret"),
        api.post(f"/v1/hooks/{odd}", {}),
    ):
        assert expect(answer, 404)["code"] in {"source_not_found", "not_found"}


def test_what_is_done_to_sources_is_on_record_without_its_secrets(api: Api, database: Database) -> None:
    hook = a_standard_source(api)
    expect(api.post(f"/v1/sources/{hook.source['id']}/rotate-secret"), 200)
    api.delete(f"/v1/sources/{hook.source['id']}")
    with database.read_engine.connect() as connection:
        rows = connection.execute(
            select(AuditEntry.action, AuditEntry.details)
            .where(AuditEntry.object_id == hook.source["id"])
            .order_by(AuditEntry.id)
        ).all()
    assert [row.action for row in rows] == ["source.added", "source.secret_rotated", "source.deleted"]
    assert "whsec_" not in str(rows)
