"""Conversions that were made before they were counted belong to the ranks as well."""

from __future__ import annotations

from sqlalchemy import text

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, a_refund
from cast import ALICE, BOB, CAROL, MALLORY
from referral_service import migrations
from referral_service.kit.db.engines import Database


def test_the_migration_counts_what_stands_converted(database: Database, api: Api) -> None:
    program = a_program(api)
    for referrer, friends in ((ALICE, [BOB, CAROL]), (BOB, [MALLORY])):
        a_customer(api, referrer)
        for friend in friends:
            a_claim(api, a_code(api, program, referrer=referrer), referee=friend)
            a_purchase(api, customer=friend, order_id=friend.customer_id)
    a_refund(api, order_id="mallory")
    query = text("SELECT customer_id, conversions FROM ranks WHERE conversions > 0")
    before = [tuple(row) for row in database.read(lambda session: session.execute(query).all())]
    assert [count for _, count in before] == [2]

    migrations.downgrade(database.write_engine, "0006")
    migrations.upgrade(database.write_engine)

    assert [tuple(row) for row in database.read(lambda session: session.execute(query).all())] == before
