"""Rewards for any moment, the facts that earn them, and what stands of them in the end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from builders import Api, expect, items
from cast import BOB, Person
from referral_service.kit.clock import format_rfc3339
from referral_service.kit.db.engines import Database

DAY = timedelta(days=1)
TEN_PERCENT = {"kind": "percent", "percent": "10.00"}
ANYONE = {"referee_is_new": False}

# Key, state, reason, granted and taken back of a reward.
Earned = tuple[str, str, str | None, int, int]


def reward(
    key: str, side: str = "referrer", on: str = "converted", give: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """Return a reward, of ten dollars unless said otherwise."""
    return {"key": key, "side": side, "on": on, "give": give or {"kind": "credit", "amount_minor": 1000}, **more}


def an_event(
    api: Api, kind: str, number: str = "1", *, customer: Person = BOB, at: datetime | None = None, **more: Any
) -> Any:
    """Tell of an event of the app's own kind, now unless said otherwise."""
    body = {
        "id": f"{kind}-{number}",
        "type": kind,
        "customer_id": customer.customer_id,
        "occurred_at": format_rfc3339(at or api.now()),
        **more,
    }
    return expect(api.post("/v1/events", body), 200, 201)


def a_dispute(api: Api, order_id: str, status: str) -> Any:
    """Tell how a dispute over an order stands now."""
    body = {"id": f"dispute-{order_id}-{status}", "type": "dispute", "order_id": order_id, "status": status}
    return expect(api.post("/v1/events", {**body, "occurred_at": format_rfc3339(api.now())}), 201)


def change_terms(api: Api, program: Any, **sections: Any) -> int:
    """Replace sections of a program's newest terms; gives the version that this made."""
    terms = expect(api.get(f"/v1/programs/{program['id']}"), 200)["terms"]
    version: int = expect(api.patch(f"/v1/programs/{program['id']}", {"terms": {**terms, **sections}}), 200)["version"]
    return version


def archive(api: Api, program: Any) -> None:
    expect(api.post(f"/v1/programs/{program['id']}/archive"), 200)


def erase(api: Api, person: Person) -> None:
    expect(api.delete(f"/v1/customers/{person.customer_id}"), 200, 202, 204)


def earned(api: Api, **query: Any) -> list[Earned]:
    """What was earned and what became of it, sorted."""
    return sorted(
        (it["key"], it["state"], it["reason"], _number(it["amount"]), _number(it["reversed"]))
        for it in items(api, "/v1/rewards", **query)
    )


def _number(amount: dict[str, Any]) -> int:
    """Money in minor units; else how many."""
    number: int = amount["amount_minor"] if "amount_minor" in amount else amount["quantity"]
    return number


def referrals(api: Api) -> list[tuple[str, str | None]]:
    """State and reason of each referral, the newest first."""
    return [(it["state"], it["reason"]) for it in items(api, "/v1/referrals")]


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    return database.read(lambda session: [tuple(row) for row in session.execute(text(query))])
