"""However much there is, every statement of the service finds what it needs by an index, and needs no more of it.

A day of an app's life is played over HTTP and by the worker in a database that has grown, and every statement is looked
at as it is carried out. What may cost more the more there is stands in `KNOWN`, with the reason.
"""

from __future__ import annotations

from typing import Any

import pytest
from plans.grown import grow, leave_as_it_was, small_tables
from plans.story import Stage, call_everything, let_time_pass, open_pages, read_lists, read_reports, tell
from plans.watching import watched
from sqlalchemy import Select, func, select

from builders import Api, a_customer
from referral_service.customers.models import Customer
from referral_service.kit.db.engines import Database

# A part of the statement, and why it may.
KNOWN = {
    "CASE WHEN (inbound_events.event_id IS NULL) THEN inbound_events.reason": (
        "GET /v1/inbound-events?reason= and its replay: the reason stands on the event, which may change after the "
        "message came, so the newest messages are walked through until the page is full"
    ),
    "referrals.version < ": "counts the open referrals that a move to newer terms would take: by hand, and announced",
    "SELECT referrals.version, count(*)": "liability: counts the open referrals of a program by an index",
    "SELECT clicks.id \nFROM clicks": "the worker drops old clicks 5,000 at a time: a batch, however many there are",
    "SELECT lots.unit, sum(lots.rest)": "liability: sums what is left of the lots that a program has given",
}


def test_no_statement_costs_more_the_more_there_is(stage: Stage) -> None:
    with stage.database.read_engine.connect() as connection:
        assert small_tables(connection) == {}
    with watched(stage.database) as watch:
        tell(stage)
        read_lists(stage)
        read_reports(stage)
        open_pages(stage)
        call_everything(stage)
        let_time_pass(stage)
    assert len(watch.readings) > 300
    found = [one for one in watch.growing() if not any(part in one.statement for part in KNOWN)]
    assert found == [], "\n\n".join(reading.complaint for reading in found)
    # What is excused must be there, or the excuse would outlive its reason.
    assert {part for part in KNOWN if not any(part in statement for statement in watch.readings)} == set()


PLANTED: dict[str, Select[Any]] = {
    "a column without an index": select(Customer.id).where(Customer.app_id == 1, Customer.locale == "tlh"),
    "a count": select(func.count()).select_from(Customer).where(Customer.app_id == 1),
    "a page of what hardly exists": (
        select(Customer.id).where(Customer.app_id == 1, Customer.locale == "tlh").order_by(Customer.id).limit(20)
    ),
    "an order without an index": (
        select(Customer.id).where(Customer.app_id == 1).order_by(Customer.updated_at.desc()).limit(20)
    ),
}
HARMLESS: dict[str, Select[Any]] = {
    "one row": select(Customer.id).where(Customer.app_id == 1, Customer.external_id == "alice"),
    "a page": select(Customer.id).where(Customer.app_id == 1).order_by(Customer.id.desc()).limit(20),
}


@pytest.fixture
def many_customers(api: Api, database: Database) -> Database:
    a_customer(api)
    database.dispose()
    grow(database)
    return database


def test_a_query_that_reads_through_what_grows_is_found(many_customers: Database) -> None:
    found = {name: grows(many_customers, statement) for name, statement in (PLANTED | HARMLESS).items()}
    leave_as_it_was(many_customers)
    assert found == dict.fromkeys(PLANTED, True) | dict.fromkeys(HARMLESS, False)


def grows(database: Database, statement: Select[Any]) -> bool:
    with watched(database) as watch:
        database.read(lambda session: session.execute(statement).all())
    (reading,) = watch.readings.values()
    return reading.grows
