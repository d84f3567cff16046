"""What the people of a referral may see of it: the state that explain tells, and nothing that is not theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
from asked import statements
from journeys.under_review import put_under_review

from builders import Api, a_claim, a_code, a_program, a_purchase, a_refund, both_sides, credit, expect
from cast import ALICE, BOB, Person
from referral_service.journeys.telling.customer_view import (
    REFERRALS_MAX,
    CustomerView,
    RewardLine,
    Viewer,
    customer_views,
)
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.referrals.read_referrals import list_referrals, read_referral
from referral_service.share.voice import voice_of
from referral_service.share.words.friends import friend_status
from referral_service.tenants.open_app import OpenedApp


@pytest.fixture
def app_id(tenant: OpenedApp) -> int:
    return tenant.tenant.app_id


def view_of(
    database: Database,
    api: Api,
    referral: Any,
    *,
    app_id: int,
    viewer: Viewer = "referrer",
    later: timedelta = timedelta(),
) -> CustomerView:
    """What one side sees, now or later."""

    def work(session: Any) -> CustomerView:
        row = read_referral(session, app_id=app_id, referral_id=referral["id"])
        (view,) = customer_views(session, app_id=app_id, referrals=[row], viewer=viewer, now=api.now() + later)
        return view

    return database.read(work)


def states(view: CustomerView) -> list[tuple[str, str, int | None]]:
    return [(line.key, line.state, line.net) for line in view.rewards]


def everything_in(value: object) -> Iterator[str]:
    """Every text that a view holds, wherever it stands."""
    if isinstance(value, dict):
        for part in value.values():
            yield from everything_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from everything_in(part)
    else:
        yield str(value)


def test_a_friend_who_has_joined_is_waited_for_until_the_deadline(database: Database, api: Api, app_id: int) -> None:
    program = a_program(api, qualification={"within_days": 12})
    referral = a_claim(api, a_code(api, program))
    view = view_of(database, api, referral, app_id=app_id)
    assert (view.state, view.days_left) == ("waiting", 12)
    assert view.deadline_at == api.now() + timedelta(days=12)
    assert [(step.is_met, step.observed_count, step.required_count) for step in view.steps] == [(False, 0, 1)]
    assert view.next_step == view.steps[0]
    assert states(view) == [("referrer_credit", "expected", None)]
    assert friend_status(voice_of("en"), view, now=api.now()) == "Waiting for the first order, 12 days left"


@pytest.mark.parametrize(
    ("later", "days_left"),
    [
        (timedelta(seconds=1), 12),
        (timedelta(days=1), 11),
        (timedelta(days=11, hours=23), 1),
        (timedelta(days=12), 1),
    ],
)
def test_a_begun_day_is_a_day_left(database: Database, api: Api, app_id: int, later: timedelta, days_left: int) -> None:
    referral = a_claim(api, a_code(api, a_program(api, qualification={"within_days": 12})))
    assert view_of(database, api, referral, app_id=app_id, later=later).days_left == days_left


def test_past_the_deadline_nobody_is_waited_for_though_it_is_not_written_down(
    database: Database, api: Api, app_id: int
) -> None:
    referral = a_claim(api, a_code(api, a_program(api, qualification={"within_days": 12})))
    view = view_of(database, api, referral, app_id=app_id, later=timedelta(days=12, seconds=1))
    assert (view.state, view.days_left, view.next_step, view.rewards) == ("expired", None, None, ())


def test_each_side_sees_its_own_reward_and_no_other(database: Database, api: Api, app_id: int) -> None:
    referral = a_claim(api, a_code(api, a_program(api, rewards=both_sides(hold_days=14))))
    a_purchase(api)
    mine = view_of(database, api, referral, app_id=app_id)
    theirs = view_of(database, api, referral, app_id=app_id, viewer="referee")
    assert (mine.state, theirs.state) == ("done", "done")
    assert states(mine) == [("referrer_credit", "on_its_way", 1000)]
    assert states(theirs) == [("referee_credit", "on_its_way", 500)]
    assert mine.rewards[0].arrives_at == api.now() + timedelta(days=14)
    assert all(step.is_met for step in mine.steps)
    assert friend_status(voice_of("en"), mine, now=api.now()) == "Bought, your reward arrives on March 15"


def test_what_was_given_back_is_left_out(database: Database, api: Api, app_id: int) -> None:
    referral = a_claim(api, a_code(api, a_program(api)))
    a_purchase(api, order_id="o-1")
    a_refund(api, order_id="o-1", refunded_total_minor=2500)
    assert states(view_of(database, api, referral, app_id=app_id)) == [("referrer_credit", "available", 500)]
    a_refund(api, order_id="o-1", refunded_total_minor=5000)
    view = view_of(database, api, referral, app_id=app_id)
    assert (view.state, view.steps) == ("cancelled", ())
    assert states(view) == [("referrer_credit", "taken_back", 0)]


def test_how_much_a_friend_has_spent_is_for_the_friend_alone(database: Database, api: Api, app_id: int) -> None:
    step = {"key": "spend", "event": "purchase", "cumulative_minor": 10_000}
    referral = a_claim(api, a_code(api, a_program(api, qualification={"steps": [step]})))
    a_purchase(api, amount_minor=3456)
    mine = view_of(database, api, referral, app_id=app_id).steps[0]
    theirs = view_of(database, api, referral, app_id=app_id, viewer="referee").steps[0]
    assert (mine.observed_minor, mine.required_minor) == (None, 10_000)
    assert (theirs.observed_minor, theirs.required_minor) == (3456, 10_000)


def test_steps_are_ticked_one_by_one(database: Database, api: Api, app_id: int) -> None:
    steps = [
        {"key": "thrice", "event": "purchase", "count": 3},
        {"key": "visit", "event": "visit"},
    ]
    referral = a_claim(api, a_code(api, a_program(api, qualification={"steps": steps})))
    a_purchase(api)
    a_purchase(api)
    view = view_of(database, api, referral, app_id=app_id)
    assert [(it.step.key, it.is_met, it.observed_count, it.required_count) for it in view.steps] == [
        ("thrice", False, 2, 3),
        ("visit", False, 0, 1),
    ]
    assert view.next_step is not None
    assert view.next_step.step.key == "thrice"
    a_purchase(api)
    a_purchase(api)
    view = view_of(database, api, referral, app_id=app_id)
    assert [(it.is_met, it.observed_count) for it in view.steps] == [(True, 3), (False, 0)]


def test_a_referral_under_review_is_being_checked_and_no_more_is_said(
    database: Database, api: Api, app_id: int
) -> None:
    referral = a_claim(api, a_code(api, a_program(api)))
    put_under_review(database, api, referral, app_id=app_id)
    view = view_of(database, api, referral, app_id=app_id)
    assert (view.state, view.steps, view.next_step, view.deadline_at, view.days_left, view.rewards) == (
        "checking",
        (),
        None,
        None,
        None,
        (),
    )
    assert friend_status(voice_of("en"), view, now=api.now()) == "Being checked"


def test_a_rejected_referral_does_not_say_why(database: Database, api: Api, app_id: int) -> None:
    referral = a_claim(api, a_code(api, a_program(api)))
    expect(api.post(f"/v1/referrals/{referral['id']}/reject", {"reason": "we know this card"}), 200)
    view = view_of(database, api, referral, app_id=app_id)
    assert (view.state, view.steps, view.rewards) == ("not_counted", (), ())


@pytest.mark.parametrize("viewer", ["referrer", "referee"])
def test_nothing_in_a_view_names_a_person_a_reason_or_a_condition(
    database: Database, api: Api, app_id: int, viewer: Viewer
) -> None:
    secret = {"risk": "secret-low"}
    program = a_program(
        api,
        rewards=[
            *both_sides(),
            credit(key="gift", side=viewer) | {"give": {"kind": "custom", "data": {"sku": "secret-sku"}}},
        ],
        qualification={
            "steps": [
                {"key": "first", "event": "purchase", "where": secret, "exclude": {"category": ["secret-category"]}}
            ]
        },
    )
    referral = a_claim(api, a_code(api, program))
    a_purchase(api, attributes=secret, order_id="secret-order")
    a_refund(api, order_id="secret-order", refunded_total_minor=100)
    texts = list(everything_in(asdict(view_of(database, api, referral, app_id=app_id, viewer=viewer))))
    assert "USD" in texts
    telling = ("secret", "cus_", "ref_", "rwd_", "evt_", "alice", "bob", "refund", "hold_ended", "low")
    assert [text for text in texts if any(word in text.lower() for word in telling)] == []


def test_fifty_friends_cost_no_more_queries_than_one(database: Database, api: Api, app_id: int) -> None:
    audience = {"plan": "plus"}
    program = a_program(api, rewards=[*both_sides(), credit(key="plus", side="referrer", audience=audience)])
    code = a_code(api, program)
    friends = [Person(f"friend-{n}", f"friend-{n}@example.com", f"Friend {n}") for n in range(REFERRALS_MAX)]
    for each in friends:
        a_claim(api, code, referee=each)
    for each in friends[:5]:
        a_purchase(api, customer=each)

    def queries_for(limit: int) -> tuple[list[CustomerView], int]:
        def work(session: Any) -> list[CustomerView]:
            rows = list_referrals(
                session,
                app_id=app_id,
                program_id=program["id"],
                state=None,
                referrer_id=None,
                referee_id=None,
                after=None,
                limit=limit,
            )[::-1]
            return customer_views(session, app_id=app_id, referrals=rows, viewer="referrer", now=api.now())

        with statements(database) as seen:
            views = database.read(work)
        return views, len(seen)

    queries_for(1)
    few, for_few = queries_for(46)
    many, for_many = queries_for(REFERRALS_MAX)
    assert (len(few), len(many)) == (46, 50)
    assert [view.state for view in many].count("done") == 5
    assert for_many == for_few <= 12


def test_more_than_a_page_of_friends_is_refused(database: Database, api: Api, app_id: int) -> None:
    def work(session: Any) -> object:
        row = read_referral(session, app_id=app_id, referral_id=referral["id"])
        return customer_views(session, app_id=app_id, referrals=[row] * 51, viewer="referrer", now=api.now())

    referral = a_claim(api, a_code(api, a_program(api)))
    with pytest.raises(ValueError, match="at most 50"):
        database.read(work)


def test_the_view_agrees_with_what_explain_tells_support(
    database: Database, api: Api, app_id: int, clock: FixedClock
) -> None:
    referral = a_claim(api, a_code(api, a_program(api, rewards=both_sides(hold_days=3))))
    for act in (lambda: None, lambda: a_purchase(api, order_id="o-1"), lambda: clock.advance(timedelta(days=1))):
        act()
        told = expect(api.get(f"/v1/referrals/{referral['id']}/explain"), 200)
        view = view_of(database, api, referral, app_id=app_id)
        assert (view.state == "waiting") == (told["state"] == "pending")
        assert (view.next_step is None) == (told["next_step"] is None)
        assert (view.deadline_at is None) == (told["deadline"] is None)
        assert {line.key for line in view.rewards} == {it["key"] for it in told["rewards"]} - {"referee_credit"}


def test_a_line_of_a_percentage_is_what_it_came_to(database: Database, api: Api, app_id: int) -> None:
    give = {"give": {"kind": "percent", "percent": "10.00"}}
    referral = a_claim(api, a_code(api, a_program(api, rewards=[credit(key="cut", side="referrer") | give])))
    a_purchase(api, amount_minor=5000, customer=BOB)
    (line,) = view_of(database, api, referral, app_id=app_id).rewards
    assert isinstance(line, RewardLine)
    assert (line.state, line.net, line.currency) == ("available", 500, "USD")
    assert ALICE.customer_id not in repr(line)
