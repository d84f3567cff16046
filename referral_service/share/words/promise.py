"""What a referrer reads on the share page: what friends bring, how the rewards grow, and what there is besides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from referral_service.share.promised import Gift, Nth, Offer, Task
from referral_service.share.voice import Voice
from referral_service.share.words.gifts import worth_got, worth_named
from referral_service.share.words.tasks import tasks_as
from referral_service.share.words.terms import limits, minimum, timing, whole_gift


@dataclass(frozen=True, slots=True)
class Promise:
    """One gift in a sentence, and its small print."""

    text: str
    points: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a ladder of milestones: at which friend, what there is, and the badge's own name."""

    number: int
    text: str
    badge: str | None
    is_reached: bool


def promises(voice: Voice, offer: Offer, *, now: datetime) -> list[Promise]:
    """Say what the referrer gets: each gift, then the prizes."""
    said = [Promise(_promise(voice, gift), tuple(_points(voice, gift, now=now))) for gift in offer.referrer]
    if said and offer.friends_max is not None:
        said[0] = Promise(said[0].text, (*said[0].points, _friends_at_most(voice, offer.friends_max)))
    if offer.prizes:
        said.append(Promise(_contest(voice, offer, now=now), tuple(_contest_points(voice, offer))))
    return said


def own_promises(voice: Voice, offer: Offer, *, now: datetime) -> list[Promise]:
    """Say what a customer gets for their own doing."""
    return [Promise(_own(voice, gift), tuple(_points(voice, gift, now=now))) for gift in offer.own]


def ladder(voice: Voice, gift: Gift, *, done: int) -> list[Rung]:
    """Say each milestone of a gift; `done` friends have come so far, or purchases where those are counted."""
    return [Rung(nth.number, _rung(voice, gift, nth), nth.badge, nth.number <= done) for nth in gift.milestones]


def to_next(voice: Voice, gift: Gift, *, done: int) -> str | None:
    """Say how far the next milestone or tier is: "2 more friends to Gold". None where there is none."""
    ahead = [nth for nth in (*gift.milestones, *gift.tiers) if nth.number > done]
    if not ahead:
        return None
    nearest = min(ahead, key=lambda nth: nth.number)
    goal = nearest.badge if nearest.badge is not None else worth_named(voice, nearest.worth)
    left = nearest.number - done
    if gift.is_per_friend:
        return voice.ngettext(
            "%(number)s more friend to %(goal)s", "%(number)s more friends to %(goal)s", left, goal=goal
        )
    return voice.ngettext("%(number)s more time to %(goal)s", "%(number)s more times to %(goal)s", left, goal=goal)


def prize_lines(voice: Voice, offer: Offer) -> list[str]:
    """Name what each rank wins."""
    return [
        voice.gettext("Place %(rank)s: %(gift)s", rank=voice.number(it.rank), gift=worth_named(voice, it.worth))
        for it in offer.prizes
    ]


def badge_named(voice: Voice, badge: str) -> str:
    """Name a badge."""
    return voice.gettext("Badge “%(badge)s”", badge=badge)


def _promise(voice: Voice, gift: Gift) -> str:
    if gift.milestones:
        best = max(gift.milestones, key=lambda nth: nth.worth.size)
        if not gift.is_per_friend:
            return voice.gettext("Your reward grows each time: up to %(gift)s.", gift=worth_got(voice, best.worth))
        return voice.gettext(
            "The more friends, the bigger your reward: up to %(gift)s.", gift=worth_got(voice, best.worth)
        )
    got = whole_gift(voice, gift, yours=False)
    if gift.every is not None and gift.is_per_friend:
        return voice.ngettext(
            "You get %(gift)s for every %(number)s friend.",
            "You get %(gift)s for every %(number)s friends.",
            gift.every,
            gift=got,
        )
    if gift.worth.kind == "percent":
        return voice.gettext("You get %(gift)s.", gift=got)
    if gift.moment in ("repeat", "every"):
        if gift.worth.per is not None:
            return voice.gettext("Your friends’ purchases earn you %(gift)s.", gift=got)
        return voice.gettext("You get %(gift)s every time a friend buys.", gift=got)
    if gift.moment == "claimed":
        return voice.gettext("You get %(gift)s for each friend who joins.", gift=got)
    return voice.gettext(
        "You get %(gift)s for each friend who %(does)s.", gift=got, does=tasks_as(voice, gift.tasks, "does")
    )


def _points(voice: Voice, gift: Gift, *, now: datetime) -> Iterator[str]:
    if gift.is_per_friend and (gift.milestones or gift.every is not None):
        yield _who_counts(voice, gift.tasks)
    yield from minimum(voice, gift)
    for nth in gift.tiers:
        yield _from_nth(voice, nth, is_per_friend=gift.is_per_friend)
    yield from limits(voice, gift)
    yield from timing(voice, gift, now=now)


def _friends_at_most(voice: Voice, number: int) -> str:
    return voice.ngettext("You can invite %(number)s friend.", "You can invite up to %(number)s friends.", number)


def _from_nth(voice: Voice, nth: Nth, *, is_per_friend: bool) -> str:
    number, gift = voice.number(nth.number), worth_named(voice, nth.worth)
    if not is_per_friend:
        return voice.gettext("From time number %(number)s on: %(gift)s.", number=number, gift=gift)
    if nth.badge is None:
        return voice.gettext("From friend number %(number)s on: %(gift)s for each.", number=number, gift=gift)
    return voice.gettext(
        "From friend number %(number)s on: %(gift)s for each, and the badge “%(badge)s”.",
        number=number,
        gift=gift,
        badge=nth.badge,
    )


def _rung(voice: Voice, gift: Gift, nth: Nth) -> str:
    named = worth_named(voice, nth.worth)
    if gift.is_per_friend:
        return voice.ngettext("%(number)s friend: %(gift)s", "%(number)s friends: %(gift)s", nth.number, gift=named)
    return voice.ngettext("%(number)s time: %(gift)s", "%(number)s times: %(gift)s", nth.number, gift=named)


def _who_counts(voice: Voice, tasks: tuple[Task, ...]) -> str:
    if not tasks:
        return voice.gettext("Each friend who joins counts.")
    return voice.gettext("Each friend who %(does)s counts.", does=tasks_as(voice, tasks, "does"))


def _contest(voice: Voice, offer: Offer, *, now: datetime) -> str:
    first = worth_got(voice, offer.prizes[0].worth)
    if offer.ends_at is None:
        return voice.gettext("Bring the most friends and win %(gift)s.", gift=first)
    return voice.gettext(
        "Bring the most friends by %(date)s and win %(gift)s.",
        date=voice.last_day(offer.ends_at, now=now),
        gift=first,
    )


def _contest_points(voice: Voice, offer: Offer) -> Iterator[str]:
    yield from prize_lines(voice, offer)
    yield _who_counts(voice, offer.tasks)


def _own(voice: Voice, gift: Gift) -> str:
    got = whole_gift(voice, gift, yours=True)
    if gift.worth.kind == "percent":
        return voice.gettext("You get back %(gift)s.", gift=got)
    if gift.worth.per is not None:
        return voice.gettext("You get %(gift)s.", gift=got)
    if any(way.deed == "birthday" for way in gift.ways):
        return voice.gettext("You get %(gift)s on your birthday.", gift=got)
    if gift.moment == "event":
        return voice.gettext("You get %(gift)s for %(task)s.", gift=got, task=tasks_as(voice, gift.tasks, "noun"))
    return voice.gettext("You get %(gift)s every time you buy.", gift=got)
