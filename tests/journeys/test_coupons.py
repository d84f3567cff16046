"""Coupons: a unique code each, made at the release, redeemed by one order; burned or there again if it is cancelled."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from flask import Flask
from journeys.granted import COUPON, coupon_of, days_pass, granted, path_of, read, redeem, told_of
from sqlalchemy import select

from builders import (
    Api,
    a_claim,
    a_code,
    a_customer,
    a_program,
    a_purchase,
    a_refund,
    expect,
    items,
    purchase_body,
)
from cast import NOON, Person
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database
from referral_service.kit.ids import ALPHABET
from referral_service.rewards.coupons import follow
from referral_service.rewards.models import Coupon
from referral_service.tenants.create_key import create_key
from referral_service.tenants.open_app import OpenedApp
from referral_service.tenants.scopes import Scope

THREADS = 8


# --- made at the release --------------------------------------------------------------------------------------------


def test_a_released_reward_shows_its_coupon(api: Api) -> None:
    reward = granted(api, COUPON)
    coupon = reward["coupon"]
    prefix, _, body = coupon.pop("code").partition("-")
    assert (prefix, len(body), set(body) <= set(ALPHABET)) == ("FRIEND", 8, True)
    assert coupon == {
        "percent_off": "15.00",
        "amount_off_minor": None,
        "currency": "USD",
        "valid_from": format_rfc3339(NOON),
        "valid_until": format_rfc3339(NOON + timedelta(days=30)),
        "state": "active",
    }
    assert (reward["kind"], reward["state"]) == ("coupon", "available")
    assert reward["expires_at"] == coupon["valid_until"]
    assert items(api, "/v1/rewards") == [read(api, reward["id"])]


def test_a_held_reward_has_no_coupon_until_its_hold_ends(trial_api: Api, database: Database) -> None:
    reward = granted(trial_api, COUPON, hold_days=14)
    assert (reward["state"], reward["coupon"]) == ("pending", None)
    days_pass(trial_api, 14)
    released = read(trial_api, reward["id"])
    assert released["coupon"]["valid_from"] == format_rfc3339(NOON + timedelta(days=14))
    assert released["coupon"]["valid_until"] == format_rfc3339(NOON + timedelta(days=44))
    created, available = told_of(database, reward["id"])
    assert created.object["coupon"] is None
    assert available.type == "reward.available"
    assert available.object["coupon"] == released["coupon"]


def test_an_offered_reward_gets_its_coupon_when_it_is_accepted(trial_api: Api) -> None:
    reward = granted(trial_api, COUPON, accept_within_days=7)
    assert (reward["state"], reward["coupon"]) == ("offered", None)
    days_pass(trial_api, 3)
    accepted = expect(trial_api.post(f"/v1/rewards/{reward['id']}/accept"), 200)
    assert accepted["coupon"]["valid_from"] == format_rfc3339(NOON + timedelta(days=3))


def test_the_end_is_where_the_terms_say_it(api: Api) -> None:
    begins, ends = format_rfc3339(NOON + timedelta(days=2)), format_rfc3339(NOON + timedelta(days=9))
    fixed = {"kind": "coupon", "amount_off_minor": 500, "valid_from": begins, "valid_until": ends}
    endless = {"kind": "coupon", "percent_off": "7.50"}
    rewards = [
        {"key": "fixed", "side": "referrer", "on": "converted", "give": fixed},
        {"key": "endless", "side": "referrer", "on": "converted", "give": endless},
        {"key": "expiring", "side": "referrer", "on": "converted", "give": endless, "expires_days": 5},
    ]
    a_claim(api, a_code(api, a_program(api, rewards=rewards)))
    a_purchase(api)
    coupons = {reward["key"]: reward["coupon"] for reward in items(api, "/v1/rewards")}
    assert (coupons["fixed"]["valid_from"], coupons["fixed"]["valid_until"]) == (begins, ends)
    assert (coupons["fixed"]["percent_off"], coupons["fixed"]["amount_off_minor"]) == (None, 500)
    assert coupons["endless"]["valid_until"] is None
    assert coupons["endless"]["percent_off"] == "7.50"
    assert coupons["expiring"]["valid_until"] == format_rfc3339(NOON + timedelta(days=5))


def test_a_code_that_is_taken_is_drawn_anew(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = iter(["AAAA-22223333", "AAAA-22223333", "aaaa-2222-3333", "AAAA-22223334"])
    monkeypatch.setattr(follow, "new_text", lambda give: next(texts))  # noqa: ARG005
    rewards = [
        {"key": key, "side": "referrer", "on": "converted", "give": {"kind": "coupon", "percent_off": "5.00"}}
        for key in ("one", "two")
    ]
    a_claim(api, a_code(api, a_program(api, rewards=rewards)))
    a_purchase(api)
    codes = {reward["coupon"]["code"] for reward in items(api, "/v1/rewards")}
    assert codes == {"AAAA-22223333", "AAAA-22223334"}


def test_two_apps_may_give_out_the_same_code(api: Api, trial_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "new_text", lambda give: "AAAA-22223333")  # noqa: ARG005
    assert granted(api, COUPON)["coupon"]["code"] == granted(trial_api, COUPON)["coupon"]["code"]
    redeem(api, "AAAA-22223333")
    assert coupon_of(trial_api, "AAAA-22223333")["state"] == "active"


def test_no_code_spells_an_offensive_word(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = iter(["FRIEND-ASSH0LE2", "FRIEND-7Q2M4XTD"])
    monkeypatch.setattr(follow, "new_text", lambda give: next(texts))  # noqa: ARG005
    assert granted(api, COUPON)["coupon"]["code"] == "FRIEND-7Q2M4XTD"


# --- looked up ------------------------------------------------------------------------------------------------------


def test_a_coupon_is_found_however_its_code_is_typed(api: Api) -> None:
    reward = granted(api, COUPON, side="referee")
    code = reward["coupon"]["code"]
    found = coupon_of(api, code)
    assert found == {
        **reward["coupon"],
        "valid": True,
        "reason": None,
        "customer_id": "bob",
        "reward_id": reward["id"],
        "program_id": reward["program_id"],
        "redeemed_order": None,
        "redeemed_at": None,
    }
    assert coupon_of(api, code.lower().replace("-", "")) == found
    assert coupon_of(api, code.replace("I", "l").replace("-", " ")) == found


@pytest.mark.parametrize("code", ["FRIEND-00000000", "nothing", "%F0%9F%99%82", "-", "x" * 500])
def test_what_is_no_coupon_is_not_found(api: Api, code: str) -> None:
    granted(api, COUPON)
    for answer in (
        api.get(f"/v1/coupons/{code}"),
        api.post(f"/v1/coupons/{code}/redeem", {"order_id": "o-7"}),
        api.post(f"/v1/coupons/{code}/cancel", {"order_id": "o-7"}),
    ):
        assert expect(answer, 404)["code"] == "coupon_not_found"


def test_another_apps_key_does_not_find_the_coupon(api: Api, trial_api: Api) -> None:
    code = granted(api, COUPON)["coupon"]["code"]
    assert trial_api.get(f"/v1/coupons/{code}").status_code == 404
    redeem(trial_api, code, status=404)
    assert coupon_of(api, code)["state"] == "active"


def test_a_reading_key_may_look_and_not_redeem(api: Api, database: Database, tenant: OpenedApp) -> None:
    code = granted(api, COUPON)["coupon"]["code"]
    made = database.transact(
        lambda session: create_key(
            session, tenant=tenant.tenant, name="Reader", scopes=[Scope.READ], actor="cli", now=NOON
        )
    )
    reader = api.with_key(made.secret)
    coupon_of(reader, code)
    redeem(reader, code, status=403)


# --- redeemed once --------------------------------------------------------------------------------------------------


def test_an_order_redeems_a_coupon_and_its_reward(api: Api, database: Database) -> None:
    reward = granted(api, COUPON)
    code = reward["coupon"]["code"]
    answer = redeem(api, code, "o-7")
    assert (answer["state"], answer["valid"], answer["reason"]) == ("redeemed", False, "coupon_redeemed")
    assert (answer["redeemed_order"], answer["redeemed_at"]) == ("o-7", format_rfc3339(NOON))
    after = read(api, reward["id"])
    assert (after["state"], after["reason"], after["coupon"]["state"]) == ("redeemed", "used", "redeemed")
    assert path_of(database, reward["id"])[-1] == ("redeemed", "used")
    assert told_of(database, reward["id"])[-1].object["coupon"]["state"] == "redeemed"


def test_the_same_order_again_is_answered_the_same(api: Api, clock: FixedClock, database: Database) -> None:
    reward = granted(api, COUPON)
    first = redeem(api, reward["coupon"]["code"])
    clock.advance(timedelta(days=90))
    assert redeem(api, reward["coupon"]["code"]) == first
    assert len(told_of(database, reward["id"])) == 3


def test_another_order_is_refused(api: Api) -> None:
    code = granted(api, COUPON)["coupon"]["code"]
    first = redeem(api, code, "o-7")
    assert redeem(api, code, "o-8", 409)["code"] == "coupon_redeemed"
    assert coupon_of(api, code) == first


def test_too_early_and_too_late_say_so(trial_api: Api) -> None:
    begins, ends = (format_rfc3339(NOON + timedelta(days=days)) for days in (2, 9))
    give = {"kind": "coupon", "percent_off": "5.00", "valid_from": begins, "valid_until": ends}
    code = granted(trial_api, give)["coupon"]["code"]
    assert coupon_of(trial_api, code)["reason"] == "coupon_not_yet_valid"
    early = redeem(trial_api, code, status=409)
    assert (early["code"], begins in early["detail"]) == ("coupon_not_yet_valid", True)
    days_pass(trial_api, 2)
    assert coupon_of(trial_api, code)["valid"] is True
    days_pass(trial_api, 7)
    late = redeem(trial_api, code, status=409)
    assert (late["code"], ends in late["detail"]) == ("coupon_expired", True)
    assert coupon_of(trial_api, code)["state"] == "expired"


def test_a_coupon_is_over_at_its_end_also_before_the_worker_has_come(api: Api, clock: FixedClock) -> None:
    code = granted(api, COUPON)["coupon"]["code"]
    clock.advance(timedelta(days=30) - timedelta(seconds=1))
    assert coupon_of(api, code)["valid"] is True
    clock.advance(timedelta(seconds=1))
    found = coupon_of(api, code)
    assert (found["state"], found["valid"], found["reason"]) == ("active", False, "coupon_expired")
    assert redeem(api, code, status=409)["code"] == "coupon_expired"


def test_of_many_orders_at_once_one_redeems(app: Flask, api: Api, database: Database) -> None:
    reward = granted(api, COUPON)
    together = Barrier(THREADS)

    def attempt(n: int) -> int:
        mine = Api(app.test_client(), key=api.key, clock=api.clock)
        together.wait()
        body = {"order_id": f"o-race-{n}"}
        return int(mine.post(f"/v1/coupons/{reward['coupon']['code']}/redeem", body).status_code)

    with ThreadPoolExecutor(THREADS) as pool:
        statuses = sorted(pool.map(attempt, range(THREADS)))
    assert statuses == [200] + [409] * (THREADS - 1)
    assert path_of(database, reward["id"])[-1] == ("redeemed", "used")
    assert len(told_of(database, reward["id"])) == 3


def test_a_refund_and_a_redemption_at_once_leave_one_of_two_ends(app: Flask, api: Api, database: Database) -> None:
    for n in range(4):
        ann, ben = (Person(f"{who}-{n}", f"{who}-{n}@example.com", who) for who in ("ann", "ben"))
        program = a_program(api, rewards=[{"key": "gift", "side": "referrer", "on": "converted", "give": COUPON}])
        a_claim(api, a_code(api, program, referrer=ann), referee=ben)
        (reward_id,) = a_purchase(api, customer=ben, order_id=f"o-{n}")["reward_ids"]
        code = read(api, reward_id)["coupon"]["code"]
        together = Barrier(2)

        def spend(barrier: Barrier = together, code: str = code) -> int:
            barrier.wait()
            mine = Api(app.test_client(), key=api.key, clock=api.clock)
            return int(mine.post(f"/v1/coupons/{code}/redeem", {"order_id": "o-spent"}).status_code)

        def refund(barrier: Barrier = together, order_id: str = f"o-{n}") -> None:
            barrier.wait()
            a_refund(Api(app.test_client(), key=api.key, clock=api.clock), order_id=order_id)

        with ThreadPoolExecutor(2) as pool:
            spent, refunded = pool.submit(spend), pool.submit(refund)
            refunded.result()
        # Used first, it stays used; taken back first, it cannot be used any more. The reward is taken back either way.
        assert (spent.result(), coupon_of(api, code)["state"]) in ((200, "redeemed"), (409, "revoked"))
        assert read(api, reward_id)["state"] == "clawed_back"
        path_of(database, reward_id)


# --- one for each ----------------------------------------------------------------------------------------------------


def test_every_coupon_belongs_to_one_reward(api: Api, database: Database) -> None:
    """A batch of purchases makes a coupon for each, and a repetition none."""
    program = a_program(api, rewards=[{"key": "gift", "side": "referrer", "on": "converted", "give": COUPON}])
    code = a_code(api, program)
    friends = [Person(f"friend-{n}", f"friend-{n}@example.com", "Friend") for n in range(5)]
    for friend in friends:
        a_customer(api, friend)
        a_claim(api, code, referee=friend)
    events = [purchase_body(at=api.now(), customer=friend) for friend in friends]
    for _ in range(2):
        expect(api.post("/v1/events", {"events": events}), 200)
    coupons = database.read(lambda session: list(session.scalars(select(Coupon))))
    assert {coupon.reward_id for coupon in coupons} == {reward["id"] for reward in items(api, "/v1/rewards")}
    assert len({coupon.folded for coupon in coupons}) == len(coupons) == 5
