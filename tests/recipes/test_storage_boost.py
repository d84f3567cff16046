"""A cloud-storage invite: 500 MB for both sides, at most 32 friends, double for subscribers, space for tasks."""

from __future__ import annotations

import pytest
from recipes.playing import Play, amount_of, friend

from builders import Api
from cast import ALICE, BOB, Person


def join(play: Play, *friends: Person) -> None:
    """Let Alice's friends sign up, install and sign in."""
    for each in friends:
        play.invite(ALICE, each)
    play.tell(*(play.happened(each, step) for each in friends for step in ("app_installed", "signed_in")))


@pytest.mark.parametrize("steps", [["app_installed", "signed_in"], ["signed_in", "app_installed"]])
def test_both_sides_get_500_mb_at_once_when_the_friend_installs_and_signs_in(trial_api: Api, steps: list[str]) -> None:
    play = Play(trial_api, "storage-boost")
    play.invite(ALICE, BOB)
    play.tell_of(BOB, steps[0])
    assert play.rewards() == []
    assert play.tell_of(BOB, steps[1])["outcome"] == "converted"
    assert play.balance(ALICE, "MB") == play.balance(BOB, "MB") == (500, 0)


def test_thirty_two_friends_give_space_and_the_thirty_third_is_capped(trial_api: Api) -> None:
    play = Play(trial_api, "storage-boost")
    friends = [friend(n) for n in range(1, 34)]
    join(play, *friends)
    mine = play.rewards(ALICE)
    assert [it["key"] for it in mine] == ["referrer_space"] * 33
    assert [it["ordinal"] for it in mine] == list(range(1, 34))
    assert [(it["state"], amount_of(it)) for it in mine] == [("available", 500)] * 32 + [("capped", 0)]
    assert mine[-1]["reason"] == "cap_reached"
    assert play.balance(ALICE, "MB") == (16_000, 0)
    # Her cap is not theirs: the thirty-third friend has as much as the first.
    assert {play.balance(each, "MB") for each in (friends[0], friends[31], friends[32])} == {(500, 0)}


@pytest.mark.parametrize("plan", ["plus", "professional"])
def test_a_subscriber_gets_double_whichever_side_he_is_on(trial_api: Api, plan: str) -> None:
    play = Play(trial_api, "storage-boost")
    play.is_a(ALICE, plan=plan)
    play.is_a(BOB, plan="basic")
    play.is_a(friend(1), plan=plan)
    join(play, BOB, friend(1))
    assert play.balance(ALICE, "MB") == (2000, 0)
    assert play.balance(BOB, "MB") == (500, 0)
    assert play.balance(friend(1), "MB") == (1000, 0)


def test_whoever_subscribes_later_gets_double_from_then_on_and_never_for_more_than_32_friends(trial_api: Api) -> None:
    play = Play(trial_api, "storage-boost")
    join(play, *(friend(n) for n in range(1, 4)))
    assert play.balance(ALICE, "MB") == (1500, 0)
    play.is_a(ALICE, plan="plus")
    join(play, *(friend(n) for n in range(4, 37)))
    # 32 friends at 500, of all 36; 32 at 500 more, of the 33 that came after she subscribed: 32 GB is the end.
    assert play.balance(ALICE, "MB") == (32_000, 0)
    assert sorted({it["ordinal"] for it in play.rewards(ALICE) if it["state"] == "capped"}) == [33, 34, 35, 36]


def test_each_task_gives_extra_space_once_with_or_without_friends(trial_api: Api) -> None:
    play = Play(trial_api, "storage-boost")
    play.tell_of(ALICE, "tour_finished")
    assert play.balance(ALICE, "MB") == (250, 0)
    play.tell(
        *(play.happened(ALICE, task) for task in ("tour_finished", "folder_shared", "feedback_sent", "folder_shared"))
    )
    assert play.balance(ALICE, "MB") == (500, 0)
    assert {it["side"] for it in play.rewards(ALICE)} == {"self"}
    play.tell_of(BOB, "tour_finished")
    assert play.balance(BOB, "MB") == (250, 0)


def test_a_purchase_is_no_part_of_it(trial_api: Api) -> None:
    play = Play(trial_api, "storage-boost")
    join(play, BOB)
    play.pay(BOB, 1200, order_id="plus-1")
    play.refund("plus-1", in_all_minor=1200)
    assert play.balance(ALICE, "MB") == play.balance(BOB, "MB") == (500, 0)
