"""What a program owes now, what it holds, and what open referrals could still cost."""

from __future__ import annotations

from typing import Any

import pytest

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, a_refund, both_sides, credit, expect
from cast import ALICE, BOB, CAROL
from referral_service.insights.liability import fixed_amount
from referral_service.kit.clock import format_rfc3339
from referral_service.programs.terms.document import Reward
from referral_service.programs.terms.parse import parse_terms


def owed(api: Api, program: Any) -> dict[str, tuple[int, int, int]]:
    found = expect(api.get(f"/v1/programs/{program['id']}/liability"), 200)
    return {item["unit"]: (item["outstanding"], item["held"], item["expected"]) for item in found["items"]}


def referred(api: Api, **terms: Any) -> Any:
    """A program in which Bob is Alice's open referral."""
    program = a_program(api, **terms)
    a_customer(api, ALICE)
    a_claim(api, a_code(api, program), referee=BOB)
    return program


def test_a_new_program_owes_nothing_in_the_units_it_gives(api: Api) -> None:
    points = {"key": "p", "side": "referee", "on": "converted", "give": {"kind": "points", "quantity": 5}}
    program = a_program(api, rewards=[credit(key="c", side="referrer"), points])

    assert owed(api, program) == {"USD": (0, 0, 0), "points": (0, 0, 0)}


def test_an_open_referral_is_expected_until_it_converts_and_held_until_it_is_released(api: Api) -> None:
    held = credit(key="held", side="referrer", amount_minor=1000, hold_days=14)
    program = referred(api, rewards=[held, credit(key="free", side="referee", amount_minor=500)])
    assert owed(api, program) == {"USD": (0, 0, 1500)}

    a_purchase(api, customer=BOB)
    assert owed(api, program) == {"USD": (500, 1000, 0)}


def test_what_is_spent_is_owed_no_more_and_what_is_taken_back_then_is_owed_to_the_program(api: Api) -> None:
    program = referred(api)
    a_purchase(api, customer=BOB, order_id="o-1")
    assert owed(api, program) == {"USD": (1500, 0, 0)}

    spent = {"unit": "USD", "amount": 400, "reference": "o-9"}
    expect(api.post("/v1/customers/alice/redemptions", spent), 201)
    assert owed(api, program) == {"USD": (1100, 0, 0)}

    a_refund(api, order_id="o-1")
    assert owed(api, program) == {"USD": (-400, 0, 0)}


def test_each_open_referral_is_expected_by_the_terms_it_was_claimed_under(api: Api) -> None:
    program = referred(api)
    terms: dict[str, Any] = {"currency": "USD", "rewards": both_sides()}
    terms["rewards"][0]["give"]["amount_minor"] = 4000
    expect(api.patch(f"/v1/programs/{program['id']}", {"terms": terms}), 200)
    a_claim(api, a_code(api, program), referee=CAROL)

    assert owed(api, program) == {"USD": (0, 0, 1500 + 4500)}


def test_a_referral_that_expired_is_expected_no_more(trial_api: Api) -> None:
    program = referred(trial_api, qualification={"within_days": 10})

    expect(trial_api.post("/v1/test-clock/advance", {"seconds": 86_400 * 11}), 200)

    assert owed(trial_api, program) == {"USD": (0, 0, 0)}


def test_programs_are_told_apart(api: Api) -> None:
    program = referred(api)
    other = a_program(api, name="Other")
    a_purchase(api, customer=BOB)

    assert owed(api, other) == {"USD": (0, 0, 0)}
    assert owed(api, program) == {"USD": (1500, 0, 0)}


@pytest.mark.parametrize(
    ("said", "amount"),
    [
        ({}, 1000),
        ({"on": "step:first_purchase"}, 1000),
        ({"give": {"kind": "points", "quantity": 5}}, 5),
        ({"give": {"kind": "quota", "quantity": 500, "unit": "MB"}}, 500),
        # These hang on a purchase, on the n-th, or on another moment; or no wallet holds them.
        ({"give": {"kind": "points", "quantity": 5, "per_minor": 100}}, 0),
        ({"give": {"kind": "percent", "percent": "10.00", "max_amount_minor": 3000}}, 0),
        ({"give": {"kind": "coupon", "percent_off": "15.00", "valid_days": 30}}, 0),
        ({"every": 3}, 0),
        ({"milestones": [{"at": 3, "amount_minor": 5000}]}, 0),
        ({"on": "claimed"}, 0),
        ({"on": "repeat_purchase"}, 0),
    ],
)
def test_what_a_conversion_certainly_brings(said: dict[str, Any], amount: int) -> None:
    document, _ = parse_terms({"currency": "USD", "rewards": [credit(key="c", side="referrer") | said]})

    assert fixed_amount(Reward.from_document(document["rewards"][0])) == amount


def test_what_a_step_has_granted_already_is_expected_no_more(api: Api) -> None:
    steps = [{"key": "joined", "event": "signup"}, {"key": "bought", "event": "purchase"}]
    rewards = [
        credit(key="joining", side="referee", on="step:joined", amount_minor=300),
        credit(key="buying", side="referrer", on="converted", amount_minor=700),
    ]
    program = referred(api, qualification={"steps": steps}, rewards=rewards)
    a_claim(api, a_code(api, program), referee=CAROL)
    assert owed(api, program) == {"USD": (0, 0, 2 * 1000)}

    signup = {"id": "e-signup", "type": "signup", "customer_id": "bob", "occurred_at": format_rfc3339(api.now())}
    expect(api.post("/v1/events", signup), 201)
    assert owed(api, program) == {"USD": (300, 0, 700 + 1000)}

    a_purchase(api, customer=BOB)
    assert owed(api, program) == {"USD": (1000, 0, 1000)}


def test_an_offer_is_held_until_it_is_accepted(api: Api) -> None:
    offered = credit(key="offer", side="referrer", amount_minor=700, accept_within_days=10)
    program = referred(api, rewards=[offered])

    a_purchase(api, customer=BOB)

    assert owed(api, program) == {"USD": (0, 700, 0)}


def test_a_coupon_is_no_balance(api: Api) -> None:
    give = {"kind": "coupon", "percent_off": "15.00", "valid_days": 30}
    program = referred(api, rewards=[{"key": "c", "side": "referee", "on": "claimed", "give": give}])

    assert owed(api, program) == {}
