"""Campaign 3 of SAFETY.md: what eight runners try to do at the same instant, and what must have come of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from campaigns.races.arena import RUNNERS, Arena, Call, Ran

from builders import a_claim, a_code, a_purchase, a_refund, purchase_body
from cast import ALICE, Person
from referral_service.kit.clock import format_rfc3339

REWARDED = ["referee available 500-0", "referrer available 1000-0"]


def telling(body: Any) -> Call:
    return lambda api: api.post("/v1/events", body)


def claiming(body: Any) -> Call:
    return lambda api: api.post("/v1/referrals", body)


def statuses(ran: list[Ran]) -> dict[int, int]:
    return dict(Counter(one.status for one in ran))


def rewarded_once(arena: Arena, bob: Person) -> None:
    """Bob's one referral has converted, and each side has its one reward."""
    found = arena.referrals(bob)
    arena.expect("states of the referee's referrals", [row["state"] for row in found], ["converted"])
    arena.expect("rewards", [arena.rewards(row) for row in found], [REWARDED])


def one_purchase_told_eight_times(arena: Arena) -> None:
    arena.open()
    for bob in arena.people():
        a_claim(arena.api, arena.code, referee=bob)
        ran = arena.at_once([telling(purchase_body(at=arena.clock.now(), customer=bob))] * RUNNERS)
        arena.expect("statuses", statuses(ran), {201: 1, 200: RUNNERS - 1})
        arena.expect("the rewards that are told", len({str(one.body.get("reward_ids")) for one in ran}), 1)
        rewarded_once(arena, bob)


def one_order_under_eight_event_ids(arena: Arena) -> None:
    arena.open()
    for bob in arena.people():
        a_claim(arena.api, arena.code, referee=bob)
        order = f"order-of-{bob.customer_id}"
        bodies = [purchase_body(at=arena.clock.now(), customer=bob, order_id=order) for _ in range(RUNNERS)]
        ran = arena.at_once([telling(body) for body in bodies])
        arena.expect("statuses", statuses(ran), {201: 1, 200: RUNNERS - 1})
        rewarded_once(arena, bob)


def eight_orders_of_one_person(arena: Arena) -> None:
    """The first purchase counts, whichever that is."""
    arena.open()
    for bob in arena.people():
        a_claim(arena.api, arena.code, referee=bob)
        bodies = [purchase_body(at=arena.clock.now(), customer=bob) for _ in range(RUNNERS)]
        ran = arena.at_once([telling(body) for body in bodies])
        arena.expect("statuses", statuses(ran), {201: RUNNERS})
        rewarded_once(arena, bob)


def eight_referrers_claim_one_person(arena: Arena) -> None:
    arena.open()
    referrers = [Person(f"alice-{n}", f"alice-{n}@example.com", "Alice") for n in range(RUNNERS)]
    codes = [a_code(arena.api, arena.program, referrer=referrer) for referrer in referrers]
    for bob in arena.people():
        bodies = [{"code": code["code"], "referee": bob.document()} for code in codes]
        ran = arena.at_once([claiming(body) for body in bodies])
        arena.expect("statuses", statuses(ran), {201: 1, 409: RUNNERS - 1})
        refused = {one.body.get("code") for one in ran if one.status == 409}
        arena.expect("reasons", refused, {"already_referred"})
        states = Counter(row["state"] for row in arena.referrals(bob))
        arena.expect("referrals", dict(states), {"pending": 1, "rejected": RUNNERS - 1})


def one_claim_made_eight_times(arena: Arena) -> None:
    arena.open()
    for bob in arena.people():
        body = {"code": arena.code["code"], "referee": bob.document()}
        ran = arena.at_once([claiming(body)] * RUNNERS)
        arena.expect("statuses", statuses(ran), {201: 1, 200: RUNNERS - 1})
        arena.expect("referrals", [row["state"] for row in arena.referrals(bob)], ["pending"])


def eight_codes_for_one_customer(arena: Arena) -> None:
    arena.open()
    path = f"/v1/programs/{arena.program['id']}/codes"
    for bob in arena.people():
        ran = arena.at_once([lambda api, bob=bob: api.post(path, {"customer_id": bob.customer_id})] * RUNNERS)  # type: ignore[misc]
        arena.expect("statuses", statuses(ran), {201: 1, 200: RUNNERS - 1})
        arena.expect("codes", len({one.body.get("code") for one in ran}), 1)


def a_purchase_and_a_claim_of_one_person(arena: Arena) -> None:
    arena.open()
    for bob in arena.people():
        claim = claiming({"code": arena.code["code"], "referee": bob.document()})
        purchase = telling(purchase_body(at=arena.clock.now(), customer=bob))
        arena.at_once([claim, purchase] * (RUNNERS // 2))
        arena.work()
        rewarded_once(arena, bob)


def a_purchase_and_its_refund(arena: Arena) -> None:
    """Whichever comes first, in the end nobody has anything of it."""
    arena.open()
    for bob in arena.people():
        a_claim(arena.api, arena.code, referee=bob)
        order = f"order-of-{bob.customer_id}"
        purchase = purchase_body(at=arena.clock.now(), customer=bob, order_id=order)
        if arena.is_known(bob):
            # So is his order, then, by a refund that came too early.
            a_refund(arena.api, order_id=order, refunded_total_minor=1)
        refund = {
            "id": f"refund-of-{order}",
            "type": "refund",
            "order_id": order,
            "refunded_total": purchase["amount"],
            "occurred_at": format_rfc3339(arena.clock.now()),
        }
        arena.at_once([telling(purchase), telling(refund)] * (RUNNERS // 2))
        arena.expect("states", [row["state"] for row in arena.referrals(bob)], ["reversed"])
        arena.expect("balances", (arena.available(), arena.available(bob)), (0, 0))


def the_last_of_a_balance_is_spent(arena: Arena) -> None:
    arena.open()
    path = f"/v1/customers/{ALICE.customer_id}/redemptions"
    body = {"unit": "USD", "amount": 1000, "reference": "order o-9"}
    for bob in arena.people():
        a_claim(arena.api, arena.code, referee=bob)
        a_purchase(arena.api, customer=bob)
        ran = arena.at_once([lambda api: api.post(path, body)] * RUNNERS)
        arena.expect("statuses", statuses(ran), {201: 1, 409: RUNNERS - 1})
        arena.expect("what is left", arena.available(), 0)


def one_redemption_sent_eight_times(arena: Arena) -> None:
    """With an Idempotency-Key it happens once, and each sender is told so."""
    arena.open()
    path = f"/v1/customers/{ALICE.customer_id}/redemptions"
    body = {"unit": "USD", "amount": 400, "reference": "order o-9"}
    for number, bob in enumerate(arena.people(), start=1):
        a_claim(arena.api, arena.code, referee=bob)
        a_purchase(arena.api, customer=bob)
        key = f"spend-{number}"
        ran = arena.at_once([lambda api, key=key: api.post(path, body, idempotency_key=key)] * RUNNERS)  # type: ignore[misc]
        arena.expect("statuses", statuses(ran), {201: RUNNERS})
        arena.expect("redemptions", len({one.body.get("id") for one in ran}), 1)
        arena.expect("what is left", arena.available(), 600 * number)


RACES: dict[str, Callable[[Arena], None]] = {
    race.__name__: race
    for race in (
        one_purchase_told_eight_times,
        one_order_under_eight_event_ids,
        eight_orders_of_one_person,
        eight_referrers_claim_one_person,
        one_claim_made_eight_times,
        eight_codes_for_one_customer,
        a_purchase_and_a_claim_of_one_person,
        a_purchase_and_its_refund,
        the_last_of_a_balance_is_spent,
        one_redemption_sent_eight_times,
    )
}
