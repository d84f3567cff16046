"""Whom a message names exists afterwards, once."""

from __future__ import annotations

from threading import Barrier, Thread

from customers.people import Rows

from cast import NOON
from referral_service.customers.ensure_customers import ensure_customers
from referral_service.kit.db.engines import Database
from referral_service.kit.ids import is_id
from referral_service.tenants.open_app import OpenedApp


def test_each_unknown_person_is_made_once_with_an_empty_profile(database: Database, app_id: int, rows: Rows) -> None:
    made = database.transact(
        lambda session: ensure_customers(session, app_id=app_id, external_ids=["bob", "alice", "bob"], now=NOON)
    )
    assert set(made) == {"alice", "bob"}
    assert all(is_id(cus, "cus") for cus in made.values())
    assert {row["external_id"]: row["id"] for row in rows()} == made
    assert all(row["profile_ct"] is None and row["email_index"] is None for row in rows())


def test_known_people_keep_their_ids_and_only_the_missing_are_made(database: Database, app_id: int, rows: Rows) -> None:
    def ensure(*names: str) -> dict[str, str]:
        return database.transact(lambda session: ensure_customers(session, app_id=app_id, external_ids=names, now=NOON))

    first = ensure("alice", "bob")
    assert ensure("bob", "carol", "alice") == first | {"carol": ensure("carol")["carol"]}
    assert len(rows()) == 3


def test_nobody_is_made_of_nothing(database: Database, app_id: int, rows: Rows) -> None:
    ensured = database.transact(lambda session: ensure_customers(session, app_id=app_id, external_ids=[], now=NOON))
    assert ensured == {}
    assert rows() == []


def test_two_apps_have_two_people_of_the_same_name(
    database: Database, tenant: OpenedApp, trial_tenant: OpenedApp
) -> None:
    def bob_of(app_id: int) -> str:
        made = database.transact(
            lambda session: ensure_customers(session, app_id=app_id, external_ids=["bob"], now=NOON)
        )
        return made["bob"]

    assert bob_of(tenant.tenant.app_id) != bob_of(trial_tenant.tenant.app_id)


def test_ids_are_compared_byte_by_byte(database: Database, app_id: int) -> None:
    names = ["Bob", "bob", "bob ", "jos\u00e9", "jose\u0301", "a" * 255, "用户", "🦊"]
    made = database.transact(lambda session: ensure_customers(session, app_id=app_id, external_ids=names, now=NOON))
    assert len(set(made.values())) == len(names)


def test_many_who_name_the_same_people_at_once_all_get_the_same_ids(
    database: Database, app_id: int, rows: Rows
) -> None:
    names = [f"person-{n}" for n in range(20)]
    barrier = Barrier(4)
    answers: list[dict[str, str]] = []

    def ensure(order: list[str]) -> None:
        barrier.wait()
        answers.append(
            database.transact(lambda session: ensure_customers(session, app_id=app_id, external_ids=order, now=NOON))
        )

    orders = [names, names[::-1], names[7:] + names[:7], names[10:]]
    threads = [Thread(target=ensure, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert len(rows()) == 20
    assert all(answer.items() <= {row["external_id"]: row["id"] for row in rows()}.items() for answer in answers)
