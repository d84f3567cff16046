"""What refunds and disputes add up to. No database."""

from __future__ import annotations

from functools import reduce
from itertools import permutations

import pytest

from referral_service.events.policy import dispute_after, disputes_together, refunded


@pytest.mark.parametrize(
    ("refunds", "total"),
    [
        ([], 0),
        ([("single", 10), ("single", 20)], 30),
        ([("cumulative", 10), ("cumulative", 25)], 25),
        ([("cumulative", 25), ("single", 10), ("single", 10)], 25),
        ([("cumulative", 15), ("single", 10), ("single", 10)], 20),
        ([("single", 80), ("single", 80)], 100),
    ],
)
def test_refunds_add_up_to_the_larger_way_of_counting(refunds: list[tuple[str, int]], total: int) -> None:
    assert refunded(refunds, amount_minor=100) == total


def test_tombstone_without_an_amount_has_no_bound() -> None:
    assert refunded([("single", 80), ("single", 80)], amount_minor=None) == 160


@pytest.mark.parametrize("said", [["opened"], ["opened", "won"], ["opened", "lost"], ["won", "lost"]])
def test_messages_of_a_dispute_end_alike_in_every_order(said: list[str]) -> None:
    ends = {reduce(dispute_after, order[1:], dispute_after(None, order[0])) for order in permutations(said)}
    assert len(ends) == 1


def test_lost_dispute_counts_before_an_open_one() -> None:
    assert disputes_together([]) is None
    assert disputes_together(["won", "opened"]) == "opened"
    assert disputes_together(["won", "opened", "lost"]) == "lost"
    assert disputes_together(["won", "won"]) == "won"
