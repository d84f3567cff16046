"""People are locked in one order, and seen as they are once the lock is held."""

from __future__ import annotations

from threading import Barrier, Event, Thread
from time import sleep

from customers.people import Put, Rows
from sqlalchemy import text

from cast import NOON
from referral_service.customers.emails import Emails
from referral_service.customers.lock_customers import LockedCustomer, lock_customers, lock_or_make_customer
from referral_service.kit.db.engines import Database


def test_what_rules_need_of_each_person_comes_with_the_lock(
    database: Database, emails: Emails, app_id: int, put: Put
) -> None:
    bob, _ = put("bob", email="Bob+1@example.com", attributes={"plan": "plus"})
    alice, _ = put("alice")
    locked = database.transact(
        lambda session: lock_customers(session, app_id=app_id, ids=[alice.id, bob.id, "cus_nobody", bob.id])
    )
    assert list(locked) == sorted([alice.id, bob.id])
    assert locked[bob.id] == LockedCustomer(
        id=bob.id,
        external_id="bob",
        email_index=emails.index("bob+1@example.com", app_id=app_id),
        email_canon_index=emails.canon_index("bob@example.com", app_id=app_id),
        erased_at=None,
        attributes={"plan": "plus"},
    )
    assert database.transact(lambda session: lock_customers(session, app_id=app_id, ids=[])) == {}
    assert database.transact(lambda session: lock_customers(session, app_id=app_id + 1, ids=[bob.id])) == {}


def test_a_second_transaction_waits_and_then_sees_what_the_first_did(database: Database, app_id: int, put: Put) -> None:
    bob, _ = put("bob")
    held, waiting = Event(), Event()
    seen: list[LockedCustomer] = []

    def first() -> None:
        def work(session: object) -> None:
            lock_customers(session, app_id=app_id, ids=[bob.id])  # type: ignore[arg-type]
            held.set()
            assert waiting.wait(10)
            # Long enough for the other's statement to arrive, and to answer wrongly if nothing held it.
            sleep(0.5)
            session.execute(text("UPDATE customers SET locale = 'uk', external_id = 'robert'"))  # type: ignore[attr-defined]

        database.transact(work)

    def second() -> None:
        assert held.wait(10)
        waiting.set()
        seen.append(database.transact(lambda session: lock_customers(session, app_id=app_id, ids=[bob.id]))[bob.id])

    threads = [Thread(target=first), Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [locked.external_id for locked in seen] == ["robert"]


def test_who_is_not_known_is_made_and_held(
    database: Database, emails: Emails, app_id: int, put: Put, rows: Rows
) -> None:
    def lock_or_make(external_id: str) -> LockedCustomer:
        return database.transact(
            lambda session: lock_or_make_customer(session, app_id=app_id, external_id=external_id, now=NOON)
        )

    alice, _ = put("alice", email="alice@example.com", attributes={"plan": "plus"})
    known = lock_or_make("alice")
    assert known == database.transact(lambda session: lock_customers(session, app_id=app_id, ids=[alice.id]))[alice.id]
    assert known.email_index == emails.index("alice@example.com", app_id=app_id)
    made, again = lock_or_make("bob"), lock_or_make("bob")
    assert (made.is_new, again.is_new, made.id) == (True, False, again.id)
    assert (again.attributes, again.email_index, again.erased_at) == ({}, None, None)
    assert len(rows()) == 2


def test_of_many_who_make_the_same_person_at_once_one_does_and_the_others_wait(database: Database, app_id: int) -> None:
    start, found = Barrier(6), list[LockedCustomer]()

    def run() -> None:
        start.wait()
        found.append(
            database.transact(
                lambda session: lock_or_make_customer(session, app_id=app_id, external_id="bob", now=NOON)
            )
        )

    threads = [Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({customer.id for customer in found}) == 1
    assert sorted(customer.is_new for customer in found) == [False] * 5 + [True]
