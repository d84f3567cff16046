"""The small print of one gift, in short sentences, each a point of a list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from referral_service.programs.terms.conditions import PURCHASE
from referral_service.programs.terms.rewards import CapPeriod
from referral_service.share.promised import Gift, Most
from referral_service.share.voice import Voice, phrase, plural
from referral_service.share.words.gifts import up_to, worth_got
from referral_service.share.words.prices import forms_of, share_of_price

_FRIENDS: dict[CapPeriod, tuple[str, str]] = {
    "lifetime": plural("For up to %(number)s friend.", "For up to %(number)s friends."),
    "calendar_year": plural("For up to %(number)s friend in a year.", "For up to %(number)s friends in a year."),
    "calendar_month": plural("For up to %(number)s friend in a month.", "For up to %(number)s friends in a month."),
    "rolling_30_days": plural("For up to %(number)s friend in 30 days.", "For up to %(number)s friends in 30 days."),
}
_IN_ALL: dict[CapPeriod, str] = {
    "lifetime": phrase("Up to %(gift)s in all."),
    "calendar_year": phrase("Up to %(gift)s in a year."),
    "calendar_month": phrase("Up to %(gift)s in a month."),
    "rolling_30_days": phrase("Up to %(gift)s in 30 days."),
}
_ONCE: dict[CapPeriod, str] = {
    "lifetime": phrase("Once."),
    "calendar_year": phrase("Once a year."),
    "calendar_month": phrase("Once a month."),
    "rolling_30_days": phrase("Once in 30 days."),
}


def minimum(voice: Voice, gift: Gift) -> Iterator[str]:
    """The least amount that counts. Where there is a choice of ways, each says its own."""
    least = {way.minimum for task in gift.tasks for way in task.ways if len(task.ways) == 1 and way.minimum}
    if len(least) == 1:
        deeds = {way.deed for way in gift.ways if way.minimum and way.event == PURCHASE}
        forms = forms_of(deeds.pop() if len(deeds) == 1 else "other")
        yield voice.gettext(forms.minimum, amount=voice.money(least.pop()))


def timing(voice: Voice, gift: Gift, *, now: datetime) -> Iterator[str]:
    """When it comes, how it is taken, and until when it is good."""
    if gift.hold_days:
        yield voice.ngettext("It arrives %(number)s day later.", "It arrives %(number)s days later.", gift.hold_days)
    if gift.accept_within_days:
        yield voice.ngettext(
            "Accept it within %(number)s day.", "Accept it within %(number)s days.", gift.accept_within_days
        )
    if gift.expires_days:
        yield voice.ngettext("Valid for %(number)s day.", "Valid for %(number)s days.", gift.expires_days)
    yield from _dates(voice, gift, now=now)


def limits(voice: Voice, gift: Gift) -> Iterator[str]:
    """How often, how long and how much at most, for whoever may get it more than once."""
    if gift.limit_months:
        yield voice.ngettext(
            "For the first %(number)s month with each friend.",
            "For the first %(number)s months with each friend.",
            gift.limit_months,
        )
    if gift.moment == "repeat":
        yield voice.gettext("From the second purchase on.")
    if gift.every is not None and not gift.is_per_friend:
        yield voice.gettext("One time in %(number)s.", number=voice.number(gift.every))
    if gift.limit_count:
        yield (
            voice.gettext("Once.")
            if gift.limit_count == 1
            else voice.ngettext("Up to %(number)s time.", "Up to %(number)s times.", gift.limit_count)
        )
    if gift.most is not None:
        yield from _most(voice, gift, gift.most)


def whole_gift(voice: Voice, gift: Gift, *, yours: bool) -> str:
    """Say what somebody gets, with the most that it may come to."""
    if gift.worth.kind == "percent":
        return up_to(voice, share_of_price(voice, gift, yours=yours), gift.worth)
    return worth_got(voice, gift.worth)


def _most(voice: Voice, gift: Gift, most: Most) -> Iterator[str]:
    if most.count is not None and gift.is_per_friend:
        yield voice.ngettext(*_FRIENDS[most.per], most.count)
    elif most.count == 1:
        yield voice.gettext(_ONCE[most.per])
    if most.in_all is not None:
        yield voice.gettext(_IN_ALL[most.per], gift=worth_got(voice, most.in_all))


def _dates(voice: Voice, gift: Gift, *, now: datetime) -> Iterator[str]:
    start = None if gift.valid_from is None else voice.day(gift.valid_from, now=now)
    end = None if gift.valid_until is None else voice.last_day(gift.valid_until, now=now)
    if start and end:
        yield voice.gettext("Valid from %(start)s until %(end)s.", start=start, end=end)
    elif end:
        yield voice.gettext("Valid until %(end)s.", end=end)
    elif start:
        yield voice.gettext("Valid from %(start)s.", start=start)
