"""A recipe's program in a test app, played over HTTP: what its customers do, the days that pass, what they get."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from builders import Api, a_claim, a_code, a_purchase, a_refund, expect, items
from cast import Person
from referral_service.kit.clock import format_rfc3339, parse_rfc3339
from referral_service.programs.load_recipe import load_recipe

_numbers = count(1)


def friend(number: int) -> Person:
    """One of many friends."""
    return Person(f"friend-{number:02}", f"friend-{number:02}@example.com", f"Friend {number}")


class Play:
    """One program, made from a recipe and active, in an app whose time is moved as the story wants it."""

    def __init__(self, api: Api, recipe: str, **settings: str) -> None:
        """`settings` are what `--set` would say, with two underscores in place of each dot."""
        self.api = api
        self.now = api.now()
        said = {path.replace("__", "."): value for path, value in settings.items()}
        self.program = expect(api.post("/v1/programs", load_recipe(recipe, said, now=self.now)), 201)
        self.program = expect(api.post(f"/v1/programs/{self.program['id']}/activate"), 200)

    # --- what happens --------------------------------------------------------------------------------------------

    def days_pass(self, days: float) -> None:
        """Let days pass, and what falls due in them happen."""
        self.time_comes(self.now + timedelta(days=days))

    def time_comes(self, moment: datetime) -> None:
        """Let time pass until a moment."""
        answer = expect(self.api.post("/v1/test-clock/advance", {"to": format_rfc3339(moment)}), 200)
        self.now = parse_rfc3339(answer["now"])

    def invite(self, referrer: Person, referee: Person) -> Any:
        """Let the referee sign up with the referrer's code; gives the referral."""
        return a_claim(self.api, a_code(self.api, self.program, referrer=referrer), referee=referee)

    def pay(self, customer: Person, amount_minor: int, *, order_id: str | None = None, **more: Any) -> Any:
        """Let a customer pay now; gives the answer to the event."""
        said = {} if order_id is None else {"order_id": order_id}
        return a_purchase(self.api, at=self.now, customer=customer, amount_minor=amount_minor, **said, **more)

    def refund(self, order_id: str, *, in_all_minor: int) -> Any:
        """Tell how much of an order has been given back in all."""
        return a_refund(self.api, order_id=order_id, refunded_total_minor=in_all_minor, at=self.now)

    def happened(self, customer: Person, event: str) -> dict[str, Any]:
        """Return a custom event, to be told alone or among many."""
        return {
            "id": f"happened-{next(_numbers):06}",
            "type": event,
            "customer_id": customer.customer_id,
            "occurred_at": format_rfc3339(self.now),
        }

    def tell(self, *events: dict[str, Any]) -> list[Any]:
        """Tell of events in one batch; gives their results."""
        results: list[Any] = expect(self.api.post("/v1/events", {"events": list(events)}), 200)["results"]
        assert [result for result in results if result["outcome"] == "invalid"] == []
        return results

    def tell_of(self, customer: Person, event: str) -> Any:
        """Tell of one custom event; gives its result."""
        return self.tell(self.happened(customer, event))[0]

    def is_a(self, customer: Person, **attributes: str) -> None:
        """Tell what is known of a customer."""
        body = {"email": customer.email, "display_name": customer.display_name, "attributes": attributes}
        expect(self.api.put(f"/v1/customers/{customer.customer_id}", body), 200, 201)

    def spend(self, customer: Person, amount: int, unit: str, *, status: int = 201) -> Any:
        """Spend from the wallet."""
        body = {"unit": unit, "amount": amount, "reference": f"spent-{next(_numbers)}"}
        return expect(self.api.post(f"/v1/customers/{customer.customer_id}/redemptions", body), status)

    def use(self, coupon: Any, *, order_id: str, status: int = 200) -> Any:
        """Use a coupon on an order."""
        return expect(self.api.post(f"/v1/coupons/{coupon['code']}/redeem", {"order_id": order_id}), status)

    # --- what comes of it ----------------------------------------------------------------------------------------

    def rewards(self, customer: Person | None = None, key: str | None = None) -> list[Any]:
        """Return rewards, in the order in which they were made."""
        who = {} if customer is None else {"customer_id": customer.customer_id}
        found = [it for it in items(self.api, "/v1/rewards", limit=100, **who) if key in (None, it["key"])]
        return sorted(found, key=lambda it: (it["created_at"], it["ordinal"], it["id"]))

    def reward(self, customer: Person, key: str | None = None) -> Any:
        """Return the customer's only reward, or only one of this key."""
        (found,) = self.rewards(customer, key)
        return found

    def states(self, customer: Person) -> list[tuple[str, str, str | None]]:
        """Return key, state and reason of each reward of a customer."""
        return [(it["key"], it["state"], it["reason"]) for it in self.rewards(customer)]

    def balance(self, customer: Person, unit: str) -> tuple[int, int]:
        """Return what is available and what is pending, in minor units of money, whole units of everything else."""
        listed = expect(self.api.get(f"/v1/customers/{customer.customer_id}/balances"), 200)["items"]
        found = {row["unit"]: (row["available"], row["pending"]) for row in listed}
        return found.get(unit, (0, 0))

    def coupon(self, code: str) -> Any:
        return expect(self.api.get(f"/v1/coupons/{code}"), 200)

    def referral(self, referral: Any) -> Any:
        """Return a referral as it is now."""
        return expect(self.api.get(f"/v1/referrals/{referral['id']}"), 200)


def amount_of(reward: Any) -> int:
    """What a reward was granted for, in minor units or whole units."""
    return _number(reward["amount"])


def left_of(reward: Any) -> int:
    """What is left of a reward after all that was taken back."""
    return _number(reward["amount"]) - _number(reward["reversed"])


def _number(amount: dict[str, Any]) -> int:
    found: int = amount["amount_minor"] if "amount_minor" in amount else amount["quantity"]
    return found
