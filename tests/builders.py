"""What tests ask the service for over HTTP, in one line each. Every builder insists on success."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import Any

from flask.testing import FlaskClient

from cast import ALICE, BOB, Person
from referral_service.kit.clock import Clock, format_rfc3339

# Written in one width: of two facts at one instant the name decides, and here time stands still.
_numbers = count(1)


class Api:
    """A client of the API with a key. What is answered comes back as it is: look at `status_code` and `json`."""

    def __init__(self, client: FlaskClient, *, key: str | None, clock: Clock) -> None:
        self.client = client
        self.key = key
        self.clock = clock

    def with_key(self, key: str | None) -> Api:
        """Return the same client with another key, or with none."""
        return Api(self.client, key=key, clock=self.clock)

    def now(self) -> datetime:
        """Return real time, which is also a live app's business time."""
        return self.clock.now()

    def get(self, path: str, **query: Any) -> Any:
        return self.call("GET", path, query=query)

    def post(self, path: str, json: Any = None, *, idempotency_key: str | None = None, **query: Any) -> Any:
        return self.call("POST", path, json=json, idempotency_key=idempotency_key, query=query)

    def put(self, path: str, json: Any = None) -> Any:
        return self.call("PUT", path, json=json)

    def patch(self, path: str, json: Any = None) -> Any:
        return self.call("PATCH", path, json=json)

    def delete(self, path: str) -> Any:
        return self.call("DELETE", path)

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        data: bytes | None = None,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Any:
        """Send one request; `data` is a raw body, `json` one to be written."""
        sent = dict(headers or {})
        if self.key is not None:
            sent.setdefault("Authorization", f"Bearer {self.key}")
        if idempotency_key is not None:
            sent["Idempotency-Key"] = idempotency_key
        return self.client.open(path, method=method, json=json, data=data, query_string=query or None, headers=sent)


def expect(response: Any, *statuses: int) -> Any:
    """Return the answer's document, having seen that its status is one of these."""
    assert response.status_code in statuses, f"{response.status_code}: {response.get_data(as_text=True)}"
    return response.json if response.get_data() else None


def credit(*, key: str, side: str, amount_minor: int = 1000, **more: Any) -> dict[str, Any]:
    """Return a reward of money on the conversion."""
    return {
        "key": key,
        "side": side,
        "on": "converted",
        "give": {"kind": "credit", "amount_minor": amount_minor},
        **more,
    }


def both_sides(**more: Any) -> list[dict[str, Any]]:
    """Return ten dollars for the referrer and five for the referee."""
    return [
        credit(key="referrer_credit", side="referrer", amount_minor=1000, **more),
        credit(key="referee_credit", side="referee", amount_minor=500, **more),
    ]


def a_program(api: Api, *, activate: bool = True, name: str = "Ride credit", **terms: Any) -> Any:
    """Create a program, and activate it. Keyword arguments replace parts of its terms."""
    body = {
        "name": name,
        "landing_url": "https://shop.example/welcome",
        "allowed_hosts": ["shop.example"],
        "terms": {"currency": "USD", "rewards": both_sides(), **terms},
    }
    program = expect(api.post("/v1/programs", body), 201)
    if activate:
        program = expect(api.post(f"/v1/programs/{program['id']}/activate"), 200)
    return program


def a_customer(api: Api, person: Person = ALICE, **more: Any) -> Any:
    """Tell the service of a customer."""
    body = {"email": person.email, "display_name": person.display_name, **more}
    return expect(api.put(f"/v1/customers/{person.customer_id}", body), 200, 201)


def a_code(api: Api, program: Any, *, referrer: Person = ALICE, **more: Any) -> Any:
    """Return the referrer's code, made on the first call."""
    body = {"customer_id": referrer.customer_id, **more}
    return expect(api.post(f"/v1/programs/{program['id']}/codes", body), 200, 201)


def a_claim(api: Api, code: Any, *, referee: Person = BOB, **more: Any) -> Any:
    """Tie the referee to the code's owner."""
    body = {"code": code["code"], "referee": referee.document(), **more}
    return expect(api.post("/v1/referrals", body), 200, 201)


def purchase_body(
    *,
    at: datetime,
    customer: Person = BOB,
    amount_minor: int = 5000,
    currency: str = "USD",
    event_id: str | None = None,
    order_id: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return a purchase as the app tells it, under ids of its own unless they are given."""
    number = next(_numbers)
    return {
        "id": event_id or f"e-{number:06}",
        "type": "purchase",
        "customer_id": customer.customer_id,
        "order_id": order_id or f"o-{number:06}",
        "amount": {"amount_minor": amount_minor, "currency": currency},
        "occurred_at": format_rfc3339(at),
        **more,
    }


def a_purchase(api: Api, *, at: datetime | None = None, **facts: Any) -> Any:
    """Tell of a purchase, now unless said otherwise; see `purchase_body` for the facts."""
    return expect(api.post("/v1/events", purchase_body(at=at or api.now(), **facts)), 200, 201)


def a_refund(
    api: Api,
    *,
    order_id: str,
    refunded_total_minor: int = 5000,
    currency: str = "USD",
    at: datetime | None = None,
    event_id: str | None = None,
) -> Any:
    """Tell how much of an order has been refunded in all."""
    body = {
        "id": event_id or f"e-{next(_numbers):06}",
        "type": "refund",
        "order_id": order_id,
        "refunded_total": {"amount_minor": refunded_total_minor, "currency": currency},
        "occurred_at": format_rfc3339(at or api.now()),
    }
    return expect(api.post("/v1/events", body), 200, 201)


def items(api: Api, path: str, **query: Any) -> list[Any]:
    """Return all items of a list, page after page."""
    found: list[Any] = []
    cursor: str | None = None
    while True:
        answer = expect(api.get(path, **query, **({"cursor": cursor} if cursor else {})), 200)
        found += answer["items"]
        cursor = answer["next_cursor"]
        if cursor is None:
            return found
