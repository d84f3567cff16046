"""Erasure leaves an empty row and a keyed hash, and the id may begin a new person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from customers.people import Put, Rows

from cast import NOON
from referral_service.customers.emails import Emails
from referral_service.customers.erase_customer import erase_customer
from referral_service.customers.read_customer import external_ids, read_customer
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.kit.errors import NotFound

LATER = NOON + timedelta(days=1)


def erase(database: Database, emails: Emails, app_id: int, customer_id: str) -> bool:
    return database.transact(
        lambda session: erase_customer(session, emails, app_id=app_id, customer_id=customer_id, now=LATER)
    )


def test_nothing_of_the_person_is_left_in_the_row(
    database: Database, emails: Emails, app_id: int, put: Put, rows: Rows
) -> None:
    record, _ = put(
        "canary-id",
        email="canary@example.com",
        display_name="Canary",
        locale="ca",
        leaderboard_opt_in=True,
        invite_name_opt_in=True,
        attributes={"canary-name": "canary-value"},
    )
    assert erase(database, emails, app_id, record.id)
    (row,) = rows()
    kept = {name for name, value in row.items() if value not in (None, False, 0, {}, "{}")}
    assert kept == {"app_id", "id", "created_at", "updated_at", "erased_at", "tombstone"}
    assert "canary" not in repr(row).lower()
    assert bytes(row["tombstone"]) == emails.tombstone("canary-id", app_id=app_id)


def test_an_erased_person_is_not_found_and_has_no_outside_id(
    database: Database, sealer: Sealer, emails: Emails, app_id: int, put: Put
) -> None:
    alice, _ = put("alice")
    bob, _ = put("bob")
    erase(database, emails, app_id, alice.id)
    with pytest.raises(NotFound):
        database.read(lambda session: read_customer(session, sealer, app_id=app_id, external_id="alice"))
    ids = [alice.id, bob.id, "cus_nobody"]
    named = database.read(lambda session: external_ids(session, app_id=app_id, ids=ids))
    assert named == {alice.id: None, bob.id: "bob"}
    assert database.read(lambda session: external_ids(session, app_id=app_id, ids=[])) == {}


def test_erasing_twice_or_nobody_changes_nothing(
    database: Database, emails: Emails, app_id: int, put: Put, rows: Rows
) -> None:
    record, _ = put("alice")
    assert erase(database, emails, app_id, record.id)
    before = rows()
    assert not erase(database, emails, app_id, record.id)
    assert not erase(database, emails, app_id, "cus_nobody")
    assert rows() == before


def test_another_apps_person_cannot_be_erased(
    database: Database, emails: Emails, app_id: int, put: Put, rows: Rows
) -> None:
    record, _ = put("alice", email="alice@example.com")
    before = rows()
    assert not erase(database, emails, app_id + 1, record.id)
    assert rows() == before


def test_an_erased_id_begins_a_new_person(database: Database, emails: Emails, app_id: int, put: Put) -> None:
    gone, _ = put("alice", email="alice@example.com")
    erase(database, emails, app_id, gone.id)
    again, created = put("alice")
    assert created
    assert again.id != gone.id
    assert again.email is None
