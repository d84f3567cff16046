"""The journey the product exists for: a claim, a first purchase, two rewards; and what a refund takes back."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from builders import (
    Api,
    a_claim,
    a_code,
    a_customer,
    a_program,
    a_purchase,
    a_refund,
    both_sides,
    expect,
    items,
    purchase_body,
)
from cast import ALICE, BOB, CAROL
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database


def balances(api: Api, customer_id: str) -> dict[str, tuple[int, int]]:
    listed = expect(api.get(f"/v1/customers/{customer_id}/balances"), 200)["items"]
    return {row["unit"]: (row["available"], row["pending"]) for row in listed}


def states(api: Api) -> dict[str, str]:
    return {reward["key"]: reward["state"] for reward in items(api, "/v1/rewards")}


def test_first_purchase_of_a_referee_rewards_both_sides(api: Api) -> None:
    program = a_program(api)
    referral = a_claim(api, a_code(api, program))
    answer = a_purchase(api)
    assert answer["outcome"] == "converted"
    assert answer["referral_id"] == referral["id"]
    assert len(answer["reward_ids"]) == 2
    assert states(api) == {"referrer_credit": "available", "referee_credit": "available"}
    assert balances(api, "alice") == {"USD": (1000, 0)}
    assert balances(api, "bob") == {"USD": (500, 0)}
    assert expect(api.get(f"/v1/referrals/{referral['id']}"), 200)["state"] == "converted"


def test_books_balance_after_the_journey(api: Api, database: Database) -> None:
    a_claim(api, a_code(api, a_program(api)))
    a_purchase(api)
    with database.read_engine.connect() as connection:
        sums = connection.execute(text("SELECT txn_id, unit, SUM(amount) FROM ledger_postings GROUP BY 1, 2")).all()
    assert len(sums) == 4
    assert {row[2] for row in sums} == {0}


def test_same_event_again_answers_the_same_and_grants_nothing(api: Api) -> None:
    a_claim(api, a_code(api, a_program(api)))
    body = purchase_body(at=api.now())
    first = expect(api.post("/v1/events", body), 201)
    again = expect(api.post("/v1/events", body), 200)
    assert again == {**first, "duplicate": True}
    assert len(items(api, "/v1/rewards")) == 2


def test_same_order_under_another_event_id_is_a_duplicate(api: Api) -> None:
    a_claim(api, a_code(api, a_program(api)))
    first = a_purchase(api, order_id="o-1", event_id="e-1")
    again = a_purchase(api, order_id="o-1", event_id="e-2")
    assert again == {**first, "id": "e-2", "duplicate": True}
    assert len(items(api, "/v1/rewards")) == 2


def test_duplicates_inside_a_batch_are_duplicates(api: Api) -> None:
    a_claim(api, a_code(api, a_program(api)))
    body = purchase_body(at=api.now(), order_id="o-1")
    other_id = {**body, "id": "other"}
    results = expect(api.post("/v1/events", {"events": [body, body, other_id]}), 200)["results"]
    assert [result["duplicate"] for result in results] == [False, True, True]
    assert {result["outcome"] for result in results} == {"converted"}
    assert len(items(api, "/v1/rewards")) == 2


def test_bad_item_spoils_no_other(api: Api) -> None:
    a_claim(api, a_code(api, a_program(api)))
    good = purchase_body(at=api.now())
    future = purchase_body(at=api.now() + timedelta(minutes=2))
    results = expect(api.post("/v1/events", {"events": [{"id": "x"}, future, 7, good]}), 200)["results"]
    assert [result["outcome"] for result in results] == ["invalid", "invalid", "invalid", "converted"]
    assert results[1]["error"]["code"] == "occurred_in_future"
    assert "type" in results[0]["error"]["errors"]


def test_held_reward_is_pending_until_its_hold_ends(trial_api: Api) -> None:
    api = trial_api
    a_claim(api, a_code(api, a_program(api, rewards=both_sides(hold_days=14))))
    a_purchase(api)
    assert set(states(api).values()) == {"pending"}
    assert balances(api, "alice") == {"USD": (0, 1000)}
    expect(api.post("/v1/test-clock/advance", {"seconds": 14 * 86400 - 60}), 200)
    assert set(states(api).values()) == {"pending"}
    expect(api.post("/v1/test-clock/advance", {"seconds": 60}), 200)
    assert set(states(api).values()) == {"available"}
    assert balances(api, "alice") == {"USD": (1000, 0)}


def test_full_refund_during_the_hold_voids_both_sides(api: Api) -> None:
    referral = a_claim(api, a_code(api, a_program(api, rewards=both_sides(hold_days=14))))
    a_purchase(api, order_id="o-1")
    answer = a_refund(api, order_id="o-1")
    assert (answer["outcome"], answer["reason"]) == ("reversed", "refunded")
    assert set(states(api).values()) == {"voided"}
    assert balances(api, "alice") == {"USD": (0, 0)}
    shown = expect(api.get(f"/v1/referrals/{referral['id']}"), 200)
    assert (shown["state"], shown["reason"]) == ("reversed", "refunded")


def test_full_refund_after_release_claws_back_both_sides(api: Api) -> None:
    a_claim(api, a_code(api, a_program(api)))
    a_purchase(api, order_id="o-1")
    a_refund(api, order_id="o-1")
    assert set(states(api).values()) == {"clawed_back"}
    assert balances(api, "alice") == {"USD": (0, 0)}


def test_partial_refund_takes_back_in_proportion(api: Api) -> None:
    a_claim(api, a_code(api, a_program(api)))
    a_purchase(api, order_id="o-1", amount_minor=5000)
    answer = a_refund(api, order_id="o-1", refunded_total_minor=1250)
    assert (answer["outcome"], answer["reason"]) == ("reversed", "partly_refunded")
    assert balances(api, "alice") == {"USD": (750, 0)}
    assert balances(api, "bob") == {"USD": (375, 0)}


def test_refund_before_its_purchase_converts_and_reverses_at_once(api: Api) -> None:
    referral = a_claim(api, a_code(api, a_program(api)))
    early = a_refund(api, order_id="o-1")
    assert (early["outcome"], early["reason"]) == ("parked", "no_purchase")
    answer = a_purchase(api, order_id="o-1")
    assert (answer["outcome"], answer["reason"]) == ("reversed", "refunded")
    assert set(states(api).values()) == {"voided"}
    assert expect(api.get(f"/v1/referrals/{referral['id']}"), 200)["state"] == "reversed"


def test_purchase_before_its_claim_waits_and_is_matched(api: Api, clock: FixedClock) -> None:
    code = a_code(api, a_program(api))
    body = purchase_body(at=api.now())
    assert expect(api.post("/v1/events", body), 201)["reason"] == "no_referral"
    clock.advance(timedelta(days=2))
    referral = a_claim(api, code)
    assert referral["state"] == "converted"
    assert len(items(api, "/v1/rewards")) == 2


def test_earlier_purchase_that_comes_late_takes_the_conversion_over(api: Api, clock: FixedClock) -> None:
    percent = {
        "key": "share",
        "side": "referrer",
        "on": "converted",
        "hold_days": 14,
        "give": {"kind": "percent", "percent": "10.00", "max_amount_minor": 3000},
    }
    a_claim(api, a_code(api, a_program(api, rewards=[percent])))
    earlier = api.now() + timedelta(hours=1)
    clock.advance(timedelta(days=1))
    a_purchase(api, amount_minor=9000)
    answer = a_purchase(api, at=earlier, amount_minor=2000)
    assert (answer["outcome"], answer["reason"]) == ("converted", "earlier_purchase")
    (reward,) = items(api, "/v1/rewards")
    assert reward["amount"] == {"amount_minor": 200, "currency": "USD"}
    assert reward["ordinal"] == 1
    assert balances(api, "alice") == {"USD": (0, 200)}


def test_wrong_currency_is_parked_for_the_program(api: Api) -> None:
    a_claim(api, a_code(api, a_program(api)))
    answer = a_purchase(api, currency="EUR")
    assert (answer["outcome"], answer["reason"]) == ("parked", "wrong_currency")
    assert items(api, "/v1/rewards") == []


def test_referral_expires_after_its_deadline(trial_api: Api) -> None:
    api = trial_api
    referral = a_claim(api, a_code(api, a_program(api)))
    expect(api.post("/v1/test-clock/advance", {"seconds": 91 * 86400}), 200)
    shown = expect(api.get(f"/v1/referrals/{referral['id']}"), 200)
    assert (shown["state"], shown["reason"]) == ("expired", "deadline_passed")


def test_purchase_inside_the_window_still_converts_an_expired_referral(trial_api: Api) -> None:
    api = trial_api
    referral = a_claim(api, a_code(api, a_program(api)))
    inside = api.now() + timedelta(days=89)
    expect(api.post("/v1/test-clock/advance", {"seconds": 95 * 86400}), 200)
    assert a_purchase(api, at=inside)["outcome"] == "converted"
    assert expect(api.get(f"/v1/referrals/{referral['id']}"), 200)["state"] == "converted"


def test_self_referral_is_refused_and_kept(api: Api) -> None:
    code = a_code(api, a_program(api))
    refused = api.post("/v1/referrals", {"code": code["code"], "referee": {"customer_id": "alice"}})
    problem = expect(refused, 409)
    assert problem["code"] == "self_referral"
    kept = expect(api.get(f"/v1/referrals/{problem['referral_id']}"), 200)
    assert (kept["state"], kept["reason"]) == ("rejected", "self_referral")


def test_self_referral_by_another_spelling_of_the_address_is_refused(api: Api) -> None:
    a_customer(api, ALICE, email="a.lice@gmail.com")
    code = a_code(api, a_program(api))
    body = {"code": code["code"], "referee": {"customer_id": "alice2", "email": "Alice+new@googlemail.com"}}
    assert expect(api.post("/v1/referrals", body), 409)["code"] == "self_referral"


def test_second_referrer_is_refused_and_same_claim_answers_the_same(api: Api) -> None:
    program = a_program(api)
    first = a_claim(api, a_code(api, program))
    again = api.post(
        "/v1/referrals", {"code": a_code(api, program)["code"], "referee": {"customer_id": BOB.customer_id}}
    )
    assert expect(again, 200) == first
    other = a_code(api, program, referrer=CAROL)
    refused = api.post("/v1/referrals", {"code": other["code"], "referee": {"customer_id": BOB.customer_id}})
    assert expect(refused, 409)["code"] == "already_referred"
    assert expect(refused, 409)["referral_id"] != first["id"]


def test_existing_customer_is_refused(api: Api, clock: FixedClock) -> None:
    code = a_code(api, a_program(api))
    a_purchase(api)
    clock.advance(timedelta(days=8))
    refused = api.post("/v1/referrals", {"code": code["code"], "referee": {"customer_id": BOB.customer_id}})
    assert expect(refused, 409)["code"] == "not_new"


def test_purchase_with_a_code_claims_and_converts_in_one_step(api: Api) -> None:
    code = a_code(api, a_program(api))
    answer = a_purchase(api, code=code["code"])
    assert answer["outcome"] == "converted"
    assert balances(api, "alice") == {"USD": (1000, 0)}


def test_dispute_takes_back_and_winning_it_restores_once(api: Api) -> None:
    a_claim(api, a_code(api, a_program(api)))
    a_purchase(api, order_id="o-1")

    def dispute(event_id: str, status: str) -> str:
        body = {
            "id": event_id,
            "type": "dispute",
            "order_id": "o-1",
            "status": status,
            "occurred_at": "2026-03-01T12:00:00Z",
        }
        return str(expect(api.post("/v1/events", body), 200, 201)["outcome"])

    assert dispute("d-1", "opened") == "reversed"
    assert set(states(api).values()) == {"clawed_back"}
    assert dispute("d-2", "won") == "converted"
    assert dispute("d-3", "won") == "converted"
    assert set(states(api).values()) == {"available"}
    assert balances(api, "alice") == {"USD": (1000, 0)}


def test_explain_says_what_is_missing(api: Api) -> None:
    steps = {"within_days": 30, "steps": [{"key": "first_purchase", "event": "purchase", "min_amount_minor": 1000}]}
    referral = a_claim(api, a_code(api, a_program(api, qualification=steps)))
    a_purchase(api, amount_minor=500)
    told = expect(api.get(f"/v1/referrals/{referral['id']}/explain"), 200)
    assert told["summary"].startswith("Waiting for the first purchase of at least 10.00 USD until 2026-03-31")
    failed = [check for check in told["checks"] if check["rule"] == "qualification.min_amount"]
    assert (failed[0]["required"], failed[0]["observed"], failed[0]["passed"]) == ("10.00 USD", "5.00 USD", False)
    assert told["touches"][0]["counted"] is True
    assert {reward["state"] for reward in told["rewards"]} == {"expected"}
