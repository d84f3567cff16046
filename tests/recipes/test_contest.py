"""A contest of thirty days: a ranked leaderboard, prizes for the first places when it closes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from recipes.playing import Play, amount_of, friend

from builders import Api, a_code, expect, items
from cast import ALICE, BOB, CAROL, MALLORY, Person
from referral_service.kit.clock import parse_rfc3339


def enter(play: Play, person: Person, *, friends: range, shown: bool = True) -> None:
    """Let a person bring friends who buy; `shown`: the name may stand on the leaderboard."""
    body = {"email": person.email, "display_name": person.display_name, "leaderboard_opt_in": shown}
    expect(play.api.put(f"/v1/customers/{person.customer_id}", body), 200, 201)
    for n in friends:
        play.invite(person, friend(n))
        play.pay(friend(n), 1500, order_id=f"order-{n}")


def board(play: Play) -> list[tuple[int, str, int]]:
    listed = items(play.api, f"/v1/programs/{play.program['id']}/leaderboard")
    return [(it["rank"], it["display_name"], it["conversions"]) for it in listed]


def close(play: Play) -> None:
    play.time_comes(parse_rfc3339(play.program["terms"]["schedule"]["ends_at"]) + timedelta(seconds=1))


def prizes(play: Play) -> dict[str, int]:
    found: dict[str, int] = {it["customer_id"]: amount_of(it) for it in play.rewards()}
    return found


def test_the_first_three_places_get_their_prizes_once_when_the_contest_closes(trial_api: Api) -> None:
    play = Play(trial_api, "contest")
    enter(play, ALICE, friends=range(1, 5))
    enter(play, BOB, friends=range(11, 14))
    enter(play, CAROL, friends=range(21, 23))
    enter(play, MALLORY, friends=range(31, 32))
    assert board(play) == [(1, "Alice", 4), (2, "Bob", 3), (3, "Carol", 2), (4, "Mallory", 1)]
    play.days_pass(29)
    assert play.rewards() == []
    close(play)
    assert prizes(play) == {"alice": 50_000, "bob": 25_000, "carol": 10_000}
    assert {(it["state"], it["side"], it["referral_id"]) for it in play.rewards()} == {("available", "referrer", None)}
    play.days_pass(30)
    assert len(play.rewards()) == 3
    assert play.balance(ALICE, "USD") == (50_000, 0)


def test_a_tie_shares_the_better_place_and_its_prize(trial_api: Api) -> None:
    play = Play(trial_api, "contest")
    enter(play, ALICE, friends=range(1, 3))
    enter(play, BOB, friends=range(11, 13))
    enter(play, CAROL, friends=range(21, 22))
    assert [rank for rank, _, _ in board(play)] == [1, 1, 3]
    close(play)
    assert prizes(play) == {"alice": 50_000, "bob": 50_000, "carol": 10_000}


def test_the_leaderboard_names_only_who_wants_it_and_hides_nobodys_place(trial_api: Api) -> None:
    play = Play(trial_api, "contest")
    enter(play, ALICE, friends=range(1, 4), shown=False)
    enter(play, BOB, friends=range(11, 13))
    assert board(play) == [(2, "Bob", 2)]
    close(play)
    assert prizes(play) == {"alice": 50_000, "bob": 25_000}


def test_a_purchase_sent_back_before_the_close_costs_the_place_and_after_it_nothing(trial_api: Api) -> None:
    play = Play(trial_api, "contest")
    enter(play, ALICE, friends=range(1, 4))
    enter(play, BOB, friends=range(11, 13))
    play.refund("order-1", in_all_minor=1500)
    play.refund("order-2", in_all_minor=1500)
    assert board(play) == [(1, "Bob", 2), (2, "Alice", 1)]
    close(play)
    assert prizes(play) == {"alice": 25_000, "bob": 50_000}
    play.refund("order-11", in_all_minor=1500)
    play.refund("order-12", in_all_minor=1500)
    assert prizes(play) == {"alice": 25_000, "bob": 50_000}
    assert play.balance(BOB, "USD") == (50_000, 0)


def test_after_the_close_nobody_enters_and_nothing_counts(trial_api: Api) -> None:
    play = Play(trial_api, "contest")
    enter(play, ALICE, friends=range(1, 2))
    waiting: Any = play.invite(BOB, friend(11))
    code = a_code(trial_api, play.program)
    close(play)
    assert expect(trial_api.get(f"/v1/programs/{play.program['id']}"), 200)["status"] == "ended"
    late = trial_api.post("/v1/referrals", {"code": code["code"], "referee": {"customer_id": "late"}})
    assert expect(late, 409)["code"] == "program_not_active"
    play.days_pass(1)
    play.pay(friend(11), 1500)
    assert play.referral(waiting)["state"] == "expired"
    assert prizes(play) == {"alice": 50_000}
