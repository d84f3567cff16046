"""Whatever is done to rewards, in whatever order: what docs/ledger.md promises holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger.invariants import balance_of, given_out, violations
from ledger.people import NOW, Given, do, wallet
from sqlalchemy.orm import Session

from referral_service.kit.db.engines import Database
from referral_service.kit.ids import new_id
from referral_service.ledger.adjust import adjust
from referral_service.ledger.errors import InsufficientBalance
from referral_service.ledger.expire import expire_lots, lots_due
from referral_service.ledger.moves import Move, SpentPolicy
from referral_service.ledger.redeem import redeem

APPS = count(10_000)
AMOUNTS = st.integers(0, 500)


@dataclass
class Told:
    """What was done to one reward, in the plainest words: the model has no accounts, lots or debts."""

    reward: Given
    expires_days: int | None
    granted: int | None = None
    reversed: int = 0
    released: int | None = None
    clawed_back: int = 0

    @property
    def standing(self) -> int:
        return (self.granted or 0) - self.reversed

    def move(self, verb: str, amount: int, policy: SpentPolicy) -> Move | None:
        """The move of this name if it is legal now, with the amount cut to what is."""
        if self.granted is None:
            self.granted = amount
            return self.reward.grant(amount)
        if verb == "amend" and self.released is None:
            previous, self.granted, self.reversed = self.standing, amount, 0
            return self.reward.amend(previous, amount)
        if verb == "reverse":
            amount = min(amount, self.standing if self.released is None else self.released - self.clawed_back)
            self.reversed += amount
            if self.released is None:
                return self.reward.void(amount)
            self.clawed_back += amount
            return self.reward.claw_back(amount, spent_policy=policy)
        if verb == "restore":
            amount = min(amount, self.reversed if self.released is None else self.clawed_back)
            self.reversed -= amount
            self.clawed_back -= amount if self.released is not None else 0
            return self.reward.restore(amount)
        if verb == "release" and self.released is None and self.standing:
            self.released = self.standing
            end = None if self.expires_days is None else NOW + timedelta(days=self.expires_days)
            return self.reward.release(self.released, expires_at=end)
        return None


ABOUT_REWARDS = st.lists(
    st.tuples(
        st.sampled_from(["release", "release", "reverse", "reverse", "restore", "amend"]),
        st.integers(0, 4),
        AMOUNTS,
        st.sampled_from(["negative_balance", "write_off"]),
    ),
    min_size=1,
    max_size=4,
).map(lambda moves: ("moves", moves))
STEPS = st.lists(
    st.one_of(
        ABOUT_REWARDS,
        ABOUT_REWARDS,
        st.tuples(st.just("redeem"), st.integers(1, 500)),
        st.tuples(st.just("adjust"), st.integers(-300, 300).filter(bool)),
        st.tuples(st.just("days"), st.integers(1, 5)),
    ),
    min_size=1,
    max_size=25,
)


class World:
    """Alice's rewards of two programs, and what is done to them and to her balance."""

    def __init__(self, database: Database) -> None:
        self.database, self.app_id, self.now = database, next(APPS), NOW
        self.alice = new_id("cus")
        programs = [new_id("prg"), new_id("prg")]
        self.told = [Told(Given(self.alice, programs[n % 2]), expires_days=None if n % 2 else n + 1) for n in range(5)]

    def moves(self, asked: list[tuple[str, int, int, SpentPolicy]]) -> None:
        moves = [self.told[n].move(verb, amount, policy) for verb, n, amount, policy in asked]
        legal = [move for move in moves if move]
        self.database.transact(lambda session: do(session, self.app_id, *legal, now=self.now))

    def days(self, days: int) -> None:
        self.now += timedelta(days=days)

        def lapse(session: Session) -> None:
            due = lots_due(session, app_id=self.app_id, now=self.now)
            expire_lots(session, app_id=self.app_id, origins=due, now=self.now)

        self.database.transact(lapse)

    def redeem(self, amount: int) -> None:
        def spend(session: Session) -> None:
            redeem(
                session,
                app_id=self.app_id,
                customer_id=self.alice,
                unit="USD",
                amount=amount,
                reference="o",
                now=self.now,
            )

        self._within_the_balance(amount, spend)

    def adjust(self, amount: int) -> None:
        def correct(session: Session) -> None:
            adjust(
                session,
                app_id=self.app_id,
                customer_id=self.alice,
                unit="USD",
                amount=amount,
                reason="by_hand",
                now=self.now,
            )

        self._within_the_balance(-amount, correct)

    def _within_the_balance(self, asked: int, work: Callable[[Session], None]) -> None:
        """What takes no more than is available goes through and takes exactly that; anything else changes nothing."""
        before = self._available()
        try:
            self.database.transact(work)
        except InsufficientBalance:
            assert asked > max(before, 0)
            assert self._available() == before
        else:
            assert asked <= max(before, 0)
            assert self._available() == before - asked

    def _available(self) -> int:
        told = self.database.read(lambda session: wallet(session, self.app_id, self.alice, now=self.now))
        return told["USD"][0] if told else 0

    def check(self, session: Session) -> None:
        assert violations(session, self.app_id) == []
        pending = sum(one.standing for one in self.told if one.released is None)
        assert balance_of(session, self.app_id, self.alice, "pending") == pending
        for one in self.told:
            assert given_out(session, self.app_id, one.reward.reward_id) == one.standing


@given(steps=STEPS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_any_steps_everything_balances(database: Database, steps: list[tuple[str, Any]]) -> None:
    world = World(database)
    for verb, what in steps:
        getattr(world, verb)(what)
        database.read(world.check)
