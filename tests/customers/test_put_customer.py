"""A profile is set whole, sealed, and never made twice."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from customers.people import Put, Rows

from cast import NOON
from referral_service.customers.emails import Emails
from referral_service.customers.ensure_customers import ensure_customers
from referral_service.customers.erase_customer import erase_customer
from referral_service.customers.profile import CustomerRecord, Profile, open_profile
from referral_service.customers.put_customer import note_email
from referral_service.customers.read_customer import read_customer
from referral_service.kit.crypto import CannotOpen, Sealer
from referral_service.kit.db.engines import Database
from referral_service.kit.errors import NotFound

LATER = NOON + timedelta(hours=1)


def read(database: Database, sealer: Sealer, app_id: int, external_id: str = "alice") -> CustomerRecord:
    return database.read(lambda session: read_customer(session, sealer, app_id=app_id, external_id=external_id))


def test_what_is_put_can_be_read_back(database: Database, sealer: Sealer, app_id: int, put: Put) -> None:
    record, created = put(
        "alice",
        email="Alice@Example.com",
        display_name="Alïce 🦊",
        locale="pt-BR",
        leaderboard_opt_in=True,
        attributes={"plan": "plus", "країна": "UA"},
    )
    assert created
    assert (record.email, record.display_name, record.attributes["країна"]) == ("Alice@Example.com", "Alïce 🦊", "UA")
    assert read(database, sealer, app_id) == record


def test_the_same_again_changes_nothing_but_the_time_of_the_last_change(put: Put, rows: Rows) -> None:
    first, created = put(email="alice@example.com", attributes={"plan": "plus"})
    again, created_again = put(email="alice@example.com", attributes={"plan": "plus"}, now=LATER)
    assert (created, created_again) == (True, False)
    assert (again.id, again.created_at, again.updated_at) == (first.id, NOON, LATER)
    assert len(rows()) == 1


def test_what_is_left_out_is_empty_afterwards(
    database: Database, sealer: Sealer, app_id: int, put: Put, rows: Rows
) -> None:
    put(email="alice@example.com", display_name="Alice", locale="uk", leaderboard_opt_in=True, attributes={"a": "b"})
    put()
    record = read(database, sealer, app_id)
    assert (record.email, record.display_name, record.locale, record.attributes) == (None, None, None, {})
    assert record.leaderboard_opt_in is False
    (row,) = rows()
    assert (row["profile_ct"], row["email_index"], row["email_canon_index"]) == (None, None, None)


def test_a_person_known_from_a_message_is_filled_in_not_made_again(database: Database, app_id: int, put: Put) -> None:
    known = database.transact(
        lambda session: ensure_customers(session, app_id=app_id, external_ids=["alice"], now=NOON)
    )
    record, created = put("alice", email="alice@example.com", now=LATER)
    assert (record.id, created) == (known["alice"], False)
    assert record.created_at == NOON


def test_nothing_personal_stands_in_the_row_in_plain(put: Put, rows: Rows) -> None:
    put(email="canary-mail@example.com", display_name="Canary Name")
    (row,) = rows()
    stored = b"".join(bytes(value) if isinstance(value, bytes) else str(value).encode() for value in row.values())
    assert b"canary" not in stored.lower()
    assert b"example.com" not in stored


def test_a_profile_opens_in_its_own_row_only(sealer: Sealer, app_id: int, put: Put, rows: Rows) -> None:
    record, _ = put(email="alice@example.com")
    (row,) = rows()
    sealed = bytes(row["profile_ct"])
    assert open_profile(sealer, sealed, app_id=app_id, customer_id=record.id) == Profile("alice@example.com")
    with pytest.raises(CannotOpen):
        open_profile(sealer, sealed, app_id=app_id, customer_id="cus_another")
    with pytest.raises(CannotOpen):
        open_profile(sealer, sealed, app_id=app_id + 1, customer_id=record.id)


def test_two_who_put_the_same_new_person_at_once_make_one(put: Put, rows: Rows) -> None:
    barrier = Barrier(4)
    outcomes: list[tuple[CustomerRecord, bool]] = []

    def put_at_once(n: int) -> None:
        barrier.wait()
        outcomes.append(put("alice", email=f"alice{n}@example.com", display_name=str(n)))

    threads = [Thread(target=put_at_once, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(created for _, created in outcomes) == [False, False, False, True]
    assert len({record.id for record, _ in outcomes}) == 1
    assert len(rows()) == 1


def test_another_app_cannot_read_a_person(database: Database, sealer: Sealer, app_id: int, put: Put) -> None:
    put("alice")
    with pytest.raises(NotFound):
        read(database, sealer, app_id + 1)


def note(database: Database, sealer: Sealer, emails: Emails, app_id: int, customer_id: str, email: str) -> bool:
    return database.transact(
        lambda session: note_email(
            session,
            sealer,
            app_id=app_id,
            customer_id=customer_id,
            address=emails.read(email, app_id=app_id),
            now=LATER,
        )
    )


def test_an_email_is_noted_where_none_is_known_and_keeps_the_rest(
    database: Database, sealer: Sealer, emails: Emails, app_id: int, put: Put, rows: Rows
) -> None:
    record, _ = put("bob", display_name="Bob", attributes={"plan": "plus"})
    assert note(database, sealer, emails, app_id, record.id, " Bob@Example.com ")
    noted = read(database, sealer, app_id, "bob")
    assert (noted.email, noted.display_name, noted.attributes) == ("Bob@Example.com", "Bob", {"plan": "plus"})
    (row,) = rows()
    assert bytes(row["email_index"]) == emails.index("bob@example.com", app_id=app_id)
    assert bytes(row["email_canon_index"]) == emails.canon_index("bob@example.com", app_id=app_id)


def test_an_email_that_the_app_has_put_is_never_noted_over(
    database: Database, sealer: Sealer, emails: Emails, app_id: int, put: Put
) -> None:
    record, _ = put("bob", email="bob@example.com")
    assert not note(database, sealer, emails, app_id, record.id, "mallory@example.com")
    assert read(database, sealer, app_id, "bob").email == "bob@example.com"


def test_nothing_is_noted_of_what_is_no_address_nobody_or_erased(
    database: Database, sealer: Sealer, emails: Emails, app_id: int, put: Put
) -> None:
    record, _ = put("bob")
    assert not note(database, sealer, emails, app_id, record.id, "not an address")
    assert not note(database, sealer, emails, app_id, "cus_nobody", "bob@example.com")
    database.transact(lambda session: erase_customer(session, emails, app_id=app_id, customer_id=record.id, now=LATER))
    assert not note(database, sealer, emails, app_id, record.id, "bob@example.com")
