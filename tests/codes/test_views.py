"""Codes over HTTP."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from builders import Api, a_code, a_program, expect
from cast import ALICE, BOB
from referral_service.codes.signed_code import read_signed_code
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.kit.http.wiring import EXTENSION
from referral_service.signing.rotate import rotate_keys
from referral_service.tenants.open_app import OpenedApp


@pytest.fixture
def program(api: Api) -> Any:
    return a_program(api)


@pytest.fixture
def stranger(client: FlaskClient, trial_tenant: OpenedApp, clock: FixedClock) -> Api:
    """A client with another app's key."""
    return Api(client, key=trial_tenant.key.secret, clock=clock)


def test_a_code_is_issued_with_its_links(api: Api, app: Flask, program: Any, tenant: OpenedApp) -> None:
    answer = expect(api.post(f"/v1/programs/{program['id']}/codes", {"customer_id": "alice"}), 201)
    signed = answer["signed_code"]
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{8}", answer["code"])
    assert answer == {
        "code": answer["code"],
        "signed_code": signed,
        "customer_id": "alice",
        "program_id": program["id"],
        "state": "active",
        "share_url": f"https://refer.test/r/{signed}",
        "invite_url": f"https://refer.test/i/{signed}",
        "qr_url": f"https://refer.test/q/{signed}.svg",
    }
    read = read_signed_code(app.extensions[EXTENSION].key_ring, signed)
    assert (read.folded, read.app_id) == (answer["code"], tenant.tenant.app_id)


def test_every_later_call_answers_200_and_the_same_code(api: Api, program: Any) -> None:
    path = f"/v1/programs/{program['id']}/codes"
    first = expect(api.post(path, {"customer_id": "alice", "vanity": "ALICE20"}), 201)
    assert first["code"] == "ALICE20"
    assert expect(api.post(path, {"customer_id": "alice"}), 200) == first
    assert expect(api.post(path, {"customer_id": "alice", "vanity": "OTHER20"}), 200) == first


def test_a_channel_is_noted_in_the_links(api: Api, program: Any) -> None:
    answer = a_code(api, program, channel="whatsapp")
    assert answer["share_url"] == f"https://refer.test/r/{answer['signed_code']}?ch=whatsapp"
    assert answer["invite_url"].endswith("?ch=whatsapp")
    assert a_code(api, program)["share_url"].endswith(answer["signed_code"])


def test_a_body_that_is_not_valid_names_the_field(api: Api, program: Any) -> None:
    bodies: list[tuple[dict[str, Any], str]] = [
        ({}, "customer_id"),
        ({"customer_id": ""}, "customer_id"),
        ({"customer_id": 5}, "customer_id"),
        ({"customer_id": "a" * 256}, "customer_id"),
        ({"customer_id": "alice", "vanity": 20}, "vanity"),
        ({"customer_id": "alice", "vanity": "A" * 65}, "vanity"),
        ({"customer_id": "alice", "vanity": "АЛІСА"}, "vanity"),
        ({"customer_id": "alice", "channel": "What's App"}, "channel"),
        ({"customer_id": "alice", "channel": "whatsapp\n"}, "channel"),
        ({"customer_id": "alice", "is_vanity": True}, "is_vanity"),
    ]
    for body, field in bodies:
        answer = expect(api.post(f"/v1/programs/{program['id']}/codes", body), 422)
        assert field in answer["errors"], body


def test_refusals_carry_their_codes(api: Api, program: Any) -> None:
    path = f"/v1/programs/{program['id']}/codes"
    a_code(api, program, vanity="ALICE20")
    assert expect(api.post(path, {"customer_id": "bob", "vanity": "ALICE-2O"}), 409)["code"] == "code_taken"
    assert expect(api.post(path, {"customer_id": "bob", "vanity": "FUCK20"}), 422)["code"] == "code_not_allowed"
    assert expect(api.post(path, {"customer_id": "bob", "vanity": "A_B"}), 422)["code"] == "invalid_vanity"
    assert expect(api.post("/v1/programs/prg_none/codes", {"customer_id": "bob"}), 404)["code"] == "not_found"
    expect(api.post(f"/v1/programs/{program['id']}/pause"), 200)
    assert expect(api.post(path, {"customer_id": "bob"}), 409)["code"] == "program_not_active"


def test_a_code_is_checked_typed_or_signed(api: Api, program: Any) -> None:
    issued = a_code(api, program, vanity="Maria-20")
    for text in ("Maria-20", "maria20", "MARIA%2020", issued["signed_code"], issued["signed_code"].lower()):
        answer = expect(api.get(f"/v1/codes/{text}"), 200)
        assert answer == {**issued, "valid": True, "reason": None}


def test_a_code_of_a_paused_program_is_not_valid_and_says_why(api: Api, program: Any) -> None:
    issued = a_code(api, program)
    expect(api.post(f"/v1/programs/{program['id']}/pause"), 200)
    answer = expect(api.get(f"/v1/codes/{issued['code']}"), 200)
    assert (answer["valid"], answer["reason"]) == (False, "program_not_active")


def test_an_unknown_code_is_not_found(api: Api) -> None:
    for text in ("ZZZZZZZZ", "A" * 33, "%00", "a%2Fb", "%F0%9F%98%80", "'--", "A" * 1500):
        for answer in (api.get(f"/v1/codes/{text}"), api.post(f"/v1/codes/{text}/revoke")):
            assert expect(answer, 404)["code"] in {"code_not_found", "not_found"}, text


def test_a_revoked_code_is_gone_and_makes_way_for_a_new_one(api: Api, program: Any) -> None:
    issued = a_code(api, program)
    revoked = expect(api.post(f"/v1/codes/{issued['code']}/revoke"), 200)
    assert revoked == {**issued, "state": "revoked", "valid": False, "reason": "code_revoked"}
    gone = expect(api.get(f"/v1/codes/{issued['signed_code']}"), 410)
    assert gone["code"] == "code_revoked"
    assert expect(api.post(f"/v1/codes/{issued['signed_code']}/revoke"), 200) == revoked
    again = expect(api.post(f"/v1/programs/{program['id']}/codes", {"customer_id": "alice"}), 201)
    assert again["code"] != issued["code"]


def test_another_app_neither_sees_nor_revokes_a_code(api: Api, stranger: Api, program: Any) -> None:
    issued = a_code(api, program, vanity="ALICE20")
    for text in (issued["code"], issued["signed_code"]):
        assert expect(stranger.get(f"/v1/codes/{text}"), 404)["code"] == "code_not_found"
        assert expect(stranger.post(f"/v1/codes/{text}/revoke"), 404)["code"] == "code_not_found"
    expect(stranger.post(f"/v1/programs/{program['id']}/codes", {"customer_id": "alice"}), 404)
    expect(api.get(f"/v1/codes/{issued['code']}"), 200)


def test_a_signed_code_from_before_a_rotation_stays_valid(
    api: Api, app: Flask, database: Database, clock: FixedClock, program: Any
) -> None:
    before = a_code(api, program)
    service = app.extensions[EXTENSION]
    database.transact(lambda session: rotate_keys(session, service.sealer, clock.now(), delay_seconds=0))
    service.key_ring.forget()
    after = a_code(api, program)
    assert after["code"] == before["code"]
    assert after["signed_code"] != before["signed_code"]
    for code in (before, after):
        assert expect(api.get(f"/v1/codes/{code['signed_code']}"), 200)["valid"]


def test_the_same_idempotency_key_gets_the_same_answer(api: Api, program: Any) -> None:
    path = f"/v1/programs/{program['id']}/codes"
    first = api.post(path, {"customer_id": "alice"}, idempotency_key="k-1")
    again = api.post(path, {"customer_id": "alice"}, idempotency_key="k-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json == again.json
    expect(api.post(path, {"customer_id": BOB.customer_id}, idempotency_key="k-1"), 422)


def test_people_need_no_profile_to_get_a_code(api: Api, program: Any) -> None:
    a_code(api, program, referrer=BOB)
    assert a_code(api, program, referrer=ALICE)["customer_id"] == "alice"
    expect(api.get("/v1/customers/bob"), 200)
