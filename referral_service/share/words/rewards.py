"""A reward in somebody's hands, or on its way there."""

from __future__ import annotations

from datetime import datetime

from referral_service.journeys.telling.customer_view import RewardLine
from referral_service.kit.money import Money
from referral_service.programs.terms.document import Coupon, Credit, Custom, Percent
from referral_service.share.offer import worth_of
from referral_service.share.promised import Worth
from referral_service.share.voice import Voice
from referral_service.share.words.gifts import up_to, worth_named


def reward_name(voice: Voice, line: RewardLine) -> str:
    """Name a reward by what it came to: "$10.00"; while nobody knows yet, by what is promised: "10%"."""
    worth = _worth(line)
    return up_to(voice, worth_named(voice, worth), worth)


def reward_status(voice: Voice, line: RewardLine, *, now: datetime) -> str:
    """Say where a reward stands, with the day that matters."""
    match line.state:
        case "expected":
            return voice.gettext("Still to come")
        case "on_its_way":
            return _on_its_way(voice, line.arrives_at, now=now)
        case "offered":
            return _offered(voice, line.accept_by, now=now)
        case "available":
            return _available(voice, line.expires_at, now=now)
        case "used":
            return voice.gettext("Used")
        case "expired":
            return voice.gettext("Expired")
        case "checking":
            return voice.gettext("Being checked")
        case "over_limit":
            return voice.gettext("Over the limit")
        case "taken_back":
            return voice.gettext("Taken back")
        case "cancelled":
            return voice.gettext("Cancelled")


def _worth(line: RewardLine) -> Worth:
    if line.net is None or isinstance(line.give, Coupon | Custom):
        return worth_of(line.give, line.currency)
    if isinstance(line.give, Credit | Percent):
        return Worth("credit", amount=Money(line.net, line.currency))
    return Worth(line.give.kind, quantity=line.net, unit=getattr(line.give, "unit", None))


def _on_its_way(voice: Voice, at: datetime | None, *, now: datetime) -> str:
    if at is None:
        return voice.gettext("On its way")
    return voice.gettext("On its way, arrives on %(date)s", date=voice.day(at, now=now))


def _offered(voice: Voice, until: datetime | None, *, now: datetime) -> str:
    if until is None:
        return voice.gettext("Waiting for you")
    return voice.gettext("Waiting for you: accept it by %(date)s", date=voice.last_day(until, now=now))


def _available(voice: Voice, until: datetime | None, *, now: datetime) -> str:
    if until is None:
        return voice.gettext("Yours")
    return voice.gettext("Yours, use it by %(date)s", date=voice.last_day(until, now=now))
