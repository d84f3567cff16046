"""Campaign 3 of SAFETY.md on what many share: the last slot of a cap, the last of a budget, one coupon, one offer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from campaigns.races.arena import RUNNERS, Arena, Call

from builders import a_claim, a_code, a_purchase, credit, expect, items, purchase_body
from cast import ALICE, Person
from referral_service.kit.clock import format_rfc3339


def friends(bob: Person) -> list[Person]:
    """As many friends of this round as there are runners."""
    return [Person(f"{bob.customer_id}-{n}", f"{bob.customer_id}-{n}@example.com", "Bob") for n in range(RUNNERS)]


def buying(arena: Arena, people: list[Person]) -> list[Call]:
    bodies = [purchase_body(at=arena.clock.now(), customer=person) for person in people]
    return [lambda api, body=body: api.post("/v1/events", body) for body in bodies]  # type: ignore[misc]


def states(arena: Arena, key: str, people: list[Person]) -> dict[str, int]:
    """In what states the rewards of this key stand that come from these people's referrals."""
    referrals = {row["id"] for person in people for row in arena.referrals(person)}
    found = items(arena.api, "/v1/rewards", program_id=arena.program["id"], limit=100)
    return dict(Counter(row["state"] for row in found if row["key"] == key and row["referral_id"] in referrals))


def the_last_slot_of_a_cap(arena: Arena) -> None:
    """Each round has a program of its own, of whose cap one slot is left; eight friends buy at once."""
    for bob in arena.people():
        rewards = [
            credit(key="thanks", side="referrer", cap={"count": 3}),
            credit(key="welcome", side="referee", amount_minor=500),
        ]
        arena.open(rewards=rewards)
        first, *others = friends(bob)
        before = Person(f"{bob.customer_id}-x", f"{bob.customer_id}-x@example.com", "Bob")
        for person in [before, first, *others]:
            a_claim(arena.api, arena.code, referee=person)
        for person in (before, first):
            a_purchase(arena.api, customer=person)
        arena.at_once(buying(arena, others))
        arena.expect("thanks", states(arena, "thanks", others), {"available": 1, "capped": RUNNERS - 2})
        # One side's cap never costs the other its reward.
        arena.expect("welcome", states(arena, "welcome", others), {"available": RUNNERS - 1})


def the_last_of_a_budget(arena: Arena) -> None:
    """Eight referrals of eight referrers convert at once, and the budget, all they share, holds two and a half."""
    referrers = [Person(f"alice-{n}", f"alice-{n}@example.com", "Alice") for n in range(RUNNERS)]
    for bob in arena.people():
        arena.open(rewards=[credit(key="thanks", side="referrer", amount_minor=1000)], budget={"amount_minor": 2500})
        people = friends(bob)
        for referrer, person in zip(referrers, people, strict=True):
            a_claim(arena.api, a_code(arena.api, arena.program, referrer=referrer), referee=person)
        arena.at_once(buying(arena, people))
        arena.expect("thanks", states(arena, "thanks", people), {"available": 3, "capped": RUNNERS - 3})
        found = items(arena.api, "/v1/rewards", program_id=arena.program["id"])
        arena.expect("what was granted", sum(row["amount"]["amount_minor"] for row in found), 2500)


def a_slot_that_comes_back_while_others_want_it(arena: Arena) -> None:
    """A refund gives a slot back while seven friends buy: nobody is granted above the cap, and no slot is lost."""
    for bob in arena.people():
        arena.open(rewards=[credit(key="thanks", side="referrer", cap={"count": 2})])
        people = friends(bob)
        for person in people:
            a_claim(arena.api, arena.code, referee=person)
        first = people[0]
        order = f"order-of-{first.customer_id}"
        a_purchase(arena.api, customer=first, order_id=order)
        refund = {
            "id": f"refund-of-{order}", "type": "refund", "order_id": order,
            "refunded_total": {"amount_minor": 5000, "currency": "USD"},
            "occurred_at": format_rfc3339(arena.clock.now()),
        }  # fmt: skip
        arena.at_once([lambda api, refund=refund: api.post("/v1/events", refund), *buying(arena, people[1:])])  # type: ignore[misc]
        found = states(arena, "thanks", people)
        arena.expect("taken back", found.get("clawed_back"), 1)
        arena.expect("never above the cap, never below what was free", found.get("available") in (1, 2), True)
        a_claim(arena.api, arena.code, referee=bob)
        a_purchase(arena.api, customer=bob)
        now = states(arena, "thanks", [*people, bob]).get("available")
        arena.expect("the cap is full in the end", now, 2)


def one_coupon_for_eight_orders(arena: Arena) -> None:
    give = {"kind": "coupon", "percent_off": "15.00", "valid_days": 30, "prefix": "FRIEND"}
    arena.open(rewards=[{"key": "welcome", "side": "referee", "on": "claimed", "give": give}])
    for bob in arena.people():
        referral = a_claim(arena.api, arena.code, referee=bob)
        (reward,) = items(arena.api, "/v1/rewards", referral_id=referral["id"])
        path = f"/v1/coupons/{reward['coupon']['code']}/redeem"
        calls: list[Call] = [
            lambda api, n=n: api.post(path, {"order_id": f"order-{n}"})  # type: ignore[misc]  # noqa: B023 - called at once
            for n in range(RUNNERS)
        ]
        ran = arena.at_once(calls)
        arena.expect("statuses", dict(Counter(one.status for one in ran)), {200: 1, 409: RUNNERS - 1})
        after = expect(arena.api.get(f"/v1/rewards/{reward['id']}"), 200)
        arena.expect("reward", (after["state"], after["coupon"]["state"]), ("redeemed", "redeemed"))


def what_is_spent_while_it_is_clawed_back(arena: Arena) -> None:
    """Whoever comes first: what was spent is owed, and nothing is lost or made."""
    arena.open(rewards=[credit(key="thanks", side="referrer")])
    spend: dict[str, Any] = {"unit": "USD", "amount": 1000, "reference": "order o-9"}
    path = f"/v1/customers/{ALICE.customer_id}/redemptions"
    for bob in arena.people():
        a_claim(arena.api, arena.code, referee=bob)
        order = f"order-of-{bob.customer_id}"
        before = arena.available()
        a_purchase(arena.api, customer=bob, order_id=order)
        refund = {
            "id": f"refund-of-{order}", "type": "refund", "order_id": order,
            "refunded_total": {"amount_minor": 5000, "currency": "USD"},
            "occurred_at": format_rfc3339(arena.clock.now()),
        }  # fmt: skip
        calls: list[Call] = [
            lambda api: api.post(path, spend),
            lambda api, refund=refund: api.post("/v1/events", refund),  # type: ignore[misc]
        ]
        ran = arena.at_once(calls * (RUNNERS // 2))
        spent = sum(1 for one in ran if one.status == 201 and one.body.get("reference") == spend["reference"])
        arena.expect("the balance", arena.available() - before, -1000 * spent)


LIMIT_RACES: dict[str, Callable[[Arena], None]] = {
    race.__name__: race
    for race in (
        the_last_slot_of_a_cap,
        the_last_of_a_budget,
        a_slot_that_comes_back_while_others_want_it,
        one_coupon_for_eight_orders,
        what_is_spent_while_it_is_clawed_back,
    )
}
