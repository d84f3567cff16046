"""Who holds which rank when a contest closes: no database is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral_service.journeys.coming_due.close_contests import Tally, Winner, first_ranks


@pytest.mark.parametrize(
    ("standings", "last", "ranked"),
    [
        ([], 3, []),
        ([("a", 5, 0), ("b", 4, 0), ("c", 3, 0), ("d", 2, 0)], 3, [("a", 1), ("b", 2), ("c", 3)]),
        ([("a", 5, 0), ("b", 5, 0), ("c", 3, 0), ("d", 2, 0)], 3, [("a", 1), ("b", 1), ("c", 3)]),
        ([("a", 5, 0), ("b", 4, 0), ("c", 4, 0), ("d", 4, 0)], 2, [("a", 1), ("b", 2), ("c", 2), ("d", 2)]),
        # What came too late is taken off, and others pass by.
        (
            [("a", 9, 8), ("b", 5, 0), ("c", 4, 4), ("d", 2, 0), ("e", 1, 0)],
            3,
            [("b", 1), ("d", 2), ("a", 3), ("e", 3)],
        ),
        ([("a", 3, 3)], 1, []),
    ],
)
def test_ranks_are_shared_and_skipped(
    standings: list[tuple[str, int, int]], last: int, ranked: list[tuple[str, int]]
) -> None:
    assert first_ranks((Tally(*each) for each in standings), last=last) == [Winner(*each) for each in ranked]


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), max_size=12), st.integers(1, 5))
def test_ranks_are_what_the_whole_list_says_and_no_more_of_it_is_read_than_needed(
    counts: list[tuple[int, int]], last: int
) -> None:
    standings = [
        Tally(f"c{n}", total, min(total, late)) for n, (total, late) in enumerate(sorted(counts, reverse=True))
    ]
    read = iter(standings)

    found = first_ranks(read, last=last)

    in_time = {each.customer_id: each.conversions - each.late for each in standings}
    expected = {name: 1 + sum(n > own for n in in_time.values()) for name, own in in_time.items() if own > 0}
    assert {winner.customer_id: winner.rank for winner in found} == {
        name: rank for name, rank in expected.items() if rank <= last
    }
    assert [winner.rank for winner in found] == sorted(winner.rank for winner in found)


def test_those_far_behind_are_not_even_read() -> None:
    standings = (Tally(f"c{n}", 1000 - n, 0) for n in range(1000))

    first_ranks(standings, last=3)

    assert next(standings).customer_id == "c4"
