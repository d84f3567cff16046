"""What has long arrived is dropped; what has not stays, and so does every notification."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import insert, select
from webhooks_out.endpoints import an_endpoint, told

from builders import Api, expect, items
from cast import NOON
from referral_service.kit.db.batch import Batch
from referral_service.kit.db.engines import Database
from referral_service.kit.http import wiring
from referral_service.kit.ids import first_id_at
from referral_service.notifications.models import Notification
from referral_service.notifications.place import place_notifications
from referral_service.tenants.open_app import OpenedApp
from referral_service.webhooks_out.deliveries.drop_deliveries import drop_deliveries
from referral_service.webhooks_out.models import Delivery
from referral_service.worker import lanes_of

DAY = timedelta(days=1)
KEPT = 90 * DAY


class Mail:
    """An endpoint, and deliveries to it that were made at moments of our choice."""

    def __init__(self, api: Api, database: Database, app_id: int) -> None:
        self.database, self.app_id = database, app_id
        self.endpoint: str = an_endpoint(api)["id"]
        self._made = 0

    def made(self, at: datetime, state: str, *, done_at: datetime | None = None) -> str:
        """A delivery in this state; what is done was done when it was made unless said otherwise."""
        self._made += 1
        told(self.database, self.app_id, of=f"rwd_{self._made}")
        self.database.transact(lambda session: place_notifications(session, app_id=self.app_id))
        of_it = select(Notification.id).where(Notification.object_id == f"rwd_{self._made}")
        delivery_id = f"{first_id_at('dlv', at)[:-4]}{self._made:04}"
        row = {
            "app_id": self.app_id, "id": delivery_id, "endpoint_id": self.endpoint, "state": state, "attempts": 1,
            "notification_id": self.database.read(lambda session: session.scalar(of_it)),
            "next_attempt_at": NOON + 9 * DAY, "created_at": at, "last_attempt_at": at, "last_status": None,
            "last_error": None, "last_duration_ms": None, "done_at": (done_at or at) if state == "done" else None,
        }  # fmt: skip
        self.database.transact(lambda session: session.execute(insert(Delivery).values(row)))
        return delivery_id

    def drop(self, *, after: str = "", limit: int = 100) -> Batch[str]:
        return self.database.transact(
            lambda session: drop_deliveries(session, app_id=self.app_id, now=NOON, kept=KEPT, after=after, limit=limit)
        )

    def left(self) -> set[str]:
        return set(self.database.read(lambda session: session.scalars(select(Delivery.id)).all()))


@pytest.fixture
def mail(api: Api, database: Database, tenant: OpenedApp) -> Mail:
    return Mail(api, database, tenant.tenant.app_id)


def test_what_arrived_long_ago_is_dropped_and_all_else_stays(mail: Mail) -> None:
    old, young = NOON - KEPT - DAY, NOON - KEPT + DAY
    mail.made(old, "done")
    stay = {mail.made(old, state) for state in ("scheduled", "leased", "dead", "disabled")}
    stay |= {mail.made(young, "done"), mail.made(old, "done", done_at=young)}
    assert mail.drop() == Batch(1, None)
    assert mail.left() == stay


def test_what_stays_keeps_nothing_behind_it_from_being_dropped(mail: Mail) -> None:
    old = NOON - KEPT - DAY
    stay = [mail.made(old, "dead") for _ in range(2)]
    for _ in range(3):
        mail.made(old, "done")
    first = mail.drop(limit=2)
    assert first == Batch(0, stay[1])
    second = mail.drop(after=stay[1], limit=2)
    assert second.done == 2
    assert mail.drop(after=second.last or "", limit=2) == Batch(1, None)
    assert mail.left() == set(stay)


def test_the_notification_of_a_dropped_delivery_can_still_be_pulled(app: Flask, api: Api, mail: Mail) -> None:
    mail.made(NOON - KEPT - DAY, "done")
    kept = mail.made(NOON - KEPT - DAY, "dead")
    before = items(api, "/v1/notifications")
    for step in lanes_of(app.extensions[wiring.EXTENSION])[0]:
        step.take_turn()
        assert not step.rests, step.name
    assert mail.left() == {kept}
    assert items(api, "/v1/notifications") == before
    assert expect(api.get("/v1/deliveries"), 200)["items"][0]["id"] == kept
