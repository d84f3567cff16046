"""What the tests of people share."""

from __future__ import annotations

from typing import Any

import pytest
from customers.people import Put, Rows
from sqlalchemy import text

from cast import NOON
from referral_service.customers.emails import Emails
from referral_service.customers.profile import CustomerRecord, Profile
from referral_service.customers.put_customer import put_customer
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp


@pytest.fixture
def sealer() -> Sealer:
    return Sealer({"k1": "a-master-key-that-only-tests-use-0123456789"})


@pytest.fixture
def emails() -> Emails:
    return Emails(b"an index key of the tests alone!")


@pytest.fixture
def app_id(tenant: OpenedApp) -> int:
    return tenant.tenant.app_id


@pytest.fixture
def put(database: Database, sealer: Sealer, emails: Emails, app_id: int) -> Put:
    """Put a customer in a transaction of its own; what is not said is empty."""

    def put_one(external_id: str = "alice", **said: Any) -> tuple[CustomerRecord, bool]:
        call: dict[str, Any] = {
            "app_id": said.pop("app_id", app_id),
            "external_id": external_id,
            "profile": Profile(said.pop("email", None), said.pop("display_name", None)),
            "locale": None,
            "leaderboard_opt_in": False,
            "attributes": {},
            "now": NOON,
        }
        return database.transact(lambda session: put_customer(session, sealer, emails, **call | said))

    return put_one


@pytest.fixture
def rows(database: Database) -> Rows:
    """Read every customer's row as the database has it."""

    def read() -> list[dict[str, Any]]:
        query = text("SELECT * FROM customers ORDER BY app_id, id")
        return database.read(lambda session: [dict(row._mapping) for row in session.execute(query)])

    return read
