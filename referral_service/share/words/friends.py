"""Where a friend stands, as the referrer or the friend reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from referral_service.journeys.telling.customer_view import CustomerView, RewardLine, StepView
from referral_service.kit.money import Money
from referral_service.share.offer import task_of
from referral_service.share.voice import Voice
from referral_service.share.words.tasks import is_bought, label_of, waiting_for

# What a reward has come to when it is in hand, or has been.
_HAD = frozenset({"available", "used", "expired"})


@dataclass(frozen=True, slots=True)
class StepWords:
    """One step of a friend: its name, whether it is done, and how far it has come where that takes several."""

    label: str
    is_met: bool
    progress: str | None


def friend_status(voice: Voice, view: CustomerView, *, now: datetime) -> str:
    """Say in one line where a friend stands: "Waiting for the first order, 12 days left"."""
    match view.state:
        case "waiting":
            return _waiting(voice, view)
        case "done":
            return _done(voice, view, now=now)
        case "expired":
            return voice.gettext("Expired")
        case "checking":
            return voice.gettext("Being checked")
        case "cancelled":
            return voice.gettext("Cancelled")
        case "not_counted":
            return voice.gettext("Not counted")


def days_left(voice: Voice, days: int) -> str:
    """So many days are left; a begun day is one."""
    return voice.ngettext("%(number)s day left", "%(number)s days left", days)


def step_words(voice: Voice, view: CustomerView) -> list[StepWords]:
    """Say each step, for a list with ticks."""
    return [
        StepWords(
            label_of(voice, task_of(step.step, view.currency)), step.is_met, _progress(voice, step, view.currency)
        )
        for step in view.steps
    ]


def _waiting(voice: Voice, view: CustomerView) -> str:
    step = view.next_step
    if step is None:
        return voice.gettext("Joined")
    waiting = waiting_for(voice, task_of(step.step, view.currency), count_done=step.observed_count)
    if view.days_left is None:
        return waiting
    return voice.gettext("%(status)s, %(left)s", status=waiting, left=days_left(voice, view.days_left))


def _done(voice: Voice, view: CustomerView, *, now: datetime) -> str:
    bought = is_bought([task_of(step.step, view.currency) for step in view.steps])
    done = voice.gettext("Bought") if bought else voice.gettext("All done")
    states = {line.state for line in view.rewards}
    if "checking" in states:
        return voice.gettext("Being checked")
    if "offered" in states:
        return voice.gettext("Your reward is waiting for you")
    if arriving := _arriving(view.rewards):
        return voice.gettext(
            "%(done)s, your reward arrives on %(date)s", done=done, date=voice.day(max(arriving), now=now)
        )
    if states & _HAD:
        return voice.gettext("Rewarded")
    if "over_limit" in states:
        return voice.gettext("%(done)s, the limit of rewards is reached", done=done)
    return voice.gettext("Cancelled") if states & {"cancelled", "taken_back"} else done


def _arriving(rewards: Sequence[RewardLine]) -> list[datetime]:
    return [line.arrives_at for line in rewards if line.state == "on_its_way" and line.arrives_at is not None]


def _progress(voice: Voice, step: StepView, currency: str) -> str | None:
    if step.is_met:
        return None
    if step.observed_minor is not None and step.required_minor is not None:
        done, number = (voice.money(Money(it, currency)) for it in (step.observed_minor, step.required_minor))
    elif step.required_count > 1:
        done, number = voice.number(step.observed_count), voice.number(step.required_count)
    else:
        return None
    return voice.gettext("%(done)s of %(number)s", done=done, number=number)
