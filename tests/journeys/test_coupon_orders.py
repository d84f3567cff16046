"""What becomes of a coupon after it was given: revoked with its reward, burned or there again with its order, over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from flask import Flask
from journeys.granted import (
    COUPON,
    ORDER,
    cancel,
    coupon_of,
    days_pass,
    granted,
    path_of,
    read,
    redeem,
    standing,
    told_of,
)

from builders import Api, a_claim, a_code, a_program, a_purchase, a_refund, expect
from cast import BOB, Person
from referral_service.kit.clock import format_rfc3339
from referral_service.kit.db.engines import Database

# --- revoked, and there again ---------------------------------------------------------------------------------------


def test_a_coupon_whose_reward_is_taken_back_is_revoked(api: Api, database: Database) -> None:
    reward = granted(api, COUPON)
    code = reward["coupon"]["code"]
    a_refund(api, order_id=ORDER)
    assert redeem(api, code, status=409)["code"] == "coupon_revoked"
    assert (coupon_of(api, code)["state"], read(api, reward["id"])["state"]) == ("revoked", "clawed_back")
    assert told_of(database, reward["id"])[-1].object["coupon"]["state"] == "revoked"


def dispute(api: Api, status: str) -> None:
    body = {
        "id": f"d-{status}",
        "type": "dispute",
        "order_id": ORDER,
        "status": status,
        "occurred_at": format_rfc3339(api.now()),
    }
    expect(api.post("/v1/events", body), 201)


def test_a_dispute_won_brings_a_coupon_back(api: Api) -> None:
    reward = granted(api, COUPON)
    code = reward["coupon"]["code"]
    dispute(api, "opened")
    assert coupon_of(api, code)["state"] == "revoked"
    dispute(api, "won")
    assert (coupon_of(api, code)["state"], standing(api)) == ("active", ("available", "dispute_won"))
    redeem(api, code)


def test_a_coupon_that_was_used_stays_used_whatever_becomes_of_its_reward(api: Api, database: Database) -> None:
    reward = granted(api, COUPON)
    code = reward["coupon"]["code"]
    used = redeem(api, code)
    dispute(api, "opened")
    assert coupon_of(api, code) == used
    assert standing(api) == ("clawed_back", "dispute_opened")
    dispute(api, "won")
    assert coupon_of(api, code) == used
    assert standing(api) == ("redeemed", "used")
    assert [what for what, _ in path_of(database, reward["id"])] == [
        "created", "available", "redeemed", "clawed_back", "restored", "redeemed",
    ]  # fmt: skip
    assert [one.object["coupon"] and one.object["coupon"]["state"] for one in told_of(database, reward["id"])] == [
        None, "active", "redeemed", "redeemed", "redeemed", "redeemed",
    ]  # fmt: skip


# --- orders that are cancelled --------------------------------------------------------------------------------------


def restorable() -> dict[str, Any]:
    return COUPON | {"on_order_cancelled": "restore"}


def test_a_cancelled_order_gives_the_coupon_back_where_the_terms_say_so(api: Api, database: Database) -> None:
    reward = granted(api, restorable())
    code = reward["coupon"]["code"]
    redeem(api, code, "o-7")
    answer = cancel(api, code, "o-7")
    assert (answer["state"], answer["valid"], answer["redeemed_order"]) == ("active", True, None)
    assert standing(api) == ("available", "order_cancelled")
    assert path_of(database, reward["id"])[-1] == ("restored", "order_cancelled")
    assert cancel(api, code, "o-7") == answer
    assert redeem(api, code, "o-8")["redeemed_order"] == "o-8"


def test_a_cancelled_order_burns_the_coupon_where_the_terms_say_nothing(api: Api) -> None:
    code = granted(api, COUPON)["coupon"]["code"]
    used = redeem(api, code, "o-7")
    assert cancel(api, code, "o-7") == used
    assert standing(api) == ("redeemed", "used")
    assert redeem(api, code, "o-8", 409)["code"] == "coupon_redeemed"


def test_only_the_order_that_used_it_gives_a_coupon_back(api: Api) -> None:
    code = granted(api, restorable())["coupon"]["code"]
    assert cancel(api, code, "o-7")["state"] == "active"
    redeem(api, code, "o-7")
    assert cancel(api, code, "o-8", 409)["code"] == "coupon_redeemed"
    assert coupon_of(api, code)["redeemed_order"] == "o-7"


def test_a_full_refund_of_the_order_gives_the_coupon_back_and_a_partial_one_does_not(api: Api) -> None:
    code = granted(api, restorable(), side="referee")["coupon"]["code"]
    a_purchase(api, customer=BOB, order_id="o-7", amount_minor=4000)
    redeem(api, code, "o-7")
    a_refund(api, order_id="o-7", refunded_total_minor=3999)
    assert coupon_of(api, code)["state"] == "redeemed"
    a_refund(api, order_id="o-7", refunded_total_minor=4000)
    assert coupon_of(api, code)["state"] == "active"
    assert standing(api) == ("available", "order_cancelled")


def test_a_coupon_given_back_after_its_end_expires(trial_api: Api) -> None:
    code = granted(trial_api, restorable())["coupon"]["code"]
    redeem(trial_api, code)
    days_pass(trial_api, 31)
    assert standing(trial_api) == ("redeemed", "used")
    assert cancel(trial_api, code)["reason"] == "coupon_expired"
    days_pass(trial_api, 0, seconds=1)
    assert (coupon_of(trial_api, code)["state"], standing(trial_api)) == ("expired", ("expired", "lapsed"))


def test_a_coupon_given_back_after_its_reward_was_taken_back_is_revoked(api: Api) -> None:
    code = granted(api, restorable())["coupon"]["code"]
    redeem(api, code, "o-7")
    a_refund(api, order_id=ORDER)
    assert cancel(api, code, "o-7")["state"] == "revoked"
    assert standing(api)[0] == "clawed_back"


def test_two_orders_that_used_each_others_coupons_are_refunded_at_once(app: Flask, api: Api) -> None:
    """Each refund takes back the reward whose coupon the other gives back: they lock the two rewards crosswise."""
    reward = {"key": "gift", "side": "referee", "on": "converted", "give": restorable()}
    program = a_program(api, rewards=[reward])
    code = a_code(api, program)
    for n in range(3):
        friends = [Person(f"friend-{n}{end}", f"friend-{n}{end}@example.com", "Friend") for end in "ab"]
        ids = []
        for friend in friends:
            a_claim(api, code, referee=friend)
            ids += a_purchase(api, customer=friend, order_id=f"o-{friend.customer_id}")["reward_ids"]
        codes = [read(api, reward_id)["coupon"]["code"] for reward_id in ids]
        redeem(api, codes[0], f"o-{friends[1].customer_id}")
        redeem(api, codes[1], f"o-{friends[0].customer_id}")
        together = Barrier(2)

        def refund(friend: Person, barrier: Barrier = together) -> None:
            barrier.wait()
            a_refund(Api(app.test_client(), key=api.key, clock=api.clock), order_id=f"o-{friend.customer_id}")

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(refund, friends))
        assert [read(api, reward_id)["state"] for reward_id in ids] == ["clawed_back"] * 2
        assert [coupon_of(api, each)["state"] for each in codes] == ["revoked"] * 2


# --- the end --------------------------------------------------------------------------------------------------------


def test_a_coupon_that_nobody_used_expires_with_its_reward(trial_api: Api, database: Database) -> None:
    reward = granted(trial_api, COUPON)
    days_pass(trial_api, 30, seconds=-1)
    assert standing(trial_api)[0] == "available"
    days_pass(trial_api, 0, seconds=1)
    after = read(trial_api, reward["id"])
    assert (after["state"], after["reason"], after["coupon"]["state"]) == ("expired", "lapsed", "expired")
    assert path_of(database, reward["id"])[-1] == ("expired", "lapsed")
