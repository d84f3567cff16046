"""The model's claims and windows against examples worked out by hand from PRODUCT.md."""

from __future__ import annotations

from dataclasses import replace

import pytest
from campaigns.facts import Advance, Touch
from campaigns.model import replay
from campaigns.pictures import ClaimVerdict, Reading, all_readings
from campaigns.story import HELD, PROMPT, START, Story, bought, day, refunded

SECOND = 1 / 24 / 60 / 60


def test_first_accepted_claim_is_final() -> None:
    story = Story()
    assert story.claim("alice").answer == "accepted"
    assert story.claim("alice").answer == "repeated"
    assert story.claim("carol") == ClaimVerdict("refused", frozenset({"already_referred"}))
    assert story.picture.accepted["p", "bob"].referrer == "alice"
    assert story.picture.rejected == {("p", "bob", "carol"): (frozenset({"already_referred"}),)}


def test_nobody_refers_himself_by_id_or_by_another_spelling_of_his_mailbox() -> None:
    story = Story()
    story.enrol("alice", "Alice.A@gmail.com")
    story.enrol("alter", "alicea+2@GMAIL.com")
    story.enrol("other", "alice.a@example.com")
    assert story.claim("alice", referee="alice").reasons == {"self_referral"}
    assert story.claim("alice", referee="alter").reasons == {"self_referral"}
    assert story.claim("alice", referee="other").answer == "accepted"


def test_unknown_code_leaves_no_trace() -> None:
    story = Story()
    assert story.claim_touches(Touch(None)).answer == "bad_code"
    assert not story.picture.accepted
    assert not story.picture.rejected


@pytest.mark.parametrize(("touch", "winner"), [("first", "alice"), ("last", "carol")])
def test_first_or_last_valid_touch_wins_and_invalid_ones_disturb_nothing(touch: str, winner: str) -> None:
    story = Story(replace(HELD, touch=touch))  # type: ignore[arg-type]
    story.wait(40)
    stale = Touch("dave", day(9))  # 31 days old, the window is 30
    story.claim_touches(stale, Touch(None), Touch("alice", day(10)), Touch("carol"), Touch(None))
    assert story.picture.accepted["p", "bob"].referrer == winner


def test_purchase_before_its_claim_waits_late_claim_days() -> None:
    story = Story()
    story.hear(bought("o1", on=-7))
    story.claim()
    assert story.reward("credit") == ("pending", 1000, 0)

    older = Story()
    older.hear(bought("o1", on=-7 - SECOND))
    assert older.claim().reasons == {"not_new"}
    assert older.picture.rejected == {("p", "bob", "alice"): (frozenset({"not_new"}),)}


def test_refused_claim_is_judged_anew() -> None:
    story = Story()
    story.hear(bought("o1", on=-7 - SECOND))
    assert story.claim().reasons == {"not_new"}
    assert story.claim(at=day(-SECOND)).answer == "accepted"
    assert story.state() == "converted"


def test_window_opens_at_the_first_valid_click() -> None:
    for hours, answer in ((1, "accepted"), (-1, "refused")):
        story = Story()
        story.wait(3)
        story.hear(bought("o1", on=1 + hours / 24))
        assert story.claim_touches(Touch("alice", day(1)), Touch("alice")).answer == answer


def test_purchase_that_was_refunded_still_makes_the_referee_an_old_customer() -> None:
    story = Story()
    story.hear(bought("o1", on=-30), refunded("o1", 5000))
    assert story.claim().reasons == {"not_new"}


def test_older_purchase_that_becomes_known_rejects_a_pending_referral_for_good() -> None:
    story = Story()
    story.claim()
    story.hear(bought("old", on=-8, amount=1), bought("o1", on=0))
    assert story.picture.rejected == {("p", "bob", "alice"): (frozenset({"not_new"}),)}
    assert not story.picture.rewards
    assert story.claim("alice").reasons == {"not_new"}
    assert story.claim("carol").reasons == {"not_new"}


def test_older_purchase_that_becomes_known_reverses_a_conversion_that_is_not_released() -> None:
    story = Story()
    story.claim()
    story.hear(bought("o1", on=0), bought("old", on=-8))
    shown = story.picture.accepted["p", "bob"]
    assert (shown.state, shown.reasons) == ("reversed", frozenset({"not_new"}))
    assert story.rewards("credit")[0].states == {"voided"}
    story.wait(100)
    assert story.picture.balances == {}


def test_program_for_old_customers_too_ignores_older_purchases() -> None:
    story = Story(replace(HELD, referee_is_new=False))
    story.hear(bought("old", on=-8))
    story.claim()
    assert story.state() == "pending"
    story.hear(bought("o1", on=0))
    assert story.state() == "converted"


def test_referral_expires_after_its_deadline_and_not_on_it() -> None:
    story = Story()
    story.claim()
    story.wait(90)
    assert story.state() == "pending"
    story.wait(SECOND)
    assert story.state() == "expired"
    assert story.claim("carol").reasons == {"already_referred"}


@pytest.mark.parametrize(("late", "state"), [(7, "converted"), (7 + SECOND, "expired")])
def test_purchase_of_the_last_instant_may_arrive_a_week_late(late: float, state: str) -> None:
    story = Story()
    story.claim()
    story.wait(90 + late)
    story.hear(bought("after", on=90 + SECOND), bought("o1", on=90))
    assert story.state() == state
    assert story.picture.grants == (2 if state == "converted" else 0)


def test_each_program_judges_the_same_purchase_for_itself() -> None:
    story = Story(HELD, quick=PROMPT)
    story.claim("alice")
    story.claim("carol", program="quick")
    story.hear(bought("o1", on=0))
    assert story.reward("credit") == ("pending", 1000, 0)
    assert story.reward("credit", program="quick") == ("available", 1000, 0)
    assert story.balance("alice") == (0, 1000)
    assert story.balance("carol") == (1000, 0)
    assert story.balance("bob", "points") == (500, 0)


def test_replay_of_the_log_is_the_same_world() -> None:
    story = Story()
    story.claim()
    story.hear(bought("o1", on=0), refunded("o1", 1000))
    story.wait(14)
    pictures = [picture for _, picture in replay(story.log, programs=story.programs, now=START)]
    assert pictures[-1] == story.picture
    assert len(pictures) == 4
    assert isinstance(story.log[-1], Advance)


def test_the_likeliest_reading_comes_first() -> None:
    readings = all_readings()
    assert readings[0] == Reading()
    assert len(set(readings)) == len(readings) == 2**7
