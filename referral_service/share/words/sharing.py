"""What a customer reads on the own page around the link: what sharing brings, and why there may be none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from referral_service.kit.money import Money, UnknownCurrency, exponent
from referral_service.programs.terms.gives import POINTS_UNIT
from referral_service.share.promised import Gift, Offer
from referral_service.share.voice import Voice, phrase
from referral_service.share.words.gifts import discount_got, points, worth_got
from referral_service.share.words.invite import headline
from referral_service.share.words.promise import Promise, own_promises, promises

# Why there is nothing to share: the program's doing, or that the customer has no code (any more).
NoLink: TypeAlias = Literal["paused", "not_started", "ended", "no_code"]


@dataclass(frozen=True, slots=True)
class Note:
    """Something good to know, and its small print."""

    text: str
    details: str


@dataclass(frozen=True, slots=True)
class SharingWords:
    """The head of the page, and all that is promised with its small print."""

    headline: str
    lead: str
    notes: tuple[Note, ...]


_NO_LINK: dict[NoLink, tuple[str, str]] = {
    "paused": (
        phrase("The program is taking a break"),
        phrase("Your link is back as soon as it goes on. What you have earned is still here."),
    ),
    "not_started": (
        phrase("The program is about to start"),
        phrase("As soon as it does, you will find your link here."),
    ),
    "ended": (
        phrase("The program has ended"),
        phrase("Thank you for every friend. What you have earned is still here."),
    ),
    "no_code": (
        phrase("There is no link right now"),
        phrase("Open this page again from the app or the site where you found it, and it will be here."),
    ),
}


def sharing_words(voice: Voice, offer: Offer, *, program: str, now: datetime) -> SharingWords:
    """Say what sharing brings either side."""
    said = promises(voice, offer, now=now)
    given = give_and_get(voice, offer)
    read = headline(voice, offer)
    notes = list(_notes([*said, *own_promises(voice, offer, now=now)]))
    # Where the headline cannot say what the friend gets, what the friend reads does.
    if given is None and read is not None:
        notes.insert(0, Note(voice.gettext("Your friend reads: “%(text)s”", text=read), ""))
    if len(notes) == 1 and said and not notes[0].details:
        # The lead has said it all.
        notes = []
    return SharingWords(
        headline=given or voice.gettext("Invite your friends to %(program)s", program=program),
        lead=said[0].text if said else voice.gettext("Share your link with those who would like it too."),
        notes=tuple(notes),
    )


def give_and_get(voice: Voice, offer: Offer) -> str | None:
    """Say both gifts in one line: "Give $5.00, get $10.00". None where they take more words than that."""
    theirs, yours = offer.headline, next(iter(offer.referrer), None)
    if theirs is None or not _is_plain(theirs):
        return None
    given = discount_got(voice, theirs.worth)
    if yours is None or not _is_plain(yours):
        return voice.gettext("Give your friends %(gift)s", gift=given)
    return voice.gettext("Give %(theirs)s, get %(yours)s", theirs=given, yours=worth_got(voice, yours.worth))


def no_link_words(voice: Voice, why: NoLink) -> tuple[str, str]:
    """Say why there is nothing to share: a title, and what to do or to expect."""
    title, text = _NO_LINK[why]
    return voice.gettext(title), voice.gettext(text)


def amount_named(voice: Voice, unit: str, amount: int) -> str:
    """Say a balance: money where the unit is a currency, else so many points or so much of the app's own unit."""
    if unit == POINTS_UNIT:
        return points(voice, amount)
    try:
        exponent(unit)
    except UnknownCurrency:
        return voice.quantity(amount, unit)
    return voice.money(Money(amount, unit))


def someone_since(voice: Voice, at: datetime, *, now: datetime) -> str:
    """Call a friend who did not agree to be named."""
    return voice.gettext("A friend, since %(date)s", date=voice.day(at, now=now))


def _notes(said: Sequence[Promise]) -> Iterator[Note]:
    """Each promise, its small print in one breath; what was said once is not said again."""
    known: set[str] = set()
    for promise in said:
        details = [point for point in promise.points if point not in known]
        known.update(details)
        yield Note(promise.text, _in_one_breath(details))


def _in_one_breath(points: Sequence[str]) -> str:
    said = "".join(f"{point} " if point.endswith(".") else f"{point} · " for point in points)
    return said.removesuffix("· ").rstrip()


def _is_plain(gift: Gift) -> bool:
    return (
        gift.worth.kind != "percent"
        and gift.worth.per is None
        and gift.is_per_friend
        and gift.every is None
        and not gift.milestones
    )
