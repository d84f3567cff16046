"""How many conversions a referrer has is added to where they happen, and lost by nobody."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Barrier, Thread

from sqlalchemy import select

from builders import Api, a_customer, a_program
from cast import ALICE, BOB
from referral_service.customers.ensure_customers import find_customers
from referral_service.kit.db.engines import Database
from referral_service.referrals.ranks import RankKey, count_conversions, ranks
from referral_service.tenants.open_app import OpenedApp

THREADS, TIMES = 4, 10


def inside_ids(database: Database, api: Api, app_id: int) -> tuple[str, str]:
    a_customer(api, ALICE)
    a_customer(api, BOB)
    found = database.read(lambda session: find_customers(session, app_id=app_id, external_ids=["alice", "bob"]))
    return found["alice"], found["bob"]


def count(database: Database, app_id: int, deltas: Mapping[RankKey, int]) -> None:
    database.transact(lambda session: count_conversions(session, app_id=app_id, deltas=deltas))


def counted(database: Database, app_id: int) -> dict[RankKey, int]:
    query = select(ranks.c.program_id, ranks.c.customer_id, ranks.c.conversions).where(ranks.c.app_id == app_id)
    return {(row[0], row[1]): row[2] for row in database.read(lambda session: session.execute(query).all())}


def test_deltas_add_up_for_each_program_and_referrer(database: Database, api: Api, tenant: OpenedApp) -> None:
    app_id = tenant.tenant.app_id
    alice, bob = inside_ids(database, api, app_id)
    first, second = a_program(api)["id"], a_program(api)["id"]

    count(database, app_id, {(first, alice): 1, (first, bob): 2})
    count(database, app_id, {(second, alice): 1, (first, alice): 3, (first, bob): -1})

    assert counted(database, app_id) == {(first, alice): 4, (first, bob): 1, (second, alice): 1}


def test_nothing_is_written_where_nothing_changed(database: Database, api: Api, tenant: OpenedApp) -> None:
    app_id = tenant.tenant.app_id
    alice, _ = inside_ids(database, api, app_id)

    count(database, app_id, {})
    count(database, app_id, {(a_program(api)["id"], alice): 0})

    assert counted(database, app_id) == {}


def test_conversions_at_the_same_moment_are_all_counted(database: Database, api: Api, tenant: OpenedApp) -> None:
    app_id = tenant.tenant.app_id
    people = inside_ids(database, api, app_id)
    program = a_program(api)["id"]
    start = Barrier(THREADS)

    def many(order: int) -> None:
        start.wait()
        for _ in range(TIMES):
            # Named in either order: the statement sorts them, or two of these would wait for each other.
            count(database, app_id, dict.fromkeys([(program, who) for who in people[::order]], 1))

    threads = [Thread(target=many, args=(1 if n % 2 else -1,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counted(database, app_id) == dict.fromkeys([(program, who) for who in people], THREADS * TIMES)
