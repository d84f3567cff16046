"""Entries are written whole, balanced and once; what is written stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ledger.invariants import violations
from ledger.people import NOW, Given, do
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from referral_service.kit.db.engines import Database
from referral_service.kit.ids import new_id
from referral_service.ledger.accounts import account_id
from referral_service.ledger.entries import Entry, Leg, LotChange
from referral_service.ledger.errors import UnbalancedEntry
from referral_service.ledger.post import post


def gift(amount: int = 500) -> Entry:
    legs = (Leg(new_id("prg"), "expense", "USD", -amount), Leg(new_id("cus"), "pending", "USD", amount))
    return Entry(id=new_id("txn"), kind="grant", subject=new_id("rwd"), seq=1, reason=None, legs=legs)


def count(database: Database, app_id: int, table: str) -> int:
    query = text(f"SELECT count(*) FROM {table} WHERE app_id = :app")
    return database.read(lambda session: int(session.execute(query, {"app": app_id}).scalar_one()))


def test_an_entry_opens_the_accounts_it_needs(database: Database, app_id: int) -> None:
    database.transact(lambda session: post(session, app_id=app_id, entries=[gift(), gift()], now=NOW))
    # Two wallets of three accounts each, and two programs.
    assert count(database, app_id, "ledger_accounts") == 8
    assert database.read(lambda session: violations(session, app_id)) == []


@pytest.mark.parametrize(
    ("legs", "changes"),
    [
        ((Leg("prg_a", "expense", "USD", -5), Leg("cus_a", "pending", "USD", 4)), ()),
        ((Leg("prg_a", "expense", "USD", -5), Leg("cus_a", "pending", "EUR", 5)), ()),
        ((Leg("prg_a", "expense", "USD", 0), Leg("cus_a", "pending", "USD", 0)), ()),
        ((), ()),
        # Balanced, but nothing would be left in the lots for what is available.
        ((Leg("cus_a", "pending", "USD", -5), Leg("cus_a", "available", "USD", 5)), ()),
        ((Leg("prg_a", "expense", "USD", -5), Leg("cus_a", "pending", "USD", 5)), (LotChange("lot_a", 3),)),
        ((Leg("prg_a", "expense", "USD", -5), Leg("cus_a", "pending", "USD", 5)), (LotChange("lot_a", 0),)),
    ],
)
def test_what_does_not_balance_is_refused_before_anything_is_written(
    database: Database, app_id: int, legs: tuple[Leg, ...], changes: tuple[LotChange, ...]
) -> None:
    def work(session: Session) -> None:
        with pytest.raises(UnbalancedEntry):
            post(session, app_id=app_id, entries=[gift(), replace(gift(), legs=legs, changes=changes)], now=NOW)

    database.transact(work)
    assert count(database, app_id, "ledger_txns") == 0
    assert count(database, app_id, "ledger_accounts") == 0


def test_the_same_kind_subject_and_number_cannot_be_posted_twice(database: Database, app_id: int) -> None:
    first = gift()
    database.transact(lambda session: post(session, app_id=app_id, entries=[first], now=NOW))
    again = replace(first, id=new_id("txn"))
    with pytest.raises(IntegrityError):
        database.transact(lambda session: post(session, app_id=app_id, entries=[again], now=NOW))
    assert count(database, app_id, "ledger_txns") == 1
    assert database.read(lambda session: violations(session, app_id)) == []


@pytest.mark.parametrize("table", ["ledger_txns", "ledger_postings", "lot_movements"])
@pytest.mark.parametrize("change", ["UPDATE {} SET app_id = app_id", "DELETE FROM {}"])
def test_the_database_itself_refuses_to_change_what_is_written(
    database: Database, app_id: int, table: str, change: str
) -> None:
    reward = Given()
    database.transact(lambda session: do(session, app_id, reward.grant(9), reward.release(9), reward.claw_back(4)))
    before = count(database, app_id, table)
    assert before
    with pytest.raises(DBAPIError, match="append-only"):
        database.transact(lambda session: session.execute(text(f"{change.format(table)} WHERE app_id = {app_id}")))
    assert count(database, app_id, table) == before


@pytest.mark.parametrize("kind", ["pending", "available", "debt"])
def test_the_database_itself_refuses_an_overdrawn_account(database: Database, app_id: int, kind: str) -> None:
    reward = Given()
    database.transact(lambda session: do(session, app_id, reward.grant(5)))
    wrong = 1 if kind == "debt" else -1
    statement = text("UPDATE ledger_accounts SET balance = :wrong WHERE app_id = :app AND id = :id")
    account = account_id(reward.recipient_id, kind, "USD")
    with pytest.raises(IntegrityError):
        database.transact(lambda session: session.execute(statement, {"wrong": wrong, "app": app_id, "id": account}))


def test_an_accounts_id_fits_its_column_and_is_nobody_elses() -> None:
    # The longest unit that terms may name, as a program and a customer hold it under every heading.
    kinds = ("pending", "available", "debt", "expense", "redeemed", "expired", "written_off", "adjustment")
    owners = (new_id("cus"), new_id("prg"), "app")
    ids = {account_id(owner, kind, unit) for owner in owners for kind in kinds for unit in ("U" * 16, "USD")}
    assert len(ids) == len(kinds) * len(owners) * 2
    assert max(map(len, ids)) <= 48


def statements_of(database: Database, app_id: int, rewards: list[Given]) -> list[str]:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    event.listen(database.write_engine, "before_cursor_execute", note)
    try:
        moves = [move for reward in rewards for move in (reward.grant(7), reward.release(7))]
        database.transact(lambda session: do(session, app_id, *moves))
    finally:
        event.remove(database.write_engine, "before_cursor_execute", note)
    return seen


def test_the_number_of_statements_does_not_grow_with_the_number_of_rewards(database: Database, app_id: int) -> None:
    one = statements_of(database, app_id, [Given()])
    many = statements_of(database, app_id, [Given() for _ in range(50)])
    assert len(one) == len(many) == 7
