"""A budget that is set while rewards are being granted counts them too."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from journeys.earned import change_terms, reward, rows
from sqlalchemy import event

from builders import Api, a_claim, a_code, a_program, a_purchase, items
from cast import BOB, CAROL, Person
from referral_service.kit.db.engines import Database

pytestmark = pytest.mark.usefixtures("books_in_order")

WAIT_SECONDS = 30
BUDGET = {"amount_minor": 1500}


def test_grant_that_is_under_way_while_a_budget_is_set_is_counted(
    api: Api, database: Database, database_kind: str
) -> None:
    program = a_program(api, rewards=[reward("welcome", "referee")])
    code = a_code(api, program)
    for person in (BOB, CAROL):
        a_claim(api, code, referee=person)
    if database_kind == "sqlite":
        # There is one writer: nothing is ever under way.
        a_purchase(api)
        change_terms(api, program, budget=BUDGET)
        a_purchase(api, customer=CAROL)
    else:
        _with_a_grant_under_way(api, database, program)
    granted = sum(it["amount"]["amount_minor"] for it in items(api, "/v1/rewards"))
    assert (rows(database, "SELECT used_minor FROM budgets"), granted) == ([(1500,)], 1500)


def _with_a_grant_under_way(api: Api, database: Database, program: Any) -> None:
    """Set the budget, and let Carol buy, between the writing of Bob's reward and its commit."""
    has_written, may_go_on = Event(), Event()

    def hold(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO rewards") and not has_written.is_set():
            has_written.set()
            assert may_go_on.wait(WAIT_SECONDS)

    def set_and_buy() -> None:
        change_terms(_another(api), program, budget=BUDGET)
        _buys(api, CAROL)

    event.listen(database.write_engine, "after_cursor_execute", hold)
    try:
        with ThreadPoolExecutor(2) as senders:
            try:
                first = senders.submit(_buys, api, BOB)
                assert has_written.wait(WAIT_SECONDS)
                second = senders.submit(set_and_buy)
                _until_done_or_waiting(database, second)
            finally:
                may_go_on.set()
            first.result(WAIT_SECONDS)
            second.result(WAIT_SECONDS)
    finally:
        event.remove(database.write_engine, "after_cursor_execute", hold)


def _another(api: Api) -> Api:
    """A client for another thread."""
    return Api(api.client.application.test_client(), key=api.key, clock=api.clock)


def _buys(api: Api, person: Person) -> None:
    a_purchase(_another(api), customer=person)


def _until_done_or_waiting(database: Database, sender: Any) -> None:
    """Until whoever came second has to wait for a lock, or did not have to."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    for _ in range(WAIT_SECONDS * 50):
        if sender.done() or rows(database, waiting):
            return
        time.sleep(0.02)
    raise AssertionError("The second neither came to an end nor had to wait.")
