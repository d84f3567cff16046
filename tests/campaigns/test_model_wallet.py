"""The model's wallets, coupons and offers against examples worked out by hand from PRODUCT.md, "Wallet"."""

from __future__ import annotations

from dataclasses import replace

import pytest
from campaigns.story import START, Story, bought, day, disputed, refunded
from campaigns.terms import CouponTerms, Give, RewardTerms, Schedule, Terms

TEN = RewardTerms("credit", "referrer", Give("credit", 1000))
SECOND = 1 / 24 / 60 / 60


def program(*rewards: RewardTerms, **more: object) -> Terms:
    return replace(Terms(rewards=rewards, referee_is_new=False), **more)  # type: ignore[arg-type]


def convert(story: Story, *people: str, program: str = "p") -> None:
    for who in people:
        story.claim(referee=who, program=program)
        story.hear(bought(f"o-{who}", on=0, by=who))


def state_of(story: Story, key: str, referee: str = "bob", program: str = "p") -> str:
    return story.reward(key, referee=referee, program=program)[0]


def test_nobody_spends_more_than_there_is() -> None:
    story = Story(program(TEN))
    convert(story, "bob")
    assert not story.spend("alice", 1001)
    assert not story.spend("alice", 1, unit="points")
    assert story.spend("alice", 400)
    assert (story.balance("alice"), state_of(story, "credit")) == ((600, 0), "available")
    assert story.spend("alice", 600)
    assert (story.balance("alice"), state_of(story, "credit")) == ((0, 0), "redeemed")


def test_the_lot_that_ends_first_is_spent_first_and_then_the_oldest() -> None:
    story = Story(program(TEN), soon=program(replace(TEN, expires_days=5)), later=program(replace(TEN, expires_days=9)))
    for name in ("p", "later", "soon"):
        story.claim(program=name)
    story.hear(bought("o1", on=0))
    story.spend("alice", 1500)
    assert [state_of(story, "credit", program=name) for name in ("soon", "later", "p")] == [
        "redeemed",
        "available",
        "available",
    ]
    story.wait(9)
    assert state_of(story, "credit", program="later") == "expired"
    assert story.balance("alice") == (1000, 0)


@pytest.mark.parametrize(("spent", "rest"), [("negative_balance", -400), ("write_off", 0)])
def test_what_was_spent_becomes_a_debt_or_is_written_off_and_a_won_dispute_undoes_it(spent: str, rest: int) -> None:
    story = Story(program(TEN, spent=spent))
    convert(story, "bob")
    story.spend("alice", 400)
    story.hear(disputed("o-bob", "opened"))
    assert story.reward("credit") == ("clawed_back", 1000, 1000)
    assert story.balance("alice") == (rest, 0)
    story.hear(disputed("o-bob", "won"))
    assert story.reward("credit") == ("available", 1000, 0)
    assert story.balance("alice") == (600, 0)


def test_a_debt_is_paid_by_the_next_release_and_comes_back_into_its_lot() -> None:
    story = Story(program(TEN))
    convert(story, "bob")
    story.spend("alice", 1000)
    story.hear(disputed("o-bob", "opened"))
    convert(story, "carol")
    assert story.balance("alice") == (0, 0)
    assert state_of(story, "credit", "carol") == "redeemed"
    story.hear(disputed("o-bob", "won"))
    assert state_of(story, "credit", "bob") == "available"
    assert story.balance("alice") == (1000, 0)


def test_open_lots_count_against_a_debt_without_paying_it() -> None:
    story = Story(program(TEN), other=program(replace(TEN, expires_days=5)))
    convert(story, "bob")
    story.spend("alice", 1000)
    convert(story, "carol", program="other")
    story.hear(refunded("o-bob", 2500))
    assert (story.balance("alice"), state_of(story, "credit", "carol", "other")) == ((500, 0), "available")
    assert not story.spend("alice", 501)
    story.wait(5)
    assert story.balance("alice") == (-500, 0)


def test_the_expired_part_is_never_charged() -> None:
    story = Story(program(replace(TEN, expires_days=5)))
    convert(story, "bob")
    story.spend("alice", 300)
    story.wait(5)
    assert story.reward("credit") == ("expired", 1000, 0)
    story.hear(refunded("o-bob", 4000))
    assert story.balance("alice") == (-100, 0)  # 7.00 of 8.00 had lapsed
    story.hear(refunded("o-bob", 5000))
    assert story.reward("credit") == ("clawed_back", 1000, 1000)
    assert story.balance("alice") == (-300, 0)


def test_what_is_left_is_taken_first_and_an_emptied_lot_is_redeemed() -> None:
    story = Story(program(TEN, below_minimum="proportional"))
    convert(story, "bob")
    story.spend("alice", 400)
    story.hear(refunded("o-bob", 3000))
    assert story.reward("credit") == ("redeemed", 1000, 600)
    assert story.balance("alice") == (0, 0)


def test_an_offer_waits_for_acceptance_and_lapses_without_it() -> None:
    story = Story(program(replace(TEN, hold_days=2, accept_within_days=3)))
    convert(story, "bob", "carol")
    assert not story.handle("accept", "credit", of="alice")
    story.wait(2)
    assert state_of(story, "credit") == "offered"
    assert story.balance("alice") == (0, 2000)
    assert story.handle("accept", "credit", of="alice")
    story.wait(3)
    assert state_of(story, "credit", "carol") == "offered"
    story.wait(SECOND)
    assert state_of(story, "credit", "carol") == "expired"
    assert story.balance("alice") == (1000, 0)
    story.hear(refunded("o-carol", 5000))
    assert state_of(story, "credit", "carol") == "expired"


def test_while_it_is_only_offered_an_earlier_purchase_takes_over() -> None:
    story = Story(program(replace(TEN, accept_within_days=3)))
    story.claim()
    story.wait(4)
    story.hear(bought("o2", on=3), bought("o1", on=1), refunded("o2", 5000))
    assert state_of(story, "credit") == "offered"
    story.handle("accept", "credit", of="alice")
    story.hear(bought("o0", on=0), refunded("o1", 5000))
    assert state_of(story, "credit") == "clawed_back"


def test_what_a_person_voids_nothing_brings_back() -> None:
    story = Story(program(replace(TEN, hold_days=30)))
    story.claim()
    story.wait(3)
    story.hear(bought("o2", on=2))
    assert story.handle("void", "credit", of="alice")
    story.hear(disputed("o2", "opened"), disputed("o2", "won"), bought("o1", on=1))
    assert story.reward("credit") == ("voided", 1000, 1000)
    assert not story.handle("void", "credit", of="alice")


def coupon_program(terms: CouponTerms, **more: object) -> Terms:
    return program(RewardTerms("off", "referrer", Give("coupon", coupon=terms)), **more)


def test_a_coupon_is_used_on_one_order_within_its_days() -> None:
    story = Story(coupon_program(CouponTerms(valid_days=30)))
    convert(story, "bob", "carol")
    assert story.use_coupon("off", "x1", of="alice") is None
    assert story.use_coupon("off", "x1", of="alice") is None
    assert story.use_coupon("off", "x2", of="alice") == frozenset({"coupon_redeemed"})
    story.wait(30)
    assert [state_of(story, "off", who) for who in ("bob", "carol")] == ["redeemed", "expired"]
    assert story.use_coupon("off", "x3", of="alice", nth=2) == frozenset({"coupon_expired"})


def test_a_coupon_between_two_dates_may_come_too_early() -> None:
    story = Story(coupon_program(CouponTerms(valid_from=day(3), valid_until=day(9))))
    convert(story, "bob")
    assert story.use_coupon("off", "x1", of="alice") == frozenset({"coupon_not_yet_valid"})
    story.wait(3)
    assert story.use_coupon("off", "x1", of="alice") is None


@pytest.mark.parametrize(("restore", "after"), [(True, "available"), (False, "redeemed")])
def test_a_cancelled_order_restores_its_coupon_or_burns_it(restore: bool, after: str) -> None:
    story = Story(coupon_program(CouponTerms(restore=restore)))
    convert(story, "bob")
    story.hear(bought("x1", on=0, by="alice"))
    story.use_coupon("off", "x1", of="alice")
    story.hear(refunded("x1", 4999))
    assert state_of(story, "off") == "redeemed"
    story.hear(refunded("x1", 5000))
    assert state_of(story, "off") == after


def test_a_used_coupon_is_charged_to_nobody_when_its_reward_is_taken_back() -> None:
    story = Story(coupon_program(CouponTerms()))
    convert(story, "bob")
    story.use_coupon("off", "x1", of="alice")
    story.hear(disputed("o-bob", "opened"))
    assert (state_of(story, "off"), story.rewards("off")[0].coupon) == ("clawed_back", "redeemed")
    story.hear(disputed("o-bob", "won"))
    assert state_of(story, "off") == "redeemed"


def test_prizes_go_to_the_first_ranks_once_and_ties_share_the_better_one() -> None:
    prizes = (Give("credit", 50_000), Give("credit", 20_000), Give("points", 7))
    story = Story(program(TEN, prizes=prizes, schedule=Schedule(ends_at=day(20), sunset_days=5)))
    for referrer, people in {"alice": ("b1", "b2"), "zoe": ("c1", "c2"), "dan": ("d1",), "eve": ("e1",)}.items():
        for who in people:
            story.claim(referrer, referee=who)
            story.hear(bought(f"o-{who}", on=0, by=who))
    story.claim(referee="late")
    story.hear(refunded("o-e1", 5000))
    story.wait(20)
    prizes_of = {name.recipient: shown.granted for name, shown in story.picture.rewards.items() if name.key == "prize"}
    assert prizes_of == {"alice": 50_000, "zoe": 50_000, "dan": 7}
    assert story.claim(referee="later").answer == "closed"
    story.hear(bought("o-late", on=0, by="late"))
    story.wait(100)
    assert len([name for name in story.picture.rewards if name.key == "prize"]) == 3


def test_sunset_closes_what_is_open_unless_it_was_bought_before() -> None:
    story = Story(program(TEN, schedule=Schedule(starts_at=day(1), sunset_days=5)))
    assert story.claim().answer == "closed"
    story.wait(1)
    for who in ("bob", "carol", "dave"):
        assert story.claim(referee=who).answer == "accepted"
    story.govern("archive")
    assert story.claim(referee="erin").answer == "closed"
    story.wait(5)
    story.hear(bought("o-bob", on=6))
    story.wait(SECOND)
    story.hear(bought("o-carol", on=6, by="carol"), bought("o-dave", on=6 + SECOND, by="dave"))
    assert [story.state(referee=who) for who in ("bob", "carol", "dave")] == ["converted", "converted", "expired"]
    assert story.world.start == START
