"""People are locked in one order, and seen as they are once the lock is held."""

from __future__ import annotations

from threading import Event, Thread
from time import sleep

from customers.people import Put
from sqlalchemy import text

from referral_service.customers.emails import Emails
from referral_service.customers.lock_customers import LockedCustomer, lock_customers
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
