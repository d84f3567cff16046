"""Short stories where an engine is likeliest to go wrong, told to the model here, to the service elsewhere.

A random campaign meets most of them some day; these meet them every day. The name is what must hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from campaigns.story import HELD, PROMPT, Story, bought, day, disputed, gave_back, refunded

SECOND = 1 / 24 / 60 / 60


def a_won_dispute_does_not_revive_what_not_new_reversed() -> Story:
    story = Story()
    story.claim()
    story.hear(bought("o1", on=0), disputed("o1", "opened"), bought("old", on=-8), disputed("o1", "won"))
    assert story.state() == "reversed"
    assert story.balance("alice") == (0, 0)
    return story


def an_earlier_purchase_does_not_revive_what_not_new_reversed() -> Story:
    story = Story()
    story.claim()
    story.wait(3)
    story.hear(bought("o1", on=3), bought("old", on=-8), bought("early", on=1))
    assert story.state() == "reversed"
    return story


def an_earlier_purchase_revives_what_a_refund_of_the_later_one_reversed() -> Story:
    story = Story()
    story.claim()
    story.wait(10)
    story.hear(bought("late", on=9), refunded("late", 5000), bought("early", on=2, amount=3000))
    assert story.reward("share") == ("pending", 300, 0)
    return story


def an_earlier_purchase_with_a_tombstone_takes_over_and_reverses() -> Story:
    story = Story()
    story.claim()
    story.wait(10)
    story.hear(bought("late", on=9), refunded("early", 3000), bought("early", on=2, amount=3000))
    assert story.reward("share") == ("voided", 300, 300)
    return story


def of_two_purchases_at_one_instant_the_same_one_counts_in_any_order() -> Story:
    story = Story()
    story.claim("alice")
    story.claim("alice", referee="carol")
    story.hear(bought("o1", on=0, amount=3000), bought("o2", on=0, amount=7000))
    story.hear(bought("o4", on=0, amount=7000, by="carol"), bought("o3", on=0, amount=3000, by="carol"))
    assert story.reward("share") == story.reward("share", referee="carol") == ("pending", 300, 0)
    return story


def two_rejections_of_one_referee_and_code_do_not_collide() -> Story:
    """The first is refused at the claim, the second accepted (it opens earlier) and rejected later."""
    story = Story()
    story.hear(bought("small", on=-7 - SECOND, amount=1000))
    assert story.claim().reasons == {"not_new"}
    assert story.claim(at=day(-1)).answer == "accepted"
    story.hear(bought("old", on=-30))
    assert story.picture.rejected == {("p", "bob", "alice"): (frozenset({"not_new"}),) * 2}
    return story


def a_referral_rejected_later_makes_room_for_a_claim_that_is_judged_anew() -> Story:
    story = Story()
    story.claim("alice")
    assert story.claim("carol").reasons == {"already_referred"}
    story.hear(bought("old", on=-8))
    assert story.claim("carol").reasons == {"not_new"}
    assert story.claim("alice").reasons == {"not_new"}
    return story


def refunds_between_purchase_and_claim_are_not_forgotten() -> Story:
    story = Story()
    story.hear(bought("o1", on=-3), gave_back("o1", 1000, refund_id="r1"))
    story.claim()
    assert story.reward("credit") == ("pending", 1000, 200)
    return story


def a_late_purchase_of_an_expired_referral_may_still_be_taken_over() -> Story:
    terms = replace(HELD, rewards=tuple(replace(reward, hold_days=120) for reward in HELD.rewards))
    story = Story(terms)
    story.claim()
    story.wait(95)
    story.hear(bought("o1", on=80), bought("o2", on=70, amount=3000))
    assert story.reward("share") == ("pending", 300, 0)
    return story


def proportional_shares_are_of_the_grant_and_never_add_up_their_roundings() -> Story:
    story = Story(replace(PROMPT, min_amount_minor=0))
    story.claim()
    story.hear(bought("o1", on=0, amount=3000))
    for number in range(1, 8):
        story.hear(gave_back("o1", 333, refund_id=f"r{number}"))
    assert story.reward("credit") == ("available", 1000, 777)  # 2331 of 3000, not seven times 111
    assert story.balance("alice") == (223, 0)
    return story


def one_open_dispute_of_two_is_enough() -> Story:
    story = Story(PROMPT)
    story.claim()
    first, second = "d1", "d2"
    story.hear(bought("o1", on=0), disputed("o1", "opened", dispute_id=first))
    story.hear(disputed("o1", "opened", dispute_id=second), disputed("o1", "won", dispute_id=first))
    assert story.reward("credit") == ("clawed_back", 1000, 1000)
    story.hear(disputed("o1", "won", dispute_id=second))
    assert story.reward("credit") == ("available", 1000, 0)
    return story


def a_dispute_won_before_it_was_opened_disturbs_nothing() -> Story:
    story = Story()
    story.claim()
    story.hear(disputed("o1", "won"), bought("o1", on=0), disputed("o1", "opened"))
    assert story.reward("credit") == ("pending", 1000, 0)
    return story


def a_batch_with_everything_at_once_settles_to_the_same() -> Story:
    story = Story()
    story.claim()
    story.wait(5)
    story.hear_batch(
        refunded("early", 1000),
        bought("late", on=4, amount=9000),
        bought("late", on=4, amount=9000),
        disputed("late", "opened"),
        bought("ahead", on=6),
        bought("early", on=2, amount=4000),
        bought("early", on=2, amount=4000, event="other-id"),
    )
    assert story.reward("credit") == ("pending", 1000, 250)
    assert story.reward("share") == ("pending", 400, 100)
    return story


TRAPS: tuple[Callable[[], Story], ...] = (
    a_won_dispute_does_not_revive_what_not_new_reversed,
    an_earlier_purchase_does_not_revive_what_not_new_reversed,
    an_earlier_purchase_revives_what_a_refund_of_the_later_one_reversed,
    an_earlier_purchase_with_a_tombstone_takes_over_and_reverses,
    of_two_purchases_at_one_instant_the_same_one_counts_in_any_order,
    two_rejections_of_one_referee_and_code_do_not_collide,
    a_referral_rejected_later_makes_room_for_a_claim_that_is_judged_anew,
    refunds_between_purchase_and_claim_are_not_forgotten,
    a_late_purchase_of_an_expired_referral_may_still_be_taken_over,
    proportional_shares_are_of_the_grant_and_never_add_up_their_roundings,
    one_open_dispute_of_two_is_enough,
    a_dispute_won_before_it_was_opened_disturbs_nothing,
    a_batch_with_everything_at_once_settles_to_the_same,
)
