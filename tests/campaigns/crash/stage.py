"""Where a crash scenario is played: the service in this process, one live app with an active program, and its books."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from threading import Event
from typing import Any

from campaigns.crash.mailbox import Mailbox
from sqlalchemy import select
from sqlalchemy.orm import Session

from builders import Api, a_code, a_program, a_purchase, both_sides, expect, items
from cast import ALICE, BOB, NOON
from referral_service.app import create_app
from referral_service.config import Settings
from referral_service.doctor.run import examine
from referral_service.kit.clock import FixedClock
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.kit.http.wiring import EXTENSION, Service
from referral_service.signing.rotate import ensure_keys
from referral_service.tenants.open_app import open_app
from referral_service.tenants.tenant import LIVE
from referral_service.webhooks_out.models import Delivery, WebhookEndpoint
from referral_service.worker import work_off

MASTER_KEYS = {"k1": "a-master-key-that-only-tests-use-0123456789"}
# What an answer says; its ids are new each time.
TELLING = ("code", "outcome", "reason", "state", "unit", "amount", "reference")


class Stage:
    """An empty, migrated database is what it starts from."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.mailbox = Mailbox()
        self.clock = FixedClock(NOON)
        url = database.url.render_as_string(hide_password=False)
        self.settings = Settings(
            database_url=url, base_url="https://refer.test", master_keys=MASTER_KEYS, rate_limits=False
        )
        ensure_keys(database, Sealer(MASTER_KEYS), NOON)
        opened = database.transact(lambda session: open_app(session, name="Shop", mode=LIVE, actor="cli", now=NOON))
        self.app_id = opened.tenant.app_id
        app = create_app(self.settings, clock=self.clock, database=database)
        self.service: Service = app.extensions[EXTENSION]
        self.api = Api(app.test_client(), key=opened.key.secret, clock=self.clock)

    # -- what came before --------------------------------------------------------------------------------

    def invite(
        self, *, hold_days: int = 0, rewards: list[dict[str, Any]] | None = None, **terms: Any
    ) -> dict[str, Any]:
        """Start the program (ten dollars for Alice and five for Bob), and give the body of Bob's claim."""
        program = a_program(self.api, rewards=rewards or both_sides(hold_days=hold_days), **terms)
        return {"code": a_code(self.api, program)["code"], "referee": BOB.document()}

    def refer(self, *, hold_days: int = 0, rewards: list[dict[str, Any]] | None = None, **terms: Any) -> None:
        """Let Bob have claimed."""
        expect(self.api.post("/v1/referrals", self.invite(hold_days=hold_days, rewards=rewards, **terms)), 201)

    def convert(self, *, hold_days: int = 0) -> None:
        """Let Bob have bought for 50.00 USD under the order `o`."""
        self.refer(hold_days=hold_days)
        a_purchase(self.api, order_id="o", event_id="bought")

    def wait(self, *, days: int) -> None:
        self.clock.advance(timedelta(days=days))

    # -- what comes after --------------------------------------------------------------------------------

    def work(self) -> list[str]:
        """Let the worker do all there is to do; gives the steps that failed."""
        return work_off(self.service, stop=Event())[1]

    def violations(self) -> list[str]:
        """What the doctor finds. Not I15: the tests' own PostgreSQL is set up to forget."""
        report = self.database.read(
            lambda session: examine(session, settings=self.settings, now=self.clock.now()),
        )
        checks = [check for check in report.checks if check.invariant != "I15"]
        return [f"{check.invariant} {found.object_id}: {found.says}" for check in checks for found in check.violations]

    def picture(self) -> list[str]:
        """Referrals, rewards and balances as a reader of the API sees them, and what has been delivered, in sorted
        sentences.
        """
        referrals = [
            f"{row['referee']['customer_id']} is {' '.join(filter(None, (row['state'], row['reason'])))}"
            for row in items(self.api, "/v1/referrals")
        ]
        rewards = [
            f"{row['customer_id']} {row['state']} {_number(row['amount'])}-{_number(row['reversed'])}"
            for row in items(self.api, "/v1/rewards")
        ]
        balances = [
            f"{who} has {item['available']}+{item['pending']} {item['unit']}"
            for who in (ALICE.customer_id, BOB.customer_id)
            for item in (self.api.get(f"/v1/customers/{who}/balances").json or {}).get("items", [])
        ]
        return sorted([*referrals, *rewards, *balances, *self._deliveries()])

    def _deliveries(self) -> list[str]:
        """How many messages each endpoint got, of how many, and in which states the deliveries are."""

        def work(session: Session) -> list[str]:
            sentences = []
            for endpoint in session.scalars(select(WebhookEndpoint)):
                rows = session.scalars(select(Delivery).where(Delivery.endpoint_id == endpoint.id)).all()
                got = self.mailbox.ids(endpoint.url) & {row.notification_id for row in rows}
                states = " and ".join(sorted({row.state for row in rows}))
                sentences.append(f"{endpoint.url} has {len(got)} of {len(rows)} {states}")
            return sentences

        return self.database.read(work)

    def announced(self) -> dict[str, int]:
        """How often each type of notification can be pulled."""
        return dict(Counter(row["type"] for row in items(self.api, "/v1/notifications")))


def _number(amount: dict[str, Any]) -> int:
    return int(amount.get("amount_minor", amount.get("quantity", 0)))


def gist(answer: Any) -> list[str]:
    """What an answer over HTTP says, without its ids; a worker's step says nothing."""
    if answer is None:
        return []
    # The same thing told again is answered 200 instead of 201.
    status = 200 if answer.status_code == 201 else answer.status_code
    document = answer.json or {}
    said = [f"{name}={document[name]}" for name in TELLING if document.get(name) is not None]
    return [str(status), *said, f"rewards={len(document.get('reward_ids', []))}"]
