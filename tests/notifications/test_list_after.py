"""What a reader sees: the app's own customer ids, joined when it reads, and nobody who was erased."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from referral_service.customers.models import Customer
from referral_service.journeys.telling.list_notifications import list_notifications
from referral_service.kit.db.engines import Database
from referral_service.kit.ids import new_id
from referral_service.notifications.announce import Change, announce
from referral_service.notifications.customer_ids import inside_ids_in, with_customer_ids
from referral_service.notifications.place import place_notifications
from referral_service.tenants.models import App

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def people(database: Database, app_id: int, *names: str) -> list[str]:
    """Make the app and these customers; return their `cus_…` ids."""
    ids = [new_id("cus") for _ in names]

    def work(session: Session) -> None:
        session.add(
            App(
                id=app_id,
                public_id=new_id("app"),
                slug=f"shop-{app_id}",
                name="Shop",
                mode="live",
                clock_offset_us=0,
                created_at=NOW,
            )
        )
        session.flush()
        for id_, name in zip(ids, names, strict=True):
            session.add(Customer(app_id=app_id, id=id_, external_id=name, created_at=NOW, updated_at=NOW))

    database.transact(work)
    return ids


def told(database: Database, app_id: int, document: dict[str, Any]) -> dict[str, Any]:
    """Announce `document` as an object, and return it as a reader sees it."""
    change = Change(
        type="referral.created",
        object_id=new_id("ref"),
        sequence=1,
        previous_state=None,
        state="pending",
        reason=None,
        object=document,
    )

    def work(session: Session) -> None:
        announce(session, app_id=app_id, changes=[change], now=NOW)
        place_notifications(session, app_id=app_id)

    database.transact(work)
    read = database.read(lambda session: list_notifications(session, app_id=app_id, after=0, limit=100))
    seen: dict[str, Any] = read[-1]["data"]["object"]
    return seen


def test_every_inside_id_is_replaced_by_the_apps_own(database: Database, app_id: int) -> None:
    alice, bob = people(database, app_id, "alice", "bob")
    document = {
        "id": "ref_x",
        "customer_id": alice,
        "referrer": {"customer_id": alice},
        "referee": {"customer_id": bob},
        "friends": [bob, {"deep": [alice]}],
        "amount": {"amount_minor": 1000, "currency": "USD"},
        "reason": None,
    }
    assert told(database, app_id, document) == document | {
        "customer_id": "alice",
        "referrer": {"customer_id": "alice"},
        "referee": {"customer_id": "bob"},
        "friends": ["bob", {"deep": ["alice"]}],
    }


def test_an_erased_person_is_null(database: Database, app_id: int) -> None:
    (alice,) = people(database, app_id, "alice")
    erase = text("UPDATE customers SET external_id = NULL WHERE app_id = :app AND id = :id")
    database.transact(lambda session: session.execute(erase, {"app": app_id, "id": alice}))
    assert told(database, app_id, {"customer_id": alice}) == {"customer_id": None}


def test_another_apps_customer_is_never_named(database: Database, app_id: int) -> None:
    (stranger,) = people(database, app_id + 1_000_000, "mallory")
    people(database, app_id, "alice")
    assert told(database, app_id, {"customer_id": stranger}) == {"customer_id": None}


def test_a_providers_own_customer_id_is_left_alone(database: Database, app_id: int) -> None:
    people(database, app_id, "alice")
    assert told(database, app_id, {"stripe": "cus_NffrFeUfNV2Hib"}) == {"stripe": "cus_NffrFeUfNV2Hib"}


def test_what_is_stored_keeps_the_inside_id(database: Database, app_id: int) -> None:
    (alice,) = people(database, app_id, "alice")
    told(database, app_id, {"customer_id": alice})
    query = text("SELECT object FROM notifications WHERE app_id = :app")
    (stored,) = database.read(lambda session: session.execute(query, {"app": app_id}).scalars().all())
    assert alice in str(stored)
    assert "alice" not in str(stored)


def test_a_document_without_people_is_copied_as_it_is() -> None:
    document = {"n": 1, "on": True, "none": None, "list": ["x", 2.5]}
    assert inside_ids_in(document) == set()
    assert with_customer_ids(document, {}) == document
