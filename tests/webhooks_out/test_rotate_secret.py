"""Which secrets sign at which time."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from webhooks_out.endpoints import an_endpoint, path_of

from builders import Api, expect
from referral_service.config import Settings
from referral_service.kit.clock import FixedClock
from referral_service.kit.crypto import CannotOpen, Sealer
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp
from referral_service.webhooks_out.endpoints.secrets import SealedSecret, new_secret, open_secret, valid_secrets


@pytest.fixture
def sealer(settings: Settings) -> Sealer:
    return Sealer(settings.master_keys)


def sealed(database: Database, clock: FixedClock, *endpoints: tuple[int, str]) -> list[SealedSecret]:
    return database.read(lambda session: valid_secrets(session, endpoints=endpoints, now=clock.now()))


def rotated(api: Api, endpoint: Any) -> Any:
    return expect(api.post(path_of(endpoint, "/rotate-secret")), 200)


def test_a_secret_is_32_random_bytes() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert {len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) for secret in made} == {32}


def test_for_a_day_both_secrets_sign_the_newest_first(
    api: Api, database: Database, clock: FixedClock, tenant: OpenedApp, sealer: Sealer
) -> None:
    made = an_endpoint(api)
    clock.advance(timedelta(hours=1))
    second = rotated(api, made)
    assert second == {name: second.get(name, value) for name, value in made.items()} | {
        "old_secret_valid_until": "2026-03-02T13:00:00Z"
    }
    assert second["secret"] != made["secret"]

    def signing() -> list[str]:
        return [open_secret(sealer, one) for one in sealed(database, clock, (tenant.tenant.app_id, made["id"]))]

    assert signing() == [second["secret"], made["secret"]]
    clock.advance(timedelta(hours=24) - timedelta(microseconds=1))
    assert signing() == [second["secret"], made["secret"]]
    clock.advance(timedelta(microseconds=1))
    assert signing() == [second["secret"]]


def test_rotated_twice_the_oldest_secret_signs_nothing_at_once(
    api: Api, database: Database, clock: FixedClock, tenant: OpenedApp, sealer: Sealer
) -> None:
    made = an_endpoint(api)
    second, third = (rotated(api, made)["secret"] for _ in range(2))
    found = sealed(database, clock, (tenant.tenant.app_id, made["id"]))
    assert [open_secret(sealer, one) for one in found] == [third, second]


def test_the_secrets_of_many_endpoints_are_found_in_one_query(
    api: Api,
    database: Database,
    clock: FixedClock,
    tenant: OpenedApp,
    trial_tenant: OpenedApp,
    sealer: Sealer,
) -> None:
    other = api.with_key(trial_tenant.key.secret)
    mine, theirs = [an_endpoint(api) for _ in range(3)], an_endpoint(other)
    rotated(api, mine[0])
    wanted = [(tenant.tenant.app_id, mine[0]["id"]), (trial_tenant.tenant.app_id, theirs["id"])]
    statements: list[str] = []

    def count(*given: Any) -> None:
        statements.append(given[2])

    event.listen(database.read_engine, "before_cursor_execute", count)
    found = sealed(database, clock, *wanted, (trial_tenant.tenant.app_id, mine[1]["id"]))
    event.remove(database.read_engine, "before_cursor_execute", count)
    assert sorted((one.app_id, one.endpoint_id) for one in found) == sorted([wanted[0], *wanted])
    assert len([one for one in statements if "endpoint_secrets" in one]) == 1
    assert theirs["secret"] in {open_secret(sealer, one) for one in found}
    assert sealed(database, clock) == []


def test_a_sealed_secret_opens_in_its_own_row_alone(
    api: Api, database: Database, clock: FixedClock, tenant: OpenedApp, sealer: Sealer
) -> None:
    endpoints = [an_endpoint(api)["id"] for _ in range(2)]
    one, other = sealed(database, clock, *((tenant.tenant.app_id, each) for each in endpoints))
    for moved in (
        SealedSecret(one.app_id, other.id, one.endpoint_id, one.secret_ct),
        SealedSecret(one.app_id + 1, one.id, one.endpoint_id, one.secret_ct),
    ):
        with pytest.raises(CannotOpen):
            open_secret(sealer, moved)
    assert repr(one.secret_ct) not in repr(one)
