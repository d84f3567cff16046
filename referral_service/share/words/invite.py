"""What a friend reads on the invite page: what there is to get, what it takes, and the small print."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from referral_service.share.promised import Gift, Offer
from referral_service.share.voice import Voice, sentence
from referral_service.share.words.gifts import discount_got, worth_got
from referral_service.share.words.tasks import headline_tasks, tasks_as
from referral_service.share.words.terms import minimum, timing, whole_gift


@dataclass(frozen=True, slots=True)
class InviteWords:
    """The texts of an invite page.

    `offer` is the gift alone, for the ticket and a program's own sentences, and `reason` what it is for; None: there
    is none. `steps` lead from here to the gift.
    """

    headline: str
    lead: str
    reason: str | None
    steps: tuple[str, ...]
    points: tuple[str, ...]
    button: str
    offer: str | None


def invite_words(voice: Voice, offer: Offer, *, referrer: str | None, program: str, now: datetime) -> InviteWords:
    """Say an offer to the friend. `referrer` is a name that its owner lets be shown; without it, a friend invites."""
    return InviteWords(
        headline=headline(voice, offer) or invitation(voice, referrer=referrer, program=program),
        lead=lead(voice, offer, referrer=referrer, program=program),
        reason=reason(voice, offer),
        steps=tuple(steps(voice, offer)),
        points=tuple(small_print(voice, offer, now=now)),
        button=voice.gettext("Accept the invitation"),
        offer=offer_named(voice, offer),
    )


def headline(voice: Voice, offer: Offer) -> str | None:
    """What the friend gets, in a line: "Get $5.00 for your first order". None where the friend gets nothing."""
    gift = offer.headline
    if gift is None:
        return None
    if gift.worth.kind == "percent":
        return voice.gettext("Get back %(gift)s", gift=whole_gift(voice, gift, yours=True))
    if gift.moment == "claimed":
        return voice.gettext("Get %(gift)s", gift=discount_got(voice, gift.worth))
    if gift.moment in ("repeat", "every"):
        return _each_time(voice, gift)
    named = headline_tasks(gift.tasks)
    got = worth_got(voice, gift.worth)
    if not named:
        return voice.gettext("Get %(gift)s", gift=got)
    return voice.gettext("Get %(gift)s for %(task)s", gift=got, task=tasks_as(voice, named, "noun"))


def invitation(voice: Voice, *, referrer: str | None, program: str) -> str:
    """Who invites to what."""
    if referrer is None:
        return voice.gettext("A friend invites you to %(program)s", program=program)
    return voice.gettext("%(referrer)s invites you to %(program)s", referrer=referrer, program=program)


def lead(voice: Voice, offer: Offer, *, referrer: str | None, program: str) -> str:
    """Who invites, and what it takes until when."""
    gift = offer.headline
    if gift is None:
        # The headline has said already who invites.
        return voice.gettext("Accept the invitation to get started.")
    invites = voice.gettext("%(sentence)s.", sentence=invitation(voice, referrer=referrer, program=program))
    if gift.moment == "claimed":
        at_once = voice.gettext("It is yours as soon as you join.")
        return f"{invites} {at_once}"
    if not gift.tasks:
        return invites
    return f"{invites} {_what_to_do(voice, offer, gift)}"


def reason(voice: Voice, offer: Offer) -> str | None:
    """What the friend's gift is for, as it stands under it: "for your first order". None: there is no gift."""
    gift = offer.headline
    if gift is None:
        return None
    if gift.moment in ("repeat", "every") and gift.worth.kind != "percent":
        return voice.gettext("every time you buy")
    named = headline_tasks(gift.tasks)
    if gift.moment == "claimed" or not named:
        return voice.gettext("for joining") if gift.moment == "claimed" else voice.gettext("from your friend")
    return voice.gettext("for %(task)s", task=tasks_as(voice, named, "noun"))


def steps(voice: Voice, offer: Offer) -> Iterator[str]:
    """What happens, step by step, where there is something to do."""
    gift = offer.headline
    if gift is None or not gift.tasks:
        return
    yield voice.gettext("Press the button and join")
    for task in gift.tasks:
        yield sentence(tasks_as(voice, [task], "do"))
    yield voice.gettext("Get %(gift)s", gift=worth_got(voice, gift.worth))


def small_print(voice: Voice, offer: Offer, *, now: datetime) -> Iterator[str]:
    """The points below: the least amount, when it comes, what else there is, for whom, until when."""
    gift = offer.headline
    if gift is not None:
        yield from minimum(voice, gift)
        yield from timing(voice, gift, now=now)
    for other in offer.referee:
        if other is not gift:
            yield _also(voice, other)
    if offer.for_new_customers:
        yield voice.gettext("For new customers.")
    if offer.has_more_conditions:
        yield voice.gettext("Other conditions apply.")
    if offer.ends_at is not None:
        yield voice.gettext("The invitation is open until %(date)s.", date=voice.last_day(offer.ends_at, now=now))


def offer_named(voice: Voice, offer: Offer) -> str | None:
    """The friend's gift alone: "$5.00"."""
    gift = offer.headline
    if gift is None:
        return None
    return discount_got(voice, gift.worth) if gift.worth.kind == "coupon" else whole_gift(voice, gift, yours=True)


def _what_to_do(voice: Voice, offer: Offer, gift: Gift) -> str:
    task = sentence(tasks_as(voice, gift.tasks, "do"))
    if gift.moment == "event":
        return voice.gettext("%(sentence)s.", sentence=task)
    return voice.ngettext(
        "%(task)s within %(number)s day.", "%(task)s within %(number)s days.", offer.within_days, task=task
    )


def _also(voice: Voice, gift: Gift) -> str:
    got = whole_gift(voice, gift, yours=True)
    named = headline_tasks(gift.tasks)
    if gift.moment in ("repeat", "every") or not named:
        return voice.gettext("You also get %(gift)s.", gift=got)
    return voice.gettext("You also get %(gift)s for %(task)s.", gift=got, task=tasks_as(voice, named, "noun"))


def _each_time(voice: Voice, gift: Gift) -> str:
    got = worth_got(voice, gift.worth)
    if gift.worth.per is not None:
        return voice.gettext("Get %(gift)s", gift=got)
    return voice.gettext("Get %(gift)s every time you buy", gift=got)
