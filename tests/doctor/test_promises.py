"""The doctor's own reading of terms: defaults, n-ths, rounding; and every program that the service can be given."""

from __future__ import annotations

from typing import Any

import pytest
import terms_documents
from doctor.rows import AT_ONCE, HELD

from referral_service.doctor.promises import RewardPromise, half_up, read
from referral_service.programs.terms.parse import parse_terms

Document = dict[str, Any]


def promised(**said: Any) -> RewardPromise:
    document = terms_documents.document(terms_documents.reward(**said))
    return read(document).rewards["thanks"]


def test_what_terms_leave_out_has_the_default_of_the_contract() -> None:
    promise = read(terms_documents.document())

    assert promise.is_simple
    assert promise.counts_whole_amounts
    assert promise.referee_is_new
    assert promise.reverses_below_minimum
    assert not promise.requalifies
    assert (promise.min_amount_minor, promise.budget_minor, promise.budget_count) == (0, None, None)
    reward = promise.rewards["thanks"]
    assert (reward.hold_days, reward.keeps, reward.cap_count, reward.cap_period) == (0, False, None, "lifetime")


@pytest.mark.parametrize("document", [AT_ONCE, HELD, terms_documents.ride_credit(), terms_documents.document()])
def test_terms_read_the_same_filled_in_and_as_written(document: Document) -> None:
    filled, _ = parse_terms(document)
    written, stored = read(document), read(filled)

    for each in (
        "currency",
        "referee_is_new",
        "min_amount_minor",
        "reverses_below_minimum",
        "requalifies",
        "is_simple",
    ):
        assert getattr(written, each) == getattr(stored, each)
    for key, reward in written.rewards.items():
        same = stored.rewards[key]
        assert (reward.side, reward.moment, reward.hold_days, reward.keeps, reward.kind, reward.unit) == (
            same.side, same.moment, same.hold_days, same.keeps, same.kind, same.unit
        )  # fmt: skip
        assert reward.grants_each_time == same.grants_each_time
        for ordinal, amount in ((1, 9999), (4, 12345), (25, 0)):
            assert reward.worth(ordinal=ordinal, amount_minor=amount) == same.worth(
                ordinal=ordinal, amount_minor=amount
            )


@pytest.mark.parametrize(
    "recipe",
    ["ride_credit", "storage_boost", "travel_credit", "friend_coupon", "partner_commission", "points_club",
     "gift_voucher", "ambassador_tiers"],
)  # fmt: skip
def test_every_well_known_program_can_be_read(recipe: str) -> None:
    document = getattr(terms_documents, recipe)()
    filled, _ = parse_terms(document)

    for reward in read(filled).rewards.values():
        reward.worth(ordinal=1, amount_minor=10_000)


def test_tiers_milestones_and_every_n_th_follow_the_ordinal() -> None:
    give = {"kind": "credit", "amount_minor": 100}
    tiers = promised(give=give, tiers=[{"from": 4, "amount_minor": 200}, {"from": 9, "amount_minor": 300}])
    milestones = promised(give=give, milestones=[{"at": 3, "amount_minor": 900, "badge": "bronze"}])
    every = promised(give=give, every=5)

    assert [tiers.worth(ordinal=n, amount_minor=0) for n in (3, 4, 8, 9)] == [{100}, {200}, {200}, {300}]
    assert [milestones.worth(ordinal=n, amount_minor=0) for n in (2, 3, 4)] == [set(), {900}, set()]
    assert [every.worth(ordinal=n, amount_minor=0) for n in (4, 5, 10)] == [set(), {100}, {100}]
    assert not milestones.grants_each_time


def test_a_percentage_is_rounded_half_up_and_ends_at_its_maximum() -> None:
    reward = promised(give={"kind": "percent", "percent": "12.50", "max_amount_minor": 2500})

    assert [reward.worth(ordinal=1, amount_minor=paid) for paid in (0, 4, 3, 4321, 90_000)] == [
        {0}, {1}, {0}, {540}, {2500}
    ]  # fmt: skip


def test_points_for_money_spent_may_be_rounded_either_way() -> None:
    reward = promised(give={"kind": "points", "quantity": 2, "per_minor": 100})

    assert reward.worth(ordinal=1, amount_minor=180) == {2, 4}
    assert reward.worth(ordinal=1, amount_minor=200) == {4}


@pytest.mark.parametrize(
    ("refunded", "disputed", "whole"), [(0, False, False), (3000, False, False), (3001, False, True), (0, True, True)]
)
def test_a_conversion_is_reversed_whole_below_its_minimum_or_by_a_dispute(
    refunded: int, disputed: bool, whole: bool
) -> None:
    promise = read(AT_ONCE)

    assert promise.reversed_whole(amount_minor=5000, refunded_minor=refunded, disputed=disputed) is whole


def test_what_asks_for_more_than_one_purchase_is_not_for_a_plain_recount() -> None:
    steps: list[Document] = [{"key": "three", "event": "purchase", "count": 3}]
    promise = read(terms_documents.document(qualification={"steps": steps}))

    assert not promise.is_simple
    assert promise.reversed_whole(amount_minor=5000, refunded_minor=1, disputed=False) is None


@pytest.mark.parametrize(("amount", "share"), [(1, 1), (2, 1), (3, 2), (5, 3)])
def test_a_half_goes_up(amount: int, share: int) -> None:
    assert half_up(amount, 1, 2) == share
