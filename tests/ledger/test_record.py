"""What happens to a reward in the books: the posting table of docs/ledger.md, line by line."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ledger.invariants import balance_of, given_out, postings_of, violations
from ledger.people import NOW, Given, do, spend, wallet
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from referral_service.kit.db.engines import Database
from referral_service.ledger.errors import LedgerMisuse
from referral_service.ledger.expire import expire_lots, lots_due
from referral_service.ledger.moves import Move, Recorded, Split


class Case:
    """One app's database, with the checks that every test ends in."""

    def __init__(self, database: Database, app_id: int) -> None:
        self.database = database
        self.app_id = app_id

    def do(self, *moves: Move) -> list[Recorded]:
        outcomes = self.database.transact(lambda session: do(session, self.app_id, *moves))
        assert self.database.read(lambda session: violations(session, self.app_id)) == []
        return outcomes

    def spend(self, reward: Given, amount: int) -> None:
        self.database.transact(lambda session: spend(session, self.app_id, reward, amount))

    def expire(self, *rewards: Given) -> list[tuple[str, int]]:
        after = NOW + timedelta(days=400)
        origins = [reward.reward_id for reward in rewards]
        lapsed = self.database.transact(
            lambda session: expire_lots(session, app_id=self.app_id, origins=origins, now=after)
        )
        return [(one.origin, one.amount) for one in lapsed]

    def wallet(self, reward: Given) -> tuple[int, int]:
        return self.database.read(lambda session: wallet(session, self.app_id, reward.recipient_id))[reward.unit]

    def sum(self, owner: str, kind: str) -> int:
        return self.database.read(lambda session: balance_of(session, self.app_id, owner, kind))

    def postings(self, reward: Given, kind: str) -> list[tuple[str, int]]:
        return self.database.read(lambda session: postings_of(session, self.app_id, reward.reward_id, kind))

    def count(self, table: str) -> int:
        query = text(f"SELECT count(*) FROM {table} WHERE app_id = :app")
        return self.database.read(lambda session: int(session.execute(query, {"app": self.app_id}).scalar_one()))


@pytest.fixture
def case(database: Database, app_id: int) -> Case:
    return Case(database, app_id)


def test_a_grant_is_pending_and_the_programs_expense(case: Case) -> None:
    reward = Given()
    case.do(reward.grant(1000))
    assert case.wallet(reward) == (0, 1000)
    assert case.postings(reward, "grant") == [("expense", -1000), ("pending", 1000)]


def test_a_release_makes_it_available_and_opens_a_lot(case: Case) -> None:
    reward = Given()
    case.do(reward.grant(1000))
    (outcome,) = case.do(reward.release(1000))
    assert outcome.lot_rest == 1000
    assert case.wallet(reward) == (1000, 0)
    assert case.postings(reward, "release") == [("pending", -1000), ("available", 1000)]


def test_a_reward_without_hold_is_granted_and_released_in_one_call(case: Case) -> None:
    reward = Given()
    case.do(reward.grant(1000), reward.release(1000))
    assert case.wallet(reward) == (1000, 0)
    assert case.count("ledger_txns") == 2


def test_the_rewards_of_both_sides_and_of_several_units_go_in_together(case: Case) -> None:
    alice = Given()
    bob, points = Given(program_id=alice.program_id), Given(recipient_id=alice.recipient_id, unit="points")
    case.do(alice.grant(1000), bob.grant(500), points.grant(7), bob.release(500))
    assert (case.wallet(alice), case.wallet(bob), case.wallet(points)) == ((0, 1000), (500, 0), (0, 7))


def test_zero_writes_nothing_at_all(case: Case) -> None:
    reward = Given()
    outcomes = case.do(reward.grant(0), reward.release(0), reward.void(0), reward.claw_back(0), reward.restore(0))
    assert [outcome.lot_rest for outcome in outcomes] == [None] * 5
    assert {table: case.count(table) for table in ("ledger_txns", "ledger_accounts", "lots", "notifications")} == {
        "ledger_txns": 0,
        "ledger_accounts": 0,
        "lots": 0,
        "notifications": 0,
    }


def test_a_negative_amount_is_a_fault_of_the_caller() -> None:
    with pytest.raises(LedgerMisuse):
        Given().grant(-1)


@pytest.mark.parametrize("again", ["grant", "release"])
def test_what_happens_once_is_refused_the_second_time(case: Case, again: str) -> None:
    reward = Given()
    case.do(reward.grant(1000), reward.release(400))
    with pytest.raises(IntegrityError):
        case.do(getattr(reward, again)(400))
    assert case.wallet(reward) == (400, 600)


def test_two_grants_of_one_reward_in_one_call_are_refused(case: Case) -> None:
    reward = Given()
    with pytest.raises(IntegrityError):
        case.do(reward.grant(1000), reward.grant(1000))
    assert case.count("ledger_txns") == 0


def test_more_than_is_pending_cannot_be_released(case: Case) -> None:
    reward = Given()
    case.do(reward.grant(100))
    with pytest.raises(IntegrityError):
        case.do(reward.release(101))


def test_a_takeover_reverses_the_old_amount_and_gives_the_new_one(case: Case) -> None:
    reward = Given()
    case.do(reward.grant(1000))
    case.do(reward.amend(1000, 300))
    assert case.wallet(reward) == (0, 300)
    assert case.postings(reward, "amend") == [
        ("pending", -1000),
        ("expense", 1000),
        ("expense", -300),
        ("pending", 300),
    ]


def test_a_takeover_with_the_same_amount_writes_nothing(case: Case) -> None:
    reward = Given()
    case.do(reward.grant(1000))
    case.do(reward.amend(1000, 1000))
    assert case.postings(reward, "amend") == []


def test_a_reward_can_be_voided_in_parts_and_the_rest_released(case: Case) -> None:
    reward = Given()
    case.do(reward.grant(1000))
    case.do(reward.void(250))
    case.do(reward.void(250))
    case.do(reward.release(500))
    assert case.wallet(reward) == (500, 0)
    assert case.sum(reward.program_id, "expense") == -500


def test_a_purchase_that_meets_its_refund_is_granted_and_voided_at_once(case: Case) -> None:
    reward = Given()
    case.do(reward.grant(1000), reward.void(1000))
    assert case.wallet(reward) == (0, 0)


def test_a_dispute_won_before_the_release_makes_it_pending_again(case: Case) -> None:
    reward = Given()
    case.do(reward.grant(1000))
    case.do(reward.void(1000))
    (outcome,) = case.do(reward.restore(1000))
    assert outcome.split is None
    assert case.wallet(reward) == (0, 1000)


def test_a_claw_back_takes_what_is_left_of_its_own_lot_first(case: Case) -> None:
    reward = Given()
    other = Given(reward.recipient_id, reward.program_id)
    case.do(reward.grant(1000), reward.release(1000), other.grant(500), other.release(500))
    case.spend(reward, 400)
    (outcome,) = case.do(reward.claw_back(600))
    assert outcome.split == Split(lot=600)
    assert outcome.lot_rest == 0
    assert case.wallet(reward) == (500, 0)


def test_the_spent_part_becomes_a_debt_that_counts_against_other_lots(case: Case) -> None:
    reward = Given()
    other = Given(reward.recipient_id)
    case.do(reward.grant(1000), reward.release(1000))
    case.spend(reward, 400)
    case.do(other.grant(100), other.release(100))
    (outcome,) = case.do(reward.claw_back(1000))
    assert outcome.split == Split(lot=600, debt=400)
    assert case.wallet(reward) == (-300, 0)
    assert case.postings(reward, "claw_back") == [("available", -600), ("debt", -400), ("expense", 1000)]


def test_written_off_the_spent_part_is_the_programs_loss(case: Case) -> None:
    reward = Given()
    case.do(reward.grant(1000), reward.release(1000))
    case.spend(reward, 400)
    (outcome,) = case.do(reward.claw_back(1000, spent_policy="write_off"))
    assert outcome.split == Split(lot=600, written_off=400)
    assert case.wallet(reward) == (0, 0)
    assert case.sum(reward.program_id, "written_off") == -400


def test_every_later_release_in_the_unit_pays_the_debt_first(case: Case) -> None:
    first = Given()
    second, third, points = (
        Given(first.recipient_id),
        Given(first.recipient_id),
        Given(first.recipient_id, unit="points"),
    )
    case.do(first.grant(1000), first.release(1000))
    case.spend(first, 1000)
    case.do(first.claw_back(1000))
    case.do(points.grant(5), points.release(5))
    assert case.wallet(points) == (5, 0)
    (_, paid) = case.do(second.grant(700), second.release(700))
    assert (paid.lot_rest, case.wallet(first)) == (0, (-300, 0))
    (_, paid) = case.do(third.grant(700), third.release(700))
    assert (paid.lot_rest, case.wallet(first)) == (400, (400, 0))
    assert case.postings(third, "release") == [
        ("pending", -700),
        ("available", 700),
        ("available", -300),
        ("debt", 300),
    ]


def test_two_releases_in_one_call_do_not_pay_the_same_debt_twice(case: Case) -> None:
    first = Given()
    second, third = Given(first.recipient_id), Given(first.recipient_id)
    case.do(first.grant(100), first.release(100))
    case.spend(first, 100)
    case.do(first.claw_back(100))
    case.do(second.grant(80), third.grant(80), second.release(80), third.release(80))
    assert case.wallet(first) == (60, 0)


def test_what_had_expired_is_reversed_against_the_expiry_and_never_charged(case: Case) -> None:
    reward = Given()
    case.do(reward.grant(1000), reward.release(1000, expires_at=NOW + timedelta(days=365)))
    case.spend(reward, 300)
    assert case.expire(reward) == [(reward.reward_id, 700)]
    assert case.sum(reward.program_id, "expired") == 700
    (outcome,) = case.do(reward.claw_back(800))
    assert outcome.split == Split(expired=700, debt=100)
    assert case.sum(reward.program_id, "expired") == 0


def test_what_had_expired_is_reversed_once_however_many_claw_backs_there_are(case: Case) -> None:
    reward = Given()
    case.do(reward.grant(1000), reward.release(1000, expires_at=NOW + timedelta(days=365)))
    case.spend(reward, 300)
    case.expire(reward)
    (first,) = case.do(reward.claw_back(500))
    (second,) = case.do(reward.claw_back(500))
    assert (first.split, second.split) == (Split(expired=500), Split(expired=200, debt=300))


def test_a_lot_does_not_lapse_before_its_end_and_lapses_once(case: Case) -> None:
    reward = Given()
    end = NOW + timedelta(days=365)
    case.do(reward.grant(10), reward.release(10, expires_at=end))

    def due(seconds: int) -> list[str]:
        now = end + timedelta(seconds=seconds)
        return case.database.read(lambda session: lots_due(session, app_id=case.app_id, now=now))

    assert (due(-1), due(0)) == ([], [reward.reward_id])
    assert (
        case.database.transact(
            lambda session: expire_lots(session, app_id=case.app_id, origins=[reward.reward_id], now=NOW)
        )
        == []
    )
    assert case.expire(reward) == [(reward.reward_id, 10)]
    assert case.expire(reward) == []
    assert due(0) == []


def test_what_is_past_its_end_is_not_available_even_before_it_is_booked_as_expired(case: Case) -> None:
    reward = Given()
    case.do(reward.grant(10), reward.release(10, expires_at=NOW))
    assert case.wallet(reward) == (0, 0)


def test_a_dispute_won_puts_everything_back_where_it_came_from(case: Case) -> None:
    reward = Given()
    case.do(reward.grant(1000), reward.release(1000))
    case.spend(reward, 400)
    case.do(reward.claw_back(250))
    case.do(reward.claw_back(750))
    assert case.wallet(reward) == (-400, 0)
    (outcome,) = case.do(reward.restore(750))
    assert outcome.split == Split(lot=350, debt=400)
    assert case.wallet(reward) == (350, 0)
    assert case.database.read(lambda session: given_out(session, case.app_id, reward.reward_id)) == 750


def test_a_dispute_won_after_the_debt_was_repaid_gives_the_repayment_back(case: Case) -> None:
    reward = Given()
    later = Given(reward.recipient_id)
    case.do(reward.grant(1000), reward.release(1000))
    case.spend(reward, 1000)
    case.do(reward.claw_back(1000))
    case.do(later.grant(600), later.release(600))
    (outcome,) = case.do(reward.restore(1000))
    assert outcome.split == Split(lot=600, debt=400)
    assert case.wallet(reward) == (600, 0)
    assert case.sum(reward.recipient_id, "debt") == 0


def test_a_write_off_is_undone_when_the_dispute_is_won(case: Case) -> None:
    reward = Given()
    case.do(reward.grant(1000), reward.release(1000))
    case.spend(reward, 1000)
    case.do(reward.claw_back(1000, spent_policy="write_off"))
    case.do(reward.restore(1000))
    assert case.sum(reward.program_id, "written_off") == 0
    assert case.wallet(reward) == (0, 0)


def test_what_is_restored_into_a_lot_past_its_end_lapses_again(case: Case) -> None:
    reward = Given()
    case.do(reward.grant(100), reward.release(100, expires_at=NOW + timedelta(days=365)))
    case.do(reward.claw_back(60))
    assert case.expire(reward) == [(reward.reward_id, 40)]
    case.do(reward.restore(60))
    assert case.expire(reward) == [(reward.reward_id, 60)]
    assert case.sum(reward.program_id, "expired") == 100


@pytest.mark.parametrize("taken", [0, 600])
def test_no_more_can_be_clawed_back_than_was_released_and_is_not_yet_taken(case: Case, taken: int) -> None:
    reward = Given()
    case.do(reward.grant(1000), reward.release(1000), reward.claw_back(taken))
    with pytest.raises(LedgerMisuse):
        case.do(reward.claw_back(1001 - taken))


def test_no_more_can_be_restored_than_was_clawed_back(case: Case) -> None:
    reward = Given()
    case.do(reward.grant(1000), reward.release(1000), reward.claw_back(600), reward.restore(100))
    with pytest.raises(LedgerMisuse):
        case.do(reward.restore(501))


def test_two_restores_in_one_call_do_not_give_the_same_back_twice(case: Case) -> None:
    reward = Given()
    case.do(reward.grant(1000), reward.release(1000), reward.claw_back(600))
    with pytest.raises(LedgerMisuse):
        case.do(reward.restore(400), reward.restore(400))
    assert case.wallet(reward) == (400, 0)


def test_an_unreleased_reward_cannot_be_clawed_back(case: Case) -> None:
    reward = Given()
    case.do(reward.grant(1000))
    with pytest.raises(LedgerMisuse):
        case.do(reward.claw_back(1))


def test_another_app_has_books_of_its_own(case: Case) -> None:
    reward = Given()
    neighbour = Case(case.database, case.app_id + 1_000_000)
    case.do(reward.grant(1000), reward.release(1000))
    neighbour.do(reward.grant(1), reward.release(1))
    assert case.wallet(reward) == (1000, 0)
    assert neighbour.wallet(reward) == (1, 0)
