"""Everything that pages say of programs and of what became of them, put down as text: what `wording/*.txt` approves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from terms_documents import any_of_several, document, reward

from cast import NOON
from referral_service.journeys.telling.customer_view import CustomerView, LineState, RewardLine, StepView, ViewState
from referral_service.programs.load_recipe import load_recipe, recipe_names
from referral_service.programs.terms.document import Alternative, Coupon, Credit, Custom, Give, Percent, Points, Step
from referral_service.programs.terms.parse import parse_terms
from referral_service.share.offer import offer_of
from referral_service.share.promised import Offer
from referral_service.share.voice import Voice, voice_of
from referral_service.share.words.friends import days_left, friend_status, step_words
from referral_service.share.words.invite import invite_words
from referral_service.share.words.messages import share_message
from referral_service.share.words.notices import NoticeKind, notice
from referral_service.share.words.promise import Promise, badge_named, ladder, own_promises, promises, to_next
from referral_service.share.words.rewards import reward_name, reward_status

LINK = "https://refer.example/r/K7QM3XTD"
DATE = NOON + timedelta(days=12, hours=3)
NOTICES: tuple[NoticeKind, ...] = ("unknown", "paused", "ended", "page_over", "too_many")


def recipe_offer(name: str, **settings: str) -> tuple[str, Offer]:
    """A recipe's name for people, and its offer."""
    made = load_recipe(name, {path.replace("__", "."): value for path, value in settings.items()}, now=NOON)
    return made["name"], offer_of(parse_terms(made["terms"])[1])


def offer_from(doc: dict[str, Any]) -> Offer:
    """The offer of a terms document."""
    return offer_of(parse_terms(doc)[1])


def steps_offer(*steps: dict[str, Any], **qualification: Any) -> Offer:
    """A program with these steps that gives both sides ten dollars."""
    return offer_from(
        document(reward(), reward(key="friend", side="referee"), qualification={"steps": list(steps), **qualification})
    )


def spoken(locale: str) -> str:
    """All of it in one language, line by line, with plain spaces."""
    text = "\n".join(_lines(voice_of(locale))) + "\n"
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


def _lines(voice: Voice) -> Iterator[str]:
    for recipe in recipe_names():
        yield f"=== {recipe}"
        yield from _program(voice, *recipe_offer(recipe))
    yield "=== others"
    for offer in _others():
        yield from _program(voice, "Shop", offer)
    yield "=== friends"
    yield from _friends(voice)
    yield "=== rewards"
    yield from _rewards(voice)
    yield "=== notices"
    for kind in NOTICES:
        said = notice(voice, kind)
        yield f"{said.title}. {said.text}"


def _program(voice: Voice, name: str, offer: Offer) -> Iterator[str]:
    words = invite_words(voice, offer, referrer="Alice", program=name, now=NOON)
    yield f"headline  {words.headline}"
    yield f"lead      {words.lead}"
    yield from (f"        - {point}" for point in words.points)
    for promise in promises(voice, offer, now=NOON):
        yield from _promised("promise   ", promise)
    for promise in own_promises(voice, offer, now=NOON):
        yield from _promised("own       ", promise)
    for gift in offer.referrer:
        for rung in ladder(voice, gift, done=2):
            badge = f", {badge_named(voice, rung.badge)}" if rung.badge else ""
            yield f"        {'*' if rung.is_reached else '.'} {rung.text}{badge}"
        if (further := to_next(voice, gift, done=1)) is not None:
            yield f"further   {further}"
    yield f"message   {share_message(voice, offer, channel='whatsapp', program=name, link=LINK).text}"
    yield ""


def _promised(label: str, promise: Promise) -> Iterator[str]:
    yield label + promise.text
    yield from (f"        - {point}" for point in promise.points)


def _others() -> Iterator[Offer]:
    """What no recipe has."""
    yield steps_offer({"key": "thrice", "event": "purchase", "count": 3, "distinct_days": True})
    yield steps_offer({"key": "spend", "event": "purchase", "cumulative_minor": 10000})
    yield steps_offer({"key": "in", "event": "signed_in", "count": 5}, {"key": "plan", "event": "subscription_started"})
    yield steps_offer({"key": "kyc", "event": "identity_checked"}, within_days=1)
    yield offer_from(any_of_several() | {"schedule": {"ends_at": "2026-04-01T00:00:00Z"}})
    yield offer_from(
        document(
            reward(give={"kind": "custom", "data": {"sku": "SECRET"}}, every=3),
            reward(key="again", on="repeat_purchase", give={"kind": "points", "quantity": 21}, limit={"count": 2}),
            reward(key="spent", on="every_purchase", give={"kind": "points", "quantity": 2, "per_minor": 500}),
            reward(
                key="each",
                tiers=[{"from": 4, "amount_minor": 2000}, {"from": 26, "amount_minor": 4000, "badge": "Star"}],
            ),
            reward(key="welcome", side="referee", on="claimed", accept_within_days=7),
            reward(key="back", side="referee", on="every_purchase", give={"kind": "percent", "percent": "2.50"}),
            reward(key="own", side="self", on="every_purchase", give={"kind": "percent", "percent": "1.00"}),
            reward(
                key="year",
                on="claimed",
                cap={"count": 5, "per": "calendar_year"},
                give={"kind": "points", "quantity": 1},
            ),
            eligibility={"referee_is_new": False, "max_referees_per_referrer": 41},
        )
    )
    times = [{"at": 2, "quantity": 30}, {"at": 5, "quantity": 90, "badge": "Regular"}]
    yield offer_from(
        document(
            reward(key="second", on="every_purchase", every=2),
            reward(key="more", on="repeat_purchase", tiers=[{"from": 3, "amount_minor": 1500}]),
            reward(key="loyal", on="every_purchase", give={"kind": "points", "quantity": 10}, milestones=times),
        )
    )


def _view(
    state: ViewState, *rewards: RewardLine, steps: tuple[StepView, ...] = (), days: int | None = None
) -> CustomerView:
    waits_for = next((step for step in steps if not step.is_met), None) if days is not None else None
    return CustomerView(state, "USD", NOON, steps, waits_for, None if days is None else DATE, days, rewards)


def _step(step: Step, *, count: int = 0, is_met: bool = False) -> StepView:
    nearest = step.alternatives[0]
    total = nearest.cumulative_minor
    return StepView(step, is_met, count, nearest.count, 2500 if total else None, total)


def _line(state: LineState, give: Give | None = None, *, net: int | None = 1000) -> RewardLine:
    return RewardLine("key", state, give or Credit(1000), "USD", net, None, DATE, DATE, DATE)


def _friends(voice: Voice) -> Iterator[str]:
    first, thrice = Step(), Step("often", (Alternative(count=3),))
    spend = Step("spend", (Alternative(cumulative_minor=10_000),))
    visited = Step("visited", (Alternative(event="showroom_visit"),))
    done = (_step(first, is_met=True),)
    for view in (
        _view("waiting", steps=(_step(first),), days=12),
        _view("waiting", steps=(_step(thrice, count=1),), days=1),
        _view("waiting", steps=(_step(spend),), days=5),
        _view("waiting", steps=(_step(first, is_met=True), _step(visited)), days=21),
        _view("waiting"),
        _view("done", _line("on_its_way"), steps=done),
        _view("done", _line("on_its_way"), steps=(_step(visited, is_met=True),)),
        _view("done", _line("offered"), steps=done),
        _view("done", _line("used"), steps=done),
        _view("done", _line("over_limit"), steps=done),
        _view("done", _line("taken_back"), steps=done),
        _view("done", _line("checking"), steps=done),
        _view("done", steps=done),
        _view("expired", steps=(_step(first),)),
        _view("cancelled"),
        _view("not_counted"),
        _view("checking"),
    ):
        ticks = [
            f"[{'x' if it.is_met else ' '}] {it.label} {it.progress or ''}".strip() for it in step_words(voice, view)
        ]
        yield " | ".join([friend_status(voice, view, now=NOON), *ticks])
    yield days_left(voice, 3)


def _rewards(voice: Voice) -> Iterator[str]:
    states: tuple[LineState, ...] = (
        "expected",
        "on_its_way",
        "offered",
        "available",
        "used",
        "expired",
        "taken_back",
        "cancelled",
        "checking",
        "over_limit",
    )
    for state in states:
        yield reward_status(voice, _line(state), now=NOON)
    for give, net in (
        (Percent(Decimal(10), 3000), None),
        (Coupon(amount_off_minor=500), 1),
        (Points(3), 2),
        (Custom(), 1),
    ):
        yield reward_name(voice, _line("available", give, net=net))
