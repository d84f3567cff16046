"""Endpoints over HTTP, and the worker's step that gives them their deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import update

from builders import Api, expect
from cast import NOON
from referral_service.kit.clock import Clock
from referral_service.kit.db.engines import Database
from referral_service.notifications.announce import Change, announce
from referral_service.webhooks_out.deliveries.fan_out import place_and_fan_out
from referral_service.webhooks_out.models import Delivery

ENDPOINTS, DELIVERIES = "/v1/webhook-endpoints", "/v1/deliveries"
URL = "https://shop.example/hooks"


def an_endpoint(api: Api, *, url: str = URL, **more: Any) -> Any:
    """Add an endpoint."""
    return expect(api.post(ENDPOINTS, {"url": url, **more}), 201)


def path_of(endpoint: Any, act: str = "") -> str:
    return f"{ENDPOINTS}/{endpoint['id']}{act}"


def switched(api: Api, endpoint: Any, state: str) -> Any:
    """Switch an endpoint on or off."""
    return expect(api.patch(path_of(endpoint), {"state": state}), 200)


def told(
    database: Database, app_id: int, *, times: int = 1, event: str = "reward.available", of: str = "rwd_a"
) -> None:
    """Announce so many changes of one object; nothing has gone out yet."""
    changes = [
        Change(
            type=event,
            object_id=of,
            sequence=n,
            previous_state="pending",
            state="available",
            reason=None,
            object={"id": of},
        )
        for n in range(1, times + 1)
    ]
    database.transact(lambda session: announce(session, app_id=app_id, changes=changes, now=NOON))


def fanned_out(database: Database, app_id: int, clock: Clock) -> int:
    """Let the worker's step place what was announced."""
    return database.transact(lambda session: place_and_fan_out(session, app_id=app_id, now=clock.now()))


def went(database: Database, state: str, *delivery_ids: str, at: datetime = NOON, attempts: int = 3) -> None:
    """Let these deliveries have come to this state, as the sender would have left them."""
    done_at = at if state == "done" else None
    status = 200 if state == "done" else 503
    with database.write_engine.begin() as connection:
        connection.execute(
            update(Delivery)
            .where(Delivery.id.in_(delivery_ids))
            .values(
                state=state,
                attempts=attempts,
                last_attempt_at=at,
                last_status=status,
                last_duration_ms=12,
                done_at=done_at,
            )
        )
