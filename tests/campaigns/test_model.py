"""The model against examples worked out by hand from PRODUCT.md: an unchecked oracle proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from campaigns.pictures import Reading
from campaigns.story import (
    HELD,
    PROMPT,
    Story,
    bought,
    disputed,
    gave_back,
    refunded,
)
from campaigns.terms import Give
from campaigns.traps import TRAPS


def test_first_purchase_grants_both_sides_and_the_hold_releases_them() -> None:
    story = Story()
    story.claim()
    (verdict,) = story.hear(bought("o1", on=0, amount=5000))
    assert (verdict.kind, verdict.outcome) == ("new", "converted")
    assert story.reward("credit") == ("pending", 1000, 0)
    assert story.reward("share") == ("pending", 500, 0)
    assert story.balance("alice") == (0, 1000)
    story.wait(13.99)
    assert story.balance("alice") == (0, 1000)
    story.wait(0.01)
    assert story.balance("alice") == (1000, 0)
    assert story.balance("bob") == (500, 0)
    assert story.picture.grants == 2


def test_nothing_held_is_released_at_once_and_points_are_their_own_unit() -> None:
    story = Story(PROMPT)
    story.claim()
    story.hear(bought("o1", on=0))
    assert story.reward("points") == ("available", 500, 0)
    assert story.balance("bob", "points") == (500, 0)
    assert story.balance("bob") == (0, 0)


def test_a_hold_that_is_over_when_a_late_purchase_arrives_releases_at_once() -> None:
    story = Story()
    story.claim()
    story.wait(20)
    story.hear(bought("o1", on=5))
    assert story.reward("credit") == ("available", 1000, 0)


def test_percent_rounds_half_up_and_stops_at_its_ceiling() -> None:
    give = Give("percent", percent=Decimal("2.50"), ceiling_minor=3000)
    assert give.value(2020) == 51  # 50.5
    assert give.value(2019) == 50  # 50.475
    assert give.value(200_000) == 3000


def test_minimum_amount_itself_counts_and_one_cent_less_does_not() -> None:
    story = Story()
    story.claim()
    story.hear(bought("o1", on=0, amount=1999))
    assert story.state() == "pending"
    story.hear(bought("o2", on=0, amount=2000))
    assert story.reward("share") == ("pending", 200, 0)


def test_wrong_currency_counts_for_the_program_that_uses_it_only() -> None:
    story = Story(HELD, euro=replace(HELD, currency="EUR"))
    story.claim()
    story.claim(program="euro")
    story.hear(bought("o1", on=0, currency="EUR"))
    assert story.state() == "pending"
    assert story.state(program="euro") == "converted"
    assert story.balance("alice", "EUR") == (0, 1000)
    assert story.balance("alice") == (0, 0)


def test_duplicates_by_event_and_by_order_change_nothing() -> None:
    story = Story()
    story.claim()
    verdicts = story.hear(
        bought("o1", on=0),
        bought("o1", on=0),
        bought("o1", on=0, event="another-id"),
        bought("o1", on=0, amount=9000, event="a-third"),
    )
    assert [v.kind for v in verdicts] == ["new", "duplicate", "duplicate", "duplicate"]
    assert story.reward("share") == ("pending", 500, 0)
    assert [v.kind for v in story.hear_batch(bought("o2", on=1), bought("o2", on=1, event="x"))] == ["invalid"] * 2


def test_batch_recognises_its_own_duplicates() -> None:
    story = Story()
    story.claim()
    verdicts = story.hear_batch(bought("o1", on=0), bought("o1", on=0), bought("o1", on=0, event="x"))
    assert [v.kind for v in verdicts] == ["new", "duplicate", "duplicate"]
    assert story.picture.grants == 2


def test_a_time_more_than_a_minute_ahead_is_refused_and_leaves_its_id_free() -> None:
    story = Story(PROMPT)
    story.claim()
    minute = 1 / 24 / 60
    assert story.hear(bought("o1", on=minute * 61 / 60))[0].kind == "invalid"
    assert story.state() == "pending"
    assert story.hear(bought("o1", on=minute))[0].kind == "new"
    assert story.reward("points")[0] == "pending"  # not released before it has happened
    story.wait(minute)
    assert story.reward("points")[0] == "available"


def test_full_refund_voids_before_release_and_claws_back_after() -> None:
    story = Story()
    story.claim()
    story.hear(bought("o1", on=0))
    (verdict,) = story.hear(refunded("o1", 5000))
    assert verdict.outcome == "reversed"
    assert story.state() == "reversed"
    assert story.reward("credit") == ("voided", 1000, 1000)

    released = Story(PROMPT)
    released.claim()
    released.hear(bought("o1", on=0), refunded("o1", 5000))
    assert released.reward("credit") == ("clawed_back", 1000, 1000)
    assert released.balance("alice") == (0, 0)


def test_partial_refund_takes_its_share_and_fixed_amounts_too() -> None:
    story = Story()
    story.claim()
    story.hear(bought("o1", on=0, amount=5000), gave_back("o1", 1666, refund_id="r1"))
    assert story.state() == "converted"
    assert story.reward("credit") == ("pending", 1000, 333)  # 333.2
    assert story.reward("share") == ("pending", 500, 167)  # 166.6
    assert story.balance("alice") == (0, 667)


def test_cumulative_and_single_refunds_do_not_add_up() -> None:
    story = Story(replace(HELD, min_amount_minor=0))
    story.claim()
    story.hear(bought("o1", on=0, amount=5000), refunded("o1", 1000), gave_back("o1", 500, refund_id="r1"))
    assert story.reward("credit") == ("pending", 1000, 200)
    story.hear(gave_back("o1", 1000, refund_id="r2"))  # singles: 1500 > 1000
    assert story.reward("credit") == ("pending", 1000, 300)
    story.hear(refunded("o1", 1200), refunded("o1", 900))  # both below 1500
    assert story.reward("credit") == ("pending", 1000, 300)
    story.hear(gave_back("o1", 9000, refund_id="r3"))  # more than was paid: all of it
    assert story.reward("credit") == ("voided", 1000, 1000)


def test_refund_duplicates_are_known_by_amount_or_by_refund_id() -> None:
    story = Story(replace(HELD, min_amount_minor=0))
    story.claim()
    verdicts = story.hear(
        bought("o1", on=0),
        gave_back("o1", 1000, refund_id="r1"),
        gave_back("o1", 1000, refund_id="r1", event="again"),
        refunded("o1", 500),
        refunded("o1", 500, event="and-again"),
    )
    assert [v.kind for v in verdicts] == ["new", "new", "duplicate", "new", "duplicate"]
    assert story.reward("credit") == ("pending", 1000, 200)


def test_refund_below_the_minimum_reverses_whole_unless_proportional() -> None:
    for policy, expected in (("reverse", 1000), ("proportional", 620)):
        story = Story(replace(HELD, below_minimum=policy))  # type: ignore[arg-type]
        story.claim()
        story.hear(bought("o1", on=0, amount=5000), refunded("o1", 3000))
        assert story.reward("credit") == ("pending", 1000, 600)  # 2000 left: the minimum itself
        story.hear(refunded("o1", 3100))
        state = "voided" if policy == "reverse" else "pending"
        assert story.reward("credit") == (state, 1000, expected)
        assert story.state() == ("reversed" if policy == "reverse" else "converted")


def test_a_reward_that_is_kept_outlasts_the_refund() -> None:
    terms = replace(HELD, rewards=(HELD.rewards[0], replace(HELD.rewards[1], keep=True)))
    story = Story(terms)
    story.claim()
    story.hear(bought("o1", on=0), refunded("o1", 5000))
    assert story.state() == "reversed"
    assert story.reward("credit") == ("voided", 1000, 1000)
    assert story.reward("share") == ("pending", 500, 0)
    story.wait(14)
    assert story.balance("bob") == (500, 0)


def test_refund_before_its_purchase_leaves_a_tombstone() -> None:
    story = Story()
    story.claim()
    story.hear(refunded("o1", 5000), bought("o1", on=0))
    assert story.state() == "reversed"
    assert story.reward("credit") == ("voided", 1000, 1000)

    part = Story()
    part.claim()
    part.hear(refunded("o1", 1000), bought("o1", on=0))
    assert part.reward("credit") == ("pending", 1000, 200)


def test_tombstone_without_hold_is_open_between_two_readings() -> None:
    for first, state in ((False, "voided"), (True, "clawed_back")):
        story = Story(PROMPT, reading=Reading(reversed_grant_is_released_first=first))
        story.claim()
        story.hear(refunded("o1", 5000), bought("o1", on=0))
        assert story.reward("credit") == (state, 1000, 1000)


def test_earlier_purchase_takes_over_while_nothing_is_released() -> None:
    story = Story()
    story.claim()
    story.wait(10)
    story.hear(bought("late", on=9, amount=8000))
    assert story.reward("share") == ("pending", 800, 0)
    story.hear(bought("early", on=2, amount=3000))
    assert story.reward("share") == ("pending", 300, 0)
    assert story.picture.grants == 2
    story.hear(refunded("late", 8000))  # it counts for nothing any more
    assert story.state() == "converted"
    story.wait(6)  # day 16: the hold runs from the earlier one
    assert story.balance("bob") == (300, 0)


def test_earlier_purchase_revives_what_a_later_one_had_reversed() -> None:
    # Order independence: had the earlier one come first, the later one's refund would concern nobody.
    story = Story()
    story.claim()
    story.wait(10)
    story.hear(bought("late", on=9), refunded("late", 5000), bought("early", on=2, amount=3000))
    assert story.state() == "converted"
    assert story.reward("share") == ("pending", 300, 0)


def test_after_release_nothing_moves_but_refunds_still_take_back() -> None:
    story = Story()
    story.claim()
    story.hear(bought("o1", on=0, amount=8000))
    story.wait(14)
    story.hear(bought("early", on=-1, amount=3000), bought("older", on=-100))
    assert story.state() == "converted"
    assert story.reward("share") == ("available", 800, 0)
    story.hear(refunded("o1", 4000))
    assert story.reward("share") == ("available", 800, 400)
    assert story.balance("bob") == (400, 0)


def test_second_purchase_after_a_whole_refund_does_not_convert_again() -> None:
    story = Story()
    story.claim()
    story.hear(bought("o1", on=-1), refunded("o1", 5000), bought("o2", on=0))
    assert story.state() == "reversed"
    assert story.picture.grants == 2


def test_dispute_reverses_and_a_won_one_restores_to_what_refunds_left() -> None:
    story = Story()
    story.claim()
    story.hear(bought("o1", on=0), disputed("o1", "opened"))
    assert story.state() == "reversed"
    assert story.reward("credit") == ("voided", 1000, 1000)
    story.hear(refunded("o1", 1000), disputed("o1", "won"))
    assert story.state() == "converted"
    assert story.reward("credit") == ("pending", 1000, 200)
    story.hear(disputed("o1", "opened", event="late-copy"))
    assert story.state() == "converted"


def test_dispute_after_release_claws_back_and_a_won_one_gives_again() -> None:
    story = Story(PROMPT)
    story.claim()
    story.hear(bought("o1", on=0), disputed("o1", "opened", dispute_id="d1"))
    assert story.reward("credit") == ("clawed_back", 1000, 1000)
    story.hear(disputed("o1", "won", dispute_id="d1"))
    assert story.reward("credit") == ("available", 1000, 0)
    story.hear(disputed("o1", "lost", dispute_id="d2"), disputed("o1", "opened", dispute_id="d2"))
    assert story.reward("credit") == ("clawed_back", 1000, 1000)


def test_refund_and_dispute_of_one_order_reverse_once() -> None:
    story = Story()
    story.claim()
    story.hear(bought("o1", on=0), refunded("o1", 5000), disputed("o1", "opened"), disputed("o1", "won"))
    assert story.state() == "reversed"
    assert story.reward("credit") == ("voided", 1000, 1000)


def test_dispute_won_after_the_hold_releases_now_or_with_the_next_run() -> None:
    for at_once, state in ((True, "available"), (False, "pending")):
        story = Story(reading=Reading(reopened_releases_at_once=at_once))
        story.claim()
        story.hear(bought("o1", on=0), disputed("o1", "opened"))
        story.wait(20)
        assert story.reward("credit")[0] == "voided"
        story.hear(disputed("o1", "won"))
        assert story.reward("credit")[0] == state
        story.wait(0.01)
        assert story.reward("credit")[0] == "available"


@pytest.mark.parametrize("trap", TRAPS)
def test_model_holds_in(trap: Callable[[], Story]) -> None:
    assert trap().picture.grants <= 4
