"""Spending: which lots it comes from, what it is refused for, and who wins a race for the last of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier

import pytest
from ledger.invariants import balance_of, violations
from ledger.people import NOW, Given, do, spend, wallet
from sqlalchemy import text
from sqlalchemy.orm import Session

from referral_service.kit.db.engines import Database
from referral_service.kit.ids import new_id
from referral_service.ledger.adjust import adjust
from referral_service.ledger.errors import InsufficientBalance, LedgerMisuse
from referral_service.ledger.lots import would_empty

THREADS = 8


def rests(database: Database, app_id: int) -> dict[str, int]:
    query = text("SELECT origin, rest FROM lots WHERE app_id = :app")
    return database.read(lambda session: {row[0]: row[1] for row in session.execute(query, {"app": app_id})})


def by_hand(session: Session, app_id: int, customer_id: str, amount: int) -> str:
    return adjust(
        session, app_id=app_id, customer_id=customer_id, unit="USD", amount=amount, reason="goodwill", now=NOW
    ).id


def test_lots_are_taken_by_earliest_end_then_oldest(database: Database, app_id: int) -> None:
    alice = new_id("cus")
    endless, late, soon, second = (Given(alice) for _ in range(4))
    ends = [(endless, None), (late, 30), (soon, 10), (second, 30)]

    def open_in_turn(session: Session) -> None:
        for n, (reward, days) in enumerate(ends):
            end = None if days is None else NOW + timedelta(days=days)
            moves = (reward.grant(100), reward.release(100, expires_at=end))
            do(session, app_id, *moves, now=NOW + timedelta(seconds=n))

    database.transact(open_in_turn)
    redeemed = database.transact(lambda session: spend(session, app_id, endless, 250))
    assert rests(database, app_id) == {
        soon.reward_id: 0,
        late.reward_id: 0,
        second.reward_id: 50,
        endless.reward_id: 100,
    }
    assert sorted(redeemed.emptied) == sorted([soon.reward_id, late.reward_id])
    assert database.read(lambda session: violations(session, app_id)) == []


def test_a_redemption_is_booked_on_the_programs_it_came_from_and_kept_with_its_reference(
    database: Database, app_id: int
) -> None:
    first = Given()
    second = Given(first.recipient_id)
    database.transact(lambda session: do(session, app_id, first.grant(60), second.grant(60)))
    database.transact(lambda session: do(session, app_id, first.release(60)))
    database.transact(lambda session: do(session, app_id, second.release(60), now=NOW + timedelta(seconds=1)))
    redeemed = database.transact(lambda session: spend(session, app_id, first, 100))
    shares = [
        database.read(lambda session, owner=one.program_id: balance_of(session, app_id, owner, "redeemed"))  # type: ignore[misc]
        for one in (first, second)
    ]
    assert shares == [60, 40]
    query = text("SELECT id, customer_id, unit, amount, reference FROM redemptions WHERE app_id = :app")
    (row,) = database.read(lambda session: session.execute(query, {"app": app_id}).all())
    assert tuple(row) == (redeemed.id, first.recipient_id, "USD", 100, "order o-9")


def test_more_than_is_available_is_refused_and_changes_nothing(database: Database, app_id: int) -> None:
    reward = Given()
    database.transact(lambda session: do(session, app_id, reward.grant(100), reward.release(60)))
    with pytest.raises(InsufficientBalance) as refused:
        database.transact(lambda session: spend(session, app_id, reward, 61))
    assert (refused.value.status, refused.value.code) == (409, "insufficient_balance")
    assert rests(database, app_id) == {reward.reward_id: 60}
    database.transact(lambda session: spend(session, app_id, reward, 60))
    assert database.read(lambda session: wallet(session, app_id, reward.recipient_id)) == {"USD": (0, 40)}


def test_a_customer_without_a_wallet_has_nothing_to_spend(database: Database, app_id: int) -> None:
    with pytest.raises(InsufficientBalance):
        database.transact(lambda session: spend(session, app_id, Given(), 1))


def test_a_lot_past_its_end_cannot_be_spent_before_the_worker_has_seen_it(database: Database, app_id: int) -> None:
    stale, fresh = Given(), Given()
    fresh.recipient_id = stale.recipient_id
    database.transact(
        lambda session: do(
            session,
            app_id,
            stale.grant(50),
            fresh.grant(50),
            stale.release(50, expires_at=NOW),
            fresh.release(50, expires_at=NOW + timedelta(seconds=1)),
        )
    )
    with pytest.raises(InsufficientBalance):
        database.transact(lambda session: spend(session, app_id, stale, 51))
    database.transact(lambda session: spend(session, app_id, stale, 50))
    assert rests(database, app_id) == {stale.reward_id: 50, fresh.reward_id: 0}


def test_what_is_owed_cannot_be_spent(database: Database, app_id: int) -> None:
    spent, other = Given(), Given()
    other.recipient_id = spent.recipient_id
    database.transact(lambda session: do(session, app_id, spent.grant(100), spent.release(100)))
    database.transact(lambda session: spend(session, app_id, spent, 100))
    database.transact(lambda session: do(session, app_id, other.grant(130), other.release(130)))
    database.transact(lambda session: do(session, app_id, spent.claw_back(100)))
    with pytest.raises(InsufficientBalance):
        database.transact(lambda session: spend(session, app_id, spent, 31))
    database.transact(lambda session: spend(session, app_id, spent, 30))
    assert database.read(lambda session: wallet(session, app_id, spent.recipient_id)) == {"USD": (0, 0)}


def test_hundreds_of_small_lots_are_spent_together(database: Database, app_id: int) -> None:
    alice = new_id("cus")
    rewards = [Given(alice) for _ in range(250)]
    moves = [move for reward in rewards for move in (reward.grant(1), reward.release(1))]
    database.transact(lambda session: do(session, app_id, *moves))
    redeemed = database.transact(lambda session: spend(session, app_id, rewards[0], 249))
    assert len(redeemed.emptied) == 249
    assert database.read(lambda session: violations(session, app_id)) == []


def test_what_a_redemption_would_empty_is_known_before_anything_is_locked(database: Database, app_id: int) -> None:
    alice = new_id("cus")
    first, second = Given(alice), Given(alice)
    for reward in (first, second):
        database.transact(lambda session, it=reward: do(session, app_id, it.grant(100), it.release(100)))  # type: ignore[misc]

    def foreseen(amount: int) -> list[str]:
        return database.read(
            lambda session: would_empty(session, app_id=app_id, customer_id=alice, unit="USD", amount=amount, now=NOW)
        )

    assert foreseen(99) == []
    assert foreseen(100) == [first.reward_id]
    assert foreseen(150) == [first.reward_id]
    assert foreseen(200) == [first.reward_id, second.reward_id]
    # More than there is: the redemption itself will refuse it.
    assert foreseen(1000) == [first.reward_id, second.reward_id]
    taken = database.transact(
        lambda session: adjust(
            session, app_id=app_id, customer_id=alice, unit="USD", amount=-150, reason="by_hand", now=NOW
        )
    )
    assert taken.emptied == (first.reward_id,)


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_and_less_cannot_be_redeemed(database: Database, app_id: int, amount: int) -> None:
    with pytest.raises(LedgerMisuse):
        database.transact(lambda session: spend(session, app_id, Given(), amount))


@pytest.mark.parametrize("round_number", range(5))
def test_of_many_who_redeem_the_last_of_a_balance_at_once_one_wins(
    database: Database, app_id: int, round_number: int
) -> None:
    reward = Given()
    database.transact(lambda session: do(session, app_id, reward.grant(100), reward.release(100 - round_number)))
    together = Barrier(THREADS)

    def attempt(_: int) -> bool:
        together.wait()
        try:
            database.transact(lambda session: spend(session, app_id, reward, 100 - round_number))
        except InsufficientBalance:
            return False
        return True

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(attempt, range(THREADS))) == 1
    assert database.read(lambda session: wallet(session, app_id, reward.recipient_id)) == {"USD": (0, round_number)}
    assert database.read(lambda session: violations(session, app_id)) == []


def test_releases_redemptions_and_claw_backs_of_one_wallet_at_once_keep_the_books(
    database: Database, app_id: int
) -> None:
    alice = new_id("cus")
    rewards = [Given(alice) for _ in range(THREADS)]
    together = Barrier(THREADS)

    def all_of(reward: Given) -> None:
        together.wait()
        database.transact(lambda session: do(session, app_id, reward.grant(10), reward.release(10)))
        with suppress(InsufficientBalance):
            database.transact(lambda session: spend(session, app_id, reward, 15))
        database.transact(lambda session: do(session, app_id, reward.claw_back(10)))
        database.transact(lambda session: do(session, app_id, reward.restore(10)))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(all_of, rewards))
    assert database.read(lambda session: violations(session, app_id)) == []
    spent = sum(
        database.read(lambda session, owner=one.program_id: balance_of(session, app_id, owner, "redeemed"))  # type: ignore[misc]
        for one in rewards
    )
    assert database.read(lambda session: wallet(session, app_id, alice)) == {"USD": (10 * THREADS - spent, 0)}


def test_an_adjustment_gives_a_lot_that_pays_a_debt_first(database: Database, app_id: int) -> None:
    reward = Given()
    database.transact(lambda session: do(session, app_id, reward.grant(100), reward.release(100)))
    database.transact(lambda session: spend(session, app_id, reward, 100))
    database.transact(lambda session: do(session, app_id, reward.claw_back(100)))
    adjustment = database.transact(lambda session: by_hand(session, app_id, reward.recipient_id, 130))
    assert rests(database, app_id)[adjustment] == 30
    assert database.read(lambda session: wallet(session, app_id, reward.recipient_id)) == {"USD": (30, 0)}
    database.transact(lambda session: by_hand(session, app_id, reward.recipient_id, -20))
    assert database.read(lambda session: balance_of(session, app_id, "app", "adjustment")) == -110
    with pytest.raises(InsufficientBalance):
        database.transact(lambda session: by_hand(session, app_id, reward.recipient_id, -11))
    assert database.read(lambda session: violations(session, app_id)) == []
