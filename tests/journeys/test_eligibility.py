"""Whom a program is for: every claim that it is not for is refused, kept with its reason, and judged anew next time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from threading import Barrier
from typing import Any

from asked import statements

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, expect, items, purchase_body
from cast import ALICE, BOB, CAROL, MALLORY, Person
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database

PLUS = {"plan": ["plus", "pro"]}
WAIT_SECONDS = 60


def people(count: int) -> list[Person]:
    return [Person(f"friend-{n}", f"friend-{n}@example.com", "Friend") for n in range(count)]


def refused(api: Api, code: Any, *, referee: Person = BOB, **more: Any) -> str:
    """The code of the problem, having seen that the claim is kept as a rejected referral."""
    answer = expect(api.post("/v1/referrals", {"code": code["code"], "referee": referee.document(), **more}), 409)
    kept = expect(api.get(f"/v1/referrals/{answer['referral_id']}"), 200)
    assert (kept["state"], kept["reason"]) == ("rejected", answer["code"])
    assert len(answer["detail"]) > 40
    return str(answer["code"])


def reject(api: Api, referral: Any) -> None:
    expect(api.post(f"/v1/referrals/{referral['id']}/reject"), 200)


def at_once(api: Api, calls: Sequence[Callable[[Api], Any]]) -> list[Any]:
    """Make each call from a thread and a client of its own, all released by one barrier."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[Api], Any]) -> Any:
        own = Api(api.client.application.test_client(), key=api.key, clock=api.clock)
        barrier.wait(WAIT_SECONDS)
        return call(own)

    with ThreadPoolExecutor(len(calls)) as runners:
        return list(runners.map(run, calls))


def claiming(code: Any, referee: Person) -> Callable[[Api], Any]:
    return lambda api: api.post("/v1/referrals", {"code": code["code"], "referee": referee.document()})


def test_referee_must_match_the_audience_by_what_is_known_at_the_claim(api: Api) -> None:
    code = a_code(api, a_program(api, eligibility={"referee_audience": PLUS}))
    assert refused(api, code) == "not_eligible_referee"
    a_customer(api, BOB, attributes={"plan": "free"})
    assert refused(api, code) == "not_eligible_referee"
    a_customer(api, BOB, attributes={"plan": "pro"})
    referral = a_claim(api, code)
    # What changes afterwards is no matter.
    a_customer(api, BOB, attributes={"plan": "free"})
    assert a_claim(api, code)["id"] == referral["id"]
    assert a_purchase(api)["outcome"] == "converted"


def test_referrer_must_match_the_audience(api: Api) -> None:
    code = a_code(api, a_program(api, eligibility={"referrer_audience": {**PLUS, "country": "UA"}}))
    assert refused(api, code) == "not_eligible_referrer"
    a_customer(api, ALICE, attributes={"plan": "plus"})
    assert refused(api, code) == "not_eligible_referrer"
    a_customer(api, ALICE, attributes={"plan": "plus", "country": "UA"})
    a_claim(api, code)


def test_referrer_must_have_bought_before_the_claim(api: Api, clock: FixedClock) -> None:
    code = a_code(api, a_program(api, eligibility={"referrer_has_purchased": True}))
    assert refused(api, code) == "referrer_has_not_purchased"
    claimed_at = api.now()
    clock.advance(timedelta(hours=1))
    a_purchase(api, customer=ALICE)
    assert refused(api, code, occurred_at=format_rfc3339(claimed_at)) == "referrer_has_not_purchased"
    a_claim(api, code)
    assert {row["state"] for row in items(api, "/v1/referrals")} == {"rejected", "pending"}


def test_a_refund_of_a_purchase_the_referrer_made_makes_no_stranger_of_him(api: Api) -> None:
    code = a_code(api, a_program(api, eligibility={"referrer_has_purchased": True}))
    a_purchase(api, customer=ALICE, order_id="o-alice")
    body = {"id": "r", "type": "refund", "order_id": "o-alice", "refund_id": "1", "occurred_at": _now(api)}
    expect(api.post("/v1/events", {**body, "amount": {"amount_minor": 5000, "currency": "USD"}}), 201)
    a_claim(api, code)


def test_a_purchase_that_carries_a_code_meets_the_same_rules(api: Api) -> None:
    code = a_code(api, a_program(api, eligibility={"referee_audience": PLUS, "referrer_has_purchased": True}))
    a_customer(api, BOB)
    a_customer(api, CAROL, attributes={"plan": "plus"})
    bodies = [purchase_body(at=api.now(), customer=who, code=code["code"]) for who in (BOB, CAROL)]
    answers = [expect(api.post("/v1/events", body), 201) for body in bodies]
    assert [answer["outcome"] for answer in answers] == ["parked", "parked"]
    assert [answer["reason"] for answer in answers] == ["not_eligible_referee", "referrer_has_not_purchased"]
    assert Counter(row["reason"] for row in items(api, "/v1/referrals", state="rejected")) == {
        "not_eligible_referee": 1,
        "referrer_has_not_purchased": 1,
    }
    a_purchase(api, customer=ALICE)
    assert a_purchase(api, customer=CAROL, code=code["code"])["outcome"] == "recorded"


def _now(api: Api) -> str:
    return format_rfc3339(api.now())


# -- one program per referee ------------------------------------------------------------------------------------

ONE = {"one_program_per_referee": True}


def test_a_referee_belongs_to_one_program_where_programs_ask_for_that(api: Api) -> None:
    first, second = (a_program(api, name=name, eligibility=ONE) for name in ("First", "Second"))
    referral = a_claim(api, a_code(api, first))
    # The same referrer or another one: it is the program that is the second.
    assert refused(api, a_code(api, second)) == "already_referred"
    assert refused(api, a_code(api, second, referrer=CAROL)) == "already_referred"
    assert a_claim(api, a_code(api, first))["id"] == referral["id"]
    a_claim(api, a_code(api, second), referee=MALLORY)


def test_a_program_that_does_not_ask_for_it_is_not_concerned(api: Api) -> None:
    asks, plain = a_program(api, eligibility=ONE), a_program(api, name="Plain")
    a_claim(api, a_code(api, plain))
    a_claim(api, a_code(api, asks))
    a_claim(api, a_code(api, plain), referee=CAROL)
    a_claim(api, a_code(api, a_program(api, name="Another")))


def test_the_place_comes_free_when_its_referral_is_rejected(api: Api) -> None:
    first, second = (a_program(api, name=name, eligibility=ONE) for name in ("First", "Second"))
    referral = a_claim(api, a_code(api, first))
    code = a_code(api, second)
    assert refused(api, code) == "already_referred"
    reject(api, referral)
    taken = a_claim(api, code)
    assert refused(api, a_code(api, first)) == "already_referred"
    assert expect(api.get(f"/v1/referrals/{taken['id']}"), 200)["state"] == "pending"


def test_the_place_comes_free_when_the_referee_turns_out_not_to_be_new(api: Api) -> None:
    first, second = (a_program(api, name=name, eligibility=ONE) for name in ("First", "Second"))
    referral = a_claim(api, a_code(api, first))
    a_purchase(api, at=api.now() - timedelta(days=30))
    assert expect(api.get(f"/v1/referrals/{referral['id']}"), 200)["reason"] == "not_new"
    assert refused(api, a_code(api, second)) == "not_new"


def test_of_eight_programs_that_claim_a_referee_at_once_one_gets_him(api: Api) -> None:
    codes = [a_code(api, a_program(api, name=f"Program {n}", eligibility=ONE)) for n in range(8)]
    for referee in people(3):
        ran = at_once(api, [claiming(code, referee) for code in codes])
        assert Counter(answer.status_code for answer in ran) == {201: 1, 409: 7}
        assert {answer.json["code"] for answer in ran if answer.status_code == 409} == {"already_referred"}
        held = [row for row in items(api, "/v1/referrals", referee=referee.customer_id) if row["state"] == "pending"]
        assert len(held) == 1


# -- so many referees per referrer --------------------------------------------------------------------------------


def test_a_referrer_has_as_many_referees_as_the_program_allows(api: Api) -> None:
    program = a_program(api, eligibility={"max_referees_per_referrer": 2})
    code = a_code(api, program)
    bob, carol, *_ = [a_claim(api, code, referee=who) for who in (BOB, CAROL)]
    assert refused(api, code, referee=MALLORY) == "too_many_referees"
    # The same claim again is no further one, and another referrer has places of his own.
    assert a_claim(api, code, referee=BOB)["id"] == bob["id"]
    a_claim(api, a_code(api, program, referrer=CAROL), referee=MALLORY)
    reject(api, carol)
    friend, last = people(2)
    a_claim(api, code, referee=friend)
    assert refused(api, code, referee=last) == "too_many_referees"


def test_an_expired_referral_keeps_its_place(trial_api: Api) -> None:
    api = trial_api
    eligibility, qualification = {"max_referees_per_referrer": 1}, {"within_days": 1}
    code = a_code(api, a_program(api, eligibility=eligibility, qualification=qualification))
    a_claim(api, code)
    expect(api.post("/v1/test-clock/advance", {"seconds": 2 * 86400}), 200)
    assert [row["state"] for row in items(api, "/v1/referrals")] == ["expired"]
    assert refused(api, code, referee=CAROL) == "too_many_referees"


def test_referrals_from_before_there_was_a_bound_are_counted(api: Api) -> None:
    program = a_program(api)
    code = a_code(api, program)
    for referee in (BOB, CAROL):
        a_claim(api, code, referee=referee)
    bounded = {**program["terms"], "eligibility": {"max_referees_per_referrer": 3}}
    expect(api.patch(f"/v1/programs/{program['id']}", {"terms": bounded}), 200)
    third, fourth = people(2)
    a_claim(api, code, referee=third)
    assert refused(api, code, referee=fourth) == "too_many_referees"


def test_of_eight_friends_who_come_at_once_as_many_are_accepted_as_there_are_places(api: Api) -> None:
    code = a_code(api, a_program(api, eligibility={"max_referees_per_referrer": 3}))
    friends = people(8)
    ran = at_once(api, [claiming(code, friend) for friend in friends])
    assert Counter(answer.status_code for answer in ran) == {201: 3, 409: 5}
    assert {answer.json["code"] for answer in ran if answer.status_code == 409} == {"too_many_referees"}
    reject(api, items(api, "/v1/referrals", state="pending")[0])
    ran = at_once(api, [claiming(code, friend) for friend in people(16)[8:]])
    assert Counter(answer.status_code for answer in ran) == {201: 1, 409: 7}


def test_batches_that_claim_for_the_same_referrers_in_any_order_wait_for_each_other_and_fail_for_none(api: Api) -> None:
    program = a_program(api, eligibility={"max_referees_per_referrer": 4})
    codes = [a_code(api, program, referrer=who) for who in (ALICE, CAROL, MALLORY)]
    random = Random(20260301)

    def batch(number: int) -> list[Any]:
        friends = [Person(f"friend-{number}-{n}", "", "") for n in range(9)]
        return [purchase_body(at=api.now(), customer=who, code=random.choice(codes)["code"]) for who in friends]

    batches = [batch(number) for number in range(6)]
    ran = at_once(api, [lambda api, batch=batch: api.post("/v1/events", {"events": batch}) for batch in batches])  # type: ignore[misc]
    assert [answer.status_code for answer in ran] == [200] * 6
    assert len(items(api, "/v1/referrals", state="converted")) == 12


def test_purchases_that_claim_at_once_take_no_more_places_than_there_are(api: Api) -> None:
    code = a_code(api, a_program(api, eligibility={"max_referees_per_referrer": 2}))
    bodies = [purchase_body(at=api.now(), customer=friend, code=code["code"]) for friend in people(6)]
    ran = at_once(api, [lambda api, body=body: api.post("/v1/events", body) for body in bodies])  # type: ignore[misc]
    assert Counter(answer.json["outcome"] for answer in ran) == {"converted": 2, "parked": 4}
    assert {answer.json["reason"] for answer in ran if answer.json["outcome"] == "parked"} == {"too_many_referees"}


def test_a_dry_run_tells_of_the_last_place_and_takes_no_lock_on_it(api: Api, database: Database) -> None:
    eligibility = {"max_referees_per_referrer": 1, "one_program_per_referee": True}
    code = a_code(api, a_program(api, eligibility=eligibility))
    with statements(database, "_anchors") as of_anchors:
        bodies = [purchase_body(at=api.now(), customer=who, code=code["code"]) for who in (BOB, CAROL)]
        told = [expect(api.post("/v1/events", body, dry_run="true"), 200)["outcome"] for body in bodies]
    assert told == ["converted", "converted"]
    assert [statement for statement in of_anchors if "SELECT" not in statement] == []
    assert items(api, "/v1/referrals") == []
    assert [expect(api.post("/v1/events", body), 201)["outcome"] for body in bodies] == ["converted", "parked"]
    again = purchase_body(at=api.now(), customer=MALLORY, code=code["code"])
    assert expect(api.post("/v1/events", again, dry_run="true"), 200)["reason"] == "too_many_referees"
