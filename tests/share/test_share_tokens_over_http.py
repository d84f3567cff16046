"""Share tokens as an app mints and revokes them, and as the pages read them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, text

from builders import Api, a_code, a_customer, a_program, expect
from cast import ALICE, BOB, NOON
from referral_service.kit.clock import FixedClock, parse_rfc3339
from referral_service.kit.db.engines import Database
from referral_service.kit.http.wiring import EXTENSION
from referral_service.share.tokens import LIFETIME_SECONDS_MAX, InvalidShareToken, Participant, read_participant
from referral_service.signing.rotate import revoke_signing_key
from referral_service.tenants.open_app import OpenedApp

PATH = "/v1/customers/alice/share-tokens"
DAY = timedelta(days=1)

Read = Callable[[str], Participant]


@pytest.fixture
def read(app: Flask, database: Database, clock: FixedClock) -> Read:
    """Read a token as a page does."""
    key_ring = app.extensions[EXTENSION].key_ring
    return lambda token: database.read(lambda session: read_participant(session, key_ring, token, now=clock.now()))


def minted(api: Api, program: Any, path: str = PATH, **more: Any) -> Any:
    return expect(api.post(path, {"program_id": program["id"], **more}), 201)


def refusal(read: Read, token: str) -> str:
    with pytest.raises(InvalidShareToken) as refused:
        read(token)
    return refused.value.reason


def test_a_token_is_minted_and_read(api: Api, tenant: OpenedApp, read: Read) -> None:
    program, alice = a_program(api), a_customer(api, ALICE, locale="uk")
    answer = minted(api, program)
    assert answer["url"] == f"https://refer.test/me/{answer['token']}"
    assert parse_rfc3339(answer["expires_at"]) == NOON + 30 * DAY
    assert read(answer["token"]) == Participant(
        tenant=tenant.tenant,
        customer_id=alice["id"],
        program_id=program["id"],
        minted_at=NOON,
        expires_at=NOON + 30 * DAY,
        now=NOON,
        locale="uk",
    )


def test_a_token_holds_nothing_of_the_person(api: Api) -> None:
    program = a_program(api)
    a_customer(api, ALICE)
    answer = minted(api, program)
    assert "ALICE" not in answer["token"]
    assert set(answer) == {"token", "url", "expires_at"}


@pytest.mark.parametrize(("seconds", "lives"), [(3600, timedelta(hours=1)), (LIFETIME_SECONDS_MAX, 366 * DAY)])
def test_a_token_counts_until_it_expires(
    api: Api, read: Read, clock: FixedClock, seconds: int, lives: timedelta
) -> None:
    answer = minted(api, a_program(api), expires_in_seconds=seconds)
    clock.advance(lives - timedelta(microseconds=1))
    assert read(answer["token"]).expires_at == NOON + lives
    clock.advance(timedelta(microseconds=1))
    assert refusal(read, answer["token"]) == "expired"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("expires_in_seconds", 3599),
        ("expires_in_seconds", LIFETIME_SECONDS_MAX + 1),
        ("expires_in_seconds", 0),
        ("expires_in_seconds", -1),
        ("expires_in_seconds", 10**30 % 2**62),
        ("expires_in_seconds", 7200.0),
        ("expires_in_seconds", "7200"),
        ("expires_in_seconds", None),
        ("expires_in_seconds", True),
        ("program_id", None),
        ("program_id", ""),
        ("program_id", 5),
        ("customer_id", "bob"),
        ("scope", "admin"),
    ],
)
def test_a_wrong_field_is_named_and_nobody_is_made(api: Api, field: str, value: object) -> None:
    body = {"program_id": a_program(api)["id"], field: value}
    assert list(expect(api.post(PATH, body), 422)["errors"]) == [field]
    expect(api.get("/v1/customers/alice"), 404)


def test_an_id_that_could_not_be_a_customers_is_refused(api: Api) -> None:
    body = {"program_id": a_program(api)["id"]}
    problem = expect(api.post("/v1/customers/%20alice/share-tokens", body), 422)
    assert list(problem["errors"]) == ["customer_id"]
    expect(api.delete("/v1/customers/%20alice/share-tokens"), 404)


def test_a_program_that_is_not_there_mints_nothing(api: Api, trial_api: Api) -> None:
    for program_id in ("prg_01k0c7q2v8f3w9n5x4z6t1r0me", "ride", a_program(trial_api)["id"]):
        expect(api.post(PATH, {"program_id": program_id}), 404)
    expect(api.get("/v1/customers/alice"), 404)


def test_whoever_has_a_share_page_has_a_code_to_share(api: Api, database: Database) -> None:
    program = a_program(api)
    minted(api, program)
    with database.read_engine.connect() as connection:
        (text_of_code,) = connection.execute(text("SELECT text FROM codes")).one()
    assert a_code(api, program)["code"] == text_of_code
    minted(api, program)
    with database.read_engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM codes")).scalar() == 1


@pytest.mark.parametrize("act", ["pause", "archive"])
def test_what_a_program_brought_can_be_seen_when_it_is_over(api: Api, read: Read, database: Database, act: str) -> None:
    program = a_program(api)
    expect(api.post(f"/v1/programs/{program['id']}/{act}"), 200)
    assert read(minted(api, program)["token"]).program_id == program["id"]
    with database.read_engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM codes")).scalar() == 0


# --- revoking --------------------------------------------------------------------------------------------------


def test_all_tokens_made_before_are_revoked_and_none_made_after(api: Api, read: Read) -> None:
    first, second = a_program(api), a_program(api, name="Second")
    before = [minted(api, program)["token"] for program in (first, second, first)]
    expect(api.delete(PATH), 204)
    # The clock stands still: everything here happens in one microsecond.
    after = minted(api, first)["token"]
    assert [refusal(read, token) for token in before] == ["revoked"] * 3
    assert read(after).customer_id == read(minted(api, second)["token"]).customer_id
    expect(api.delete(PATH), 204)
    assert refusal(read, after) == "revoked"


def test_revoking_again_brings_nothing_back(api: Api, read: Read) -> None:
    program = a_program(api)
    tokens = []
    for _ in range(4):
        tokens.append(minted(api, program)["token"])
        expect(api.delete(PATH), 204)
    assert [refusal(read, token) for token in tokens] == ["revoked"] * 4


def test_another_customers_tokens_stay(api: Api, read: Read) -> None:
    program = a_program(api)
    bobs = minted(api, program, f"/v1/customers/{BOB.customer_id}/share-tokens")["token"]
    alices = minted(api, program)["token"]
    expect(api.delete(PATH), 204)
    assert refusal(read, alices) == "revoked"
    assert read(bobs).program_id == program["id"]


def test_a_profile_that_is_put_again_revokes_nothing_and_brings_nothing_back(api: Api, read: Read) -> None:
    program = a_program(api)
    old = minted(api, program)["token"]
    expect(api.delete(PATH), 204)
    token = minted(api, program)["token"]
    a_customer(api, ALICE)
    assert read(token).program_id == program["id"]
    assert refusal(read, old) == "revoked"


def test_nobodys_tokens_cannot_be_revoked(api: Api, trial_api: Api) -> None:
    a_customer(trial_api, ALICE)
    assert expect(api.delete(PATH), 404)["code"] == "not_found"


def test_an_erased_persons_token_opens_nothing_nor_does_it_for_who_comes_after(
    api: Api, read: Read, database: Database
) -> None:
    program = a_program(api)
    token = minted(api, program)["token"]
    expect(api.delete("/v1/customers/alice"), 204)
    assert refusal(read, token) == "nobody"
    again = minted(api, program)["token"]
    assert read(again).program_id == program["id"]
    assert refusal(read, token) == "nobody"
    assert database.read(lambda session: session.execute(text("SELECT count(*) FROM customers")).scalar()) == 2


def test_a_kept_answer_goes_with_the_person(api: Api) -> None:
    program = a_program(api)
    body = {"program_id": program["id"]}
    first = expect(api.post(PATH, body, idempotency_key="once"), 201)
    assert expect(api.post(PATH, body, idempotency_key="once"), 201) == first
    expect(api.delete("/v1/customers/alice"), 204)
    assert api.post(PATH, body, idempotency_key="once").json["code"] == "idempotency_answer_erased"


def test_a_revoked_signing_key_takes_its_tokens_along(
    api: Api, app: Flask, read: Read, database: Database, clock: FixedClock
) -> None:
    token = minted(api, a_program(api))["token"]
    service = app.extensions[EXTENSION]
    database.transact(lambda session: revoke_signing_key(session, service.sealer, clock.now(), kid=1))
    service.key_ring.forget()
    assert refusal(read, token) == "unknown_key"


# --- whose, and when -------------------------------------------------------------------------------------------


def test_a_token_leads_to_its_own_app_alone(
    api: Api, trial_api: Api, tenant: OpenedApp, trial_tenant: OpenedApp, read: Read
) -> None:
    ours, theirs = minted(api, a_program(api))["token"], minted(trial_api, a_program(trial_api))["token"]
    assert read(ours).app_id == tenant.tenant.app_id
    assert read(theirs).app_id == trial_tenant.tenant.app_id
    # The other app's number in ours, under either signature.
    head = slice(-52, -46)
    forged = ours[: head.start] + theirs[head] + ours[head.stop :]
    assert refusal(read, forged) == "bad_signature"
    assert refusal(read, forged[:-32] + theirs[-32:]) == "bad_signature"


def test_a_test_apps_tokens_live_by_its_own_clock(trial_api: Api, read: Read) -> None:
    program = a_program(trial_api)
    token = minted(trial_api, program, expires_in_seconds=7200)["token"]
    expect(trial_api.post("/v1/test-clock/advance", {"seconds": 7199}), 200)
    assert read(token).now == NOON + timedelta(seconds=7199)
    expect(trial_api.post("/v1/test-clock/advance", {"seconds": 1}), 200)
    assert refusal(read, token) == "expired"
    later = minted(trial_api, program)
    assert parse_rfc3339(later["expires_at"]) == NOON + timedelta(seconds=7200) + 30 * DAY
    assert read(later["token"]).program_id == program["id"]
    expect(trial_api.delete(PATH), 204)
    assert refusal(read, later["token"]) == "revoked"
    assert read(minted(trial_api, program)["token"]).program_id == program["id"]


def test_a_token_from_the_future_is_refused_past_a_minute(
    api: Api, app: Flask, database: Database, clock: FixedClock
) -> None:
    token = minted(api, a_program(api))["token"]
    key_ring = app.extensions[EXTENSION].key_ring

    def at(now: datetime) -> Participant:
        return database.read(lambda session: read_participant(session, key_ring, token, now=now))

    assert at(clock.now() - timedelta(seconds=60)).minted_at == NOON
    with pytest.raises(InvalidShareToken, match="from_the_future"):
        at(clock.now() - timedelta(seconds=60, microseconds=1))


def test_reading_a_token_asks_the_database_once_and_for_a_forged_one_not_at_all(
    api: Api, read: Read, database: Database
) -> None:
    token = minted(api, a_program(api))["token"]
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(database.read_engine, "before_cursor_execute", note)
    try:
        read(token)
        assert [it.split()[0] for it in statements].count("SELECT") == 1
        statements.clear()
        forged = token[:-1] + ("0" if token[-1] != "0" else "1")
        assert refusal(read, forged) == "bad_signature"
        assert "SELECT" not in [it.split()[0] for it in statements]
    finally:
        event.remove(database.read_engine, "before_cursor_execute", note)


def test_only_a_key_that_may_write_mints_and_revokes(api: Api, client: FlaskClient, clock: FixedClock) -> None:
    program = a_program(api)
    reader = expect(api.post("/v1/keys", {"name": "Reader", "scopes": ["read"]}), 201)["api_key"]
    writer = expect(api.post("/v1/keys", {"name": "Writer", "scopes": ["write"]}), 201)["api_key"]
    for key, status in ((reader, 403), (None, 401)):
        weak = Api(client, key=key, clock=clock)
        expect(weak.post(PATH, {"program_id": program["id"]}), status)
        expect(weak.delete(PATH), status)
    minted(api.with_key(writer), program)
    expect(api.with_key(writer).delete(PATH), 204)
