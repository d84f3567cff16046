"""A shop whose every purchase earns its buyer points: what was acknowledged can be counted afterwards."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import httpx
from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.doctor.run import examine
from referral_service.events.models import Purchase
from referral_service.kit.clock import Clock
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.notifications.models import Notification
from referral_service.rewards.models import Reward
from referral_service.signing.rotate import ensure_keys
from referral_service.tenants.open_app import open_app
from referral_service.tenants.tenant import LIVE

SECRET_KEYS = "k1:a-master-key-that-only-tests-use-0123456789"
POINTS = {
    "key": "points", "side": "self", "on": "every_purchase",
    "give": {"kind": "points", "quantity": 1, "per_minor": 100},
}  # fmt: skip
PROGRAM = {
    "name": "Points",
    "landing_url": "https://shop.example/welcome",
    "allowed_hosts": ["shop.example"],
    "terms": {"currency": "USD", "rewards": [POINTS]},
}
# What a service of these campaigns is told: whoever sends a thousand requests a second comes from one address here.
ENVIRONMENT = {"REFERRAL_SECRET_KEYS": SECRET_KEYS, "REFERRAL_RATE_LIMITS": "false", "REFERRAL_LOG_LEVEL": "WARNING"}


@dataclass(frozen=True, slots=True)
class Shop:
    """One app on a database, and the key that its backend uses."""

    database: Database
    app_id: int
    key: str

    def open(self, url: str) -> None:
        """Begin the program at a service that runs."""
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {self.key}"}, trust_env=False) as http:
            program = http.post("/v1/programs", json=PROGRAM, timeout=60).raise_for_status().json()
            http.post(f"/v1/programs/{program['id']}/activate", timeout=60).raise_for_status()

    def orders(self) -> Counter[str]:
        """Return how often each order that is stored has been rewarded."""
        return self.database.read(self._orders)

    def _orders(self, session: Session) -> Counter[str]:
        stored = select(Purchase.order_key, Purchase.id).where(Purchase.app_id == self.app_id)
        given = Counter(session.scalars(select(Reward.subject).where(Reward.app_id == self.app_id)))
        found: Counter[str] = Counter()
        for order, id_ in session.execute(stored.where(Purchase.confirmed_at.is_not(None))):
            found[str(order)] += given[f"purchase:{id_}"]
        return found

    def is_all_told(self) -> bool:
        """Whether a worker has given every notification its position."""
        unplaced = select(Notification.id).where(Notification.app_id == self.app_id, Notification.position.is_(None))
        return self.database.read(lambda session: session.scalars(unplaced.limit(1)).first()) is None

    def violations(self, clock: Clock) -> list[str]:
        """Return what the doctor finds. Not I15: the tests' own PostgreSQL is set up to forget."""
        report = self.database.read(
            lambda session: examine(session, settings=None, now=clock.now(), app_id=self.app_id)
        )
        checks = [check for check in report.checks if check.invariant != "I15"]
        return [f"{check.invariant} {v.object_id}: {v.says}" for check in checks for v in check.violations]


def a_shop(database: Database, clock: Clock) -> Shop:
    """Open the app."""
    ensure_keys(database, Sealer(dict([SECRET_KEYS.split(":", 1)])), clock.now())
    opened = database.transact(lambda session: open_app(session, name="Shop", mode=LIVE, actor="cli", now=clock.now()))
    return Shop(database, opened.tenant.app_id, opened.key.secret)
