"""What a program owes: its open lots less the debts that its claw-backs left."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger.people import NOW, Given, do, spend
from sqlalchemy.orm import Session

from referral_service.kit.db.engines import Database
from referral_service.kit.ids import new_id
from referral_service.ledger.adjust import adjust
from referral_service.ledger.outstanding import DebtStep, outstanding, owed_by_payer


@pytest.mark.parametrize(
    ("steps", "owed"),
    [
        ([], {}),
        ([("x", -5)], {"x": 5}),
        ([("x", -5), ("y", -3), ("x", -2)], {"x": 7, "y": 3}),
        # The oldest is paid first.
        ([("x", -5), ("y", -3), (None, 6)], {"y": 2}),
        ([("x", -5), ("y", -3), (None, 2), (None, 1)], {"x": 2, "y": 3}),
        # What y forgives is its own, though the debt to x is older.
        ([("x", -5), ("y", -3), ("y", 3)], {"x": 5}),
        # The payment was reckoned to x; so y forgives what is owed to y, and the rest of it is x's gain.
        ([("x", -5), ("y", -3), (None, 7), ("x", 1)], {}),
    ],
)
def test_a_debt_is_divided_by_whom_it_is_owed_to(steps: list[tuple[str | None, int]], owed: dict[str, int]) -> None:
    assert owed_by_payer(DebtStep(*step) for step in steps) == owed


@given(st.lists(st.tuples(st.sampled_from(["x", "y", "z", None]), st.integers(-50, 50).filter(bool)), max_size=20))
def test_the_parts_sum_to_the_whole_debt(steps: list[tuple[str | None, int]]) -> None:
    told: list[DebtStep] = []
    for payer, amount in steps:
        # The books never let a debt be paid beyond what is owed.
        amount = min(amount, -sum(step.amount for step in told))
        told += [DebtStep(payer, amount)] if amount else []

    assert sum(owed_by_payer(told).values()) == -sum(step.amount for step in told)


def owed(session: Session, app_id: int, reward: Given, *, days: int = 0) -> dict[str, int]:
    now = NOW + timedelta(days=days)
    return outstanding(session, app_id=app_id, program_id=reward.program_id, now=now)


def test_what_is_held_is_not_outstanding_and_what_is_released_is_until_spent(database: Database, app_id: int) -> None:
    reward = Given()

    def tell(session: Session) -> list[dict[str, int]]:
        do(session, app_id, reward.grant(1000))
        held = owed(session, app_id, reward)
        do(session, app_id, reward.release(1000))
        released = owed(session, app_id, reward)
        spend(session, app_id, reward, 400)
        return [held, released, owed(session, app_id, reward)]

    assert database.transact(tell) == [{}, {"USD": 1000}, {"USD": 600}]


def test_units_stand_apart_and_so_do_programs(database: Database, app_id: int) -> None:
    money, points = Given(program_id="prg_a"), Given(program_id="prg_a", unit="points")
    other = Given(program_id="prg_b")

    def tell(session: Session) -> list[dict[str, int]]:
        for reward, amount in ((money, 5), (points, 7), (other, 11)):
            do(session, app_id, reward.grant(amount), reward.release(amount))
        return [owed(session, app_id, money), owed(session, app_id, other), outstanding(
            session, app_id=app_id + 1, program_id="prg_a", now=NOW
        )]  # fmt: skip

    assert database.transact(tell) == [{"USD": 5, "points": 7}, {"USD": 11}, {}]


def test_a_lot_past_its_end_is_not_outstanding_though_nobody_booked_it(database: Database, app_id: int) -> None:
    reward = Given()
    end = NOW + timedelta(days=10)

    def tell(session: Session) -> list[dict[str, int]]:
        do(session, app_id, reward.grant(1000), reward.release(1000, expires_at=end))
        return [owed(session, app_id, reward, days=9), owed(session, app_id, reward, days=10)]

    assert database.transact(tell) == [{"USD": 1000}, {}]


def test_what_was_spent_and_then_taken_back_is_owed_to_the_program(database: Database, app_id: int) -> None:
    alice = new_id("cus")
    spent, kept = Given(alice, program_id="prg_a"), Given(alice, program_id="prg_b")

    def tell(session: Session) -> list[dict[str, int]]:
        do(session, app_id, spent.grant(1000), spent.release(1000))
        spend(session, app_id, spent, 700)
        do(session, app_id, kept.grant(100), kept.release(100))
        do(session, app_id, spent.claw_back(1000))
        return [owed(session, app_id, spent), owed(session, app_id, kept)]

    assert database.transact(tell) == [{"USD": -700}, {"USD": 100}]


def test_a_later_release_pays_the_debt_whichever_program_it_comes_from(database: Database, app_id: int) -> None:
    alice = new_id("cus")
    spent, later = Given(alice, program_id="prg_a"), Given(alice, program_id="prg_b")

    def tell(session: Session) -> list[dict[str, int]]:
        do(session, app_id, spent.grant(1000), spent.release(1000))
        spend(session, app_id, spent, 1000)
        do(session, app_id, spent.claw_back(1000))
        do(session, app_id, later.grant(300), later.release(300))
        partly = [owed(session, app_id, spent), owed(session, app_id, later)]
        adjust(session, app_id=app_id, customer_id=alice, unit="USD", amount=700, reason="goodwill", now=NOW)
        return [*partly, owed(session, app_id, spent), owed(session, app_id, later)]

    assert database.transact(tell) == [{"USD": -700}, {}, {}, {}]


def test_a_dispute_won_forgives_the_debt(database: Database, app_id: int) -> None:
    reward = Given()

    def tell(session: Session) -> list[dict[str, int]]:
        do(session, app_id, reward.grant(1000), reward.release(1000))
        spend(session, app_id, reward, 600)
        do(session, app_id, reward.claw_back(1000))
        taken = owed(session, app_id, reward)
        do(session, app_id, reward.restore(1000))
        return [taken, owed(session, app_id, reward)]

    assert database.transact(tell) == [{"USD": -600}, {"USD": 400}]
