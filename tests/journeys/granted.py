"""Programs whose one reward is the matter, granted by Bob's purchase; and what became of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from builders import Api, a_claim, a_code, a_program, a_purchase, expect, items
from referral_service.kit.db.engines import Database
from referral_service.notifications.models import Notification

COUPON = {"kind": "coupon", "percent_off": "15.00", "valid_days": 30, "prefix": "FRIEND"}
CUSTOM = {"kind": "custom", "data": {"present": "a mug"}}
CREDIT = {"kind": "credit", "amount_minor": 1000}
ORDER = "o-first"


def granted(api: Api, give: dict[str, Any], *, side: str = "referrer", **more: Any) -> Any:
    """Let Bob, whom Alice referred, buy under `ORDER` in a program with this one reward; gives the reward."""
    terms = more.pop("terms", {})
    reward = {"key": "gift", "side": side, "on": "converted", "give": give, **more}
    a_claim(api, a_code(api, a_program(api, rewards=[reward], **terms)))
    (reward_id,) = a_purchase(api, order_id=ORDER)["reward_ids"]
    return read(api, reward_id)


def read(api: Api, reward_id: str) -> Any:
    """The reward as it stands."""
    return expect(api.get(f"/v1/rewards/{reward_id}"), 200)


def standing(api: Api) -> tuple[str, str | None]:
    """State and reason of the one reward there is."""
    (reward,) = items(api, "/v1/rewards")
    return reward["state"], reward["reason"]


def days_pass(api: Api, days: float, *, seconds: int = 0) -> None:
    """Move a test app's clock, and let happen what falls due."""
    expect(api.post("/v1/test-clock/advance", {"seconds": int(days * 86400) + seconds}), 200)


def balance(api: Api, customer_id: str = "alice", unit: str = "USD") -> tuple[int, int]:
    """What a customer has available and pending."""
    listed = expect(api.get(f"/v1/customers/{customer_id}/balances"), 200)["items"]
    return next(((row["available"], row["pending"]) for row in listed if row["unit"] == unit), (0, 0))


def told_of(database: Database, object_id: str) -> list[Notification]:
    """What was announced of an object, in its order."""
    query = select(Notification).where(Notification.object_id == object_id).order_by(Notification.sequence)
    return database.read(lambda session: list(session.scalars(query)))


def path_of(database: Database, object_id: str) -> list[tuple[str, str | None]]:
    """The types and reasons of what was announced of an object; every change took up where the one before ended."""
    told = told_of(database, object_id)
    assert [one.sequence for one in told] == list(range(1, len(told) + 1))
    assert [one.previous_state for one in told] == [None, *(one.state for one in told[:-1])]
    return [(one.type.partition(".")[2], one.reason) for one in told]


def coupon_of(api: Api, code: str) -> Any:
    return expect(api.get(f"/v1/coupons/{code}"), 200)


def redeem(api: Api, code: str, order_id: str = "o-7", status: int = 200) -> Any:
    return expect(api.post(f"/v1/coupons/{code}/redeem", {"order_id": order_id}), status)


def cancel(api: Api, code: str, order_id: str = "o-7", status: int = 200) -> Any:
    return expect(api.post(f"/v1/coupons/{code}/cancel", {"order_id": order_id}), status)
