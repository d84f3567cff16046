"""Every moment at which a reward may be due: the claim, a step, the conversion, purchases and events."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from journeys.earned import a_dispute, an_event, reward

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, a_refund, expect, items
from cast import ALICE, BOB, CAROL, MALLORY
from referral_service.kit.db.engines import Database
from referral_service.notifications.place import place_notifications
from referral_service.tenants.open_app import OpenedApp

pytestmark = pytest.mark.usefixtures("books_in_order")


def rewards(api: Api, **query: Any) -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = {}
    for it in reversed(items(api, "/v1/rewards", **query)):
        amount = it["amount"].get("amount_minor", it["amount"].get("quantity"))
        found.setdefault(it["key"], []).append((it["state"], amount))
    return found


def test_claimed_reward_is_there_at_once_and_ignores_refunds(api: Api) -> None:
    program = a_program(
        api, rewards=[reward("welcome", "referee", "claimed"), reward("thanks", "referrer", "converted")]
    )
    a_claim(api, a_code(api, program))
    assert rewards(api) == {"welcome": [("available", 1000)]}
    a_purchase(api, order_id="o-1")
    a_refund(api, order_id="o-1")
    assert rewards(api) == {"welcome": [("available", 1000)], "thanks": [("clawed_back", 1000)]}


def test_step_rewards_come_one_by_one_and_the_conversion_with_the_last(api: Api) -> None:
    steps = [{"key": "install", "event": "app_installed"}, {"key": "buy", "event": "purchase", "min_amount_minor": 100}]
    program = a_program(
        api,
        qualification={"steps": steps},
        rewards=[reward("space", "referee", "step:install"), reward("thanks", "referrer", "converted")],
    )
    referral = a_claim(api, a_code(api, program))
    answer = an_event(api, "app_installed")
    assert (answer["outcome"], answer["reason"], len(answer["reward_ids"])) == ("recorded", None, 1)
    assert expect(api.get(f"/v1/referrals/{referral['id']}"), 200)["state"] == "pending"
    assert rewards(api) == {"space": [("available", 1000)]}
    assert a_purchase(api, order_id="o-1")["outcome"] == "converted"
    assert rewards(api) == {"space": [("available", 1000)], "thanks": [("available", 1000)]}
    # The install stands for itself: only what the refunded step carried goes.
    a_refund(api, order_id="o-1")
    assert rewards(api) == {"space": [("available", 1000)], "thanks": [("clawed_back", 1000)]}


def test_commission_on_every_purchase_follows_each_one(api: Api) -> None:
    percent = {"kind": "percent", "percent": "10.00"}
    program = a_program(
        api,
        rewards=[
            reward("commission", "referrer", "every_purchase", percent),
            reward("again", "referrer", "repeat_purchase", percent, limit={"count": 1}),
        ],
    )
    a_claim(api, a_code(api, program))
    for n, amount in enumerate([5000, 2000, 1000], start=1):
        a_purchase(api, order_id=f"o-{n}", amount_minor=amount)
    assert rewards(api) == {
        "commission": [("available", 500), ("available", 200), ("available", 100)],
        "again": [("available", 200)],
    }
    a_refund(api, order_id="o-2", refunded_total_minor=2000)
    assert rewards(api)["commission"] == [("available", 500), ("clawed_back", 200), ("available", 100)]


def test_own_purchases_and_events_earn_without_any_referral(api: Api) -> None:
    program = a_program(
        api,
        rewards=[
            reward("points", "self", "every_purchase", {"kind": "points", "quantity": 1, "per_minor": 100}),
            reward(
                "birthday", "self", "event:birthday", {"kind": "points", "quantity": 50},
                cap={"count": 1, "per": "calendar_year"},
            ),
        ],
    )  # fmt: skip
    a_customer(api, BOB)
    answer = a_purchase(api, order_id="o-1", amount_minor=5000)
    assert (answer["outcome"], answer["results"][0]["program_id"]) == ("recorded", program["id"])
    an_event(api, "birthday", "1")
    an_event(api, "birthday", "2")
    assert rewards(api) == {"points": [("available", 50)], "birthday": [("available", 50), ("capped", 0)]}
    a_refund(api, order_id="o-1", refunded_total_minor=2500)
    assert items_of(api) == [("points", 75)]


def items_of(api: Api) -> list[tuple[str, int]]:
    balances = expect(api.get(f"/v1/customers/{BOB.customer_id}/balances"), 200)["items"]
    return [(it["unit"], it["available"]) for it in balances]


def test_cap_of_one_side_never_costs_the_other(api: Api) -> None:
    program = a_program(
        api,
        rewards=[
            reward("thanks", "referrer", "converted", cap={"count": 1}),
            reward("welcome", "referee", "converted"),
        ],
    )
    code = a_code(api, program)

    for person, order in ((BOB, "o-1"), (CAROL, "o-2")):
        a_claim(api, code, referee=person)
        a_purchase(api, order_id=order, customer=person)
    assert rewards(api) == {
        "thanks": [("available", 1000), ("capped", 0)],
        "welcome": [("available", 1000), ("available", 1000)],
    }
    a_refund(api, order_id="o-1")
    assert rewards(api)["thanks"] == [("clawed_back", 1000), ("capped", 0)]


def test_budget_grants_what_fits_and_tells_when_it_has_run_out(api: Api, database: Database, tenant: OpenedApp) -> None:
    program = a_program(api, rewards=[reward("thanks", "referrer", "converted")], budget={"amount_minor": 1500})
    code = a_code(api, program)

    for person, order in ((BOB, "o-1"), (CAROL, "o-2"), (MALLORY, "o-3")):
        a_claim(api, code, referee=person)
        a_purchase(api, order_id=order, customer=person)
    assert rewards(api)["thanks"] == [("available", 1000), ("available", 500), ("capped", 0)]
    database.transact(lambda session: place_notifications(session, app_id=tenant.tenant.app_id))
    told = [it["type"] for it in expect(api.get("/v1/notifications", limit=100), 200)["items"]]
    assert told.count("program.budget_exhausted") == 1


def test_requalified_referral_gets_new_rewards_under_a_new_number(api: Api) -> None:
    program = a_program(api, rewards=[reward("thanks", "referrer", "converted")], on_refund={"requalify": True})
    referral = a_claim(api, a_code(api, program))
    now = api.now()
    a_purchase(api, order_id="o-1", at=now - timedelta(hours=2))
    a_refund(api, order_id="o-1")
    assert expect(api.get(f"/v1/referrals/{referral['id']}"), 200)["state"] == "reversed"
    answer = a_purchase(api, order_id="o-2", at=now - timedelta(hours=1))
    assert answer["outcome"] == "converted"
    assert rewards(api)["thanks"] == [("clawed_back", 1000), ("available", 1000)]


def test_milestones_and_every_nth(api: Api) -> None:

    program = a_program(
        api,
        rewards=[
            reward("badge", "referrer", "converted", milestones=[{"at": 2, "amount_minor": 7000, "badge": "silver"}]),
            reward("third", "referrer", "converted", every=3),
            reward("tiered", "referrer", "converted", tiers=[{"from": 2, "amount_minor": 2000}]),
        ],
    )
    code = a_code(api, program, referrer=ALICE)
    for person, order in ((BOB, "o-1"), (CAROL, "o-2"), (MALLORY, "o-3")):
        a_claim(api, code, referee=person)
        a_purchase(api, order_id=order, customer=person)
        a_purchase(api, order_id=order, customer=person)
    assert rewards(api) == {
        "badge": [("available", 7000)],
        "third": [("available", 1000)],
        "tiered": [("available", 1000), ("available", 2000), ("available", 2000)],
    }


def test_offer_is_held_until_it_is_accepted(api: Api) -> None:
    program = a_program(api, rewards=[reward("thanks", "referrer", "converted", accept_within_days=7)])
    a_claim(api, a_code(api, program))
    a_purchase(api, order_id="o-1")
    assert rewards(api)["thanks"] == [("offered", 1000)]


def test_explain_tells_each_step_and_what_it_has_seen(api: Api) -> None:
    steps = [
        {"key": "rides", "event": "purchase", "count": 3, "distinct_days": True},
        {"key": "card", "any_of": [{"event": "transfer", "min_amount_minor": 20000}, {"event": "card_added"}]},
    ]
    program = a_program(
        api, qualification={"steps": steps}, rewards=[reward("thanks", "referrer", "converted", cap={"count": 1})]
    )
    referral = a_claim(api, a_code(api, program))
    a_purchase(api, order_id="o-1")
    an_event(api, "card_added")
    told = expect(api.get(f"/v1/referrals/{referral['id']}/explain"), 200)
    checks = {it["rule"]: (it["required"], it["observed"], it["passed"]) for it in told["checks"]}
    assert checks["qualification.steps.rides"] == ("3 times purchase on different days", "1 of 3", False)
    assert checks["qualification.steps.card"] == ("transfer of at least 200.00 USD or card_added", "1 of 1", True)
    assert told["next_step"] == "Waiting for 3 times purchase on different days."
    assert told["rewards"] == [{"key": "thanks", "state": "expected", "reason": None, "expected_at": None}]


def test_event_with_an_amount_in_another_currency_is_parked(api: Api) -> None:
    steps = [{"key": "deposit", "event": "deposit"}]
    program = a_program(api, qualification={"steps": steps}, rewards=[reward("thanks", "referrer", "converted")])
    a_claim(api, a_code(api, program))
    answer = an_event(api, "deposit", "1", amount={"amount_minor": 5000, "currency": "EUR"})
    assert (answer["outcome"], answer["reason"]) == ("parked", "wrong_currency")
    assert an_event(api, "deposit", "2")["outcome"] == "converted"


@pytest.mark.parametrize("act", ["pause", "archive"])
def test_same_claim_again_is_answered_whatever_has_become_of_the_program(api: Api, act: str) -> None:
    program = a_program(api)
    code = a_code(api, program)
    referral = a_claim(api, code)
    expect(api.post(f"/v1/programs/{program['id']}/{act}"), 200)
    body = {"code": code["code"], "referee": BOB.document()}
    assert expect(api.post("/v1/referrals", body), 200)["id"] == referral["id"]
    body["referee"] = CAROL.document()
    assert expect(api.post("/v1/referrals", body), 409)["code"] == "program_not_active"


def test_dispute_over_one_of_two_counted_purchases_takes_its_part(api: Api) -> None:
    steps = [{"key": "spend", "event": "purchase", "cumulative_minor": 6000}]
    a_claim(
        api,
        a_code(
            api,
            a_program(
                api,
                qualification={"steps": steps},
                rewards=[reward("thanks", "referrer", "converted")],
                on_refund={"below_minimum": "proportional"},
            ),
        ),
    )
    a_purchase(api, order_id="o-1", amount_minor=3000)
    assert a_purchase(api, order_id="o-2", amount_minor=3000)["outcome"] == "converted"
    for status, back in (("opened", 500), ("won", 0)):
        a_dispute(api, "o-2", status)
        (held,) = items(api, "/v1/rewards")
        assert held["reversed"]["amount_minor"] == back
