"""What a referral looks like to the people it concerns: the same decision as explain's, without what is not theirs.

No reason, no mark of a review or of fraud, no evidence, nobody's id. How much a friend has spent is the friend's own
affair: the referrer sees that a step is done and how many times, and only the referee sees amounts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from sqlalchemy.orm import Session

from referral_service.journeys.telling.survey import Survey, survey
from referral_service.programs.terms.document import EVERYBODY, Custom, Give, Reward, Step, Terms
from referral_service.referrals.policy import CONVERTED, EXPIRED, PENDING, REJECTED, REVERSED, UNDER_REVIEW
from referral_service.referrals.progress import StepProgress
from referral_service.referrals.store import ReferralRow
from referral_service.rewards import policy as reward_states
from referral_service.rewards.policy import PRIZE, at_ordinal
from referral_service.rewards.steps import Holding

Viewer: TypeAlias = Literal["referrer", "referee"]
ViewState: TypeAlias = Literal["waiting", "done", "expired", "cancelled", "not_counted", "checking"]
LineState: TypeAlias = Literal[
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
]

# One page of a customer's friends.
REFERRALS_MAX = 50

_STATES: Mapping[str, ViewState] = {
    PENDING: "waiting",
    CONVERTED: "done",
    EXPIRED: "expired",
    REVERSED: "cancelled",
    REJECTED: "not_counted",
    UNDER_REVIEW: "checking",
}
_LINE_STATES: Mapping[str, LineState] = {
    reward_states.PENDING: "on_its_way",
    reward_states.OFFERED: "offered",
    reward_states.AVAILABLE: "available",
    reward_states.REDEEMED: "used",
    reward_states.EXPIRED: "expired",
    reward_states.CLAWED_BACK: "taken_back",
    reward_states.VOIDED: "cancelled",
    reward_states.UNDER_REVIEW: "checking",
    reward_states.CAPPED: "over_limit",
}
# Where a referral stands so, its steps say something.
_WITH_STEPS = frozenset({"waiting", "done", "expired"})
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class StepView:
    """One step. `step` is what the terms ask for, without the attributes and categories that they look at.

    The numbers are those of the way that has come furthest, never more than it requires; amounts are minor units of
    the program's currency, None where the step asks for none or the viewer may not know.
    """

    step: Step
    is_met: bool
    observed_count: int
    required_count: int
    observed_minor: int | None
    required_minor: int | None


@dataclass(frozen=True, slots=True)
class RewardLine:
    """One reward of the viewer. `net` is what is left of it, in whole units (of money: minor); None until it is known.

    `give` is what the terms give at its ordinal, `currency` that of its program.
    """

    key: str
    state: LineState
    give: Give
    currency: str
    net: int | None = None
    badge: str | None = None
    arrives_at: datetime | None = None
    accept_by: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CustomerView:
    """One referral. `deadline_at` and `days_left` (begun days count) are there while it is open."""

    state: ViewState
    currency: str
    joined_at: datetime
    steps: tuple[StepView, ...]
    next_step: StepView | None
    deadline_at: datetime | None
    days_left: int | None
    rewards: tuple[RewardLine, ...]


def customer_views(
    session: Session, *, app_id: int, referrals: Sequence[ReferralRow], viewer: Viewer, now: datetime
) -> list[CustomerView]:
    """Return what `viewer`'s side may see of each referral, in their order; changes nothing.

    By as many queries for many referrals as for one. Raises ValueError for more than REFERRALS_MAX.
    """
    if len(referrals) > REFERRALS_MAX:
        raise ValueError(f"at most {REFERRALS_MAX} referrals are shown at once")
    surveyed = survey(session, app_id=app_id, referrals=referrals, now=now)
    return [customer_view(each, viewer=viewer, now=now) for each in surveyed]


def customer_view(surveyed: Survey, *, viewer: Viewer, now: datetime) -> CustomerView:
    """Return what `viewer`'s side may see of one surveyed referral. Pure."""
    referral, terms = surveyed.referral, surveyed.judged.terms
    state = _STATES[referral.state]
    if state == "waiting" and not surveyed.is_open:
        # Time is up, and nobody has written it down yet.
        state = "expired"
    waits_for = surveyed.next_step
    return CustomerView(
        state=state,
        currency=terms.currency,
        joined_at=referral.claimed_at,
        steps=tuple(_step(step, viewer=viewer, is_done=state == "done") for step in surveyed.found.steps)
        if state in _WITH_STEPS
        else (),
        next_step=None if waits_for is None else _step(waits_for, viewer=viewer, is_done=False),
        deadline_at=referral.deadline_at if surveyed.is_open else None,
        days_left=_days_left(referral.deadline_at, now=now) if surveyed.is_open else None,
        rewards=_rewards(surveyed, state=state, viewer=viewer),
    )


def reward_line(holding: Holding, terms: Terms) -> RewardLine:
    """Return what a stored reward's recipient may see of it; `terms` are those of its version. Pure."""
    state = _LINE_STATES[holding.state]
    return RewardLine(
        key=holding.reward_key,
        state=state,
        give=_public(_given(holding, terms)),
        currency=terms.currency,
        net=holding.granted - holding.reversed,
        badge=holding.badge,
        arrives_at=holding.hold_ends_at if state == "on_its_way" else None,
        accept_by=holding.accept_by if state == "offered" else None,
        expires_at=holding.expires_at if state == "available" else None,
    )


def _given(holding: Holding, terms: Terms) -> Give:
    """What the terms give for it. A prize is named by its rank; one that the terms name no more is a gift."""
    if holding.reward_key == PRIZE:
        return next((prize.give for prize in terms.prizes if holding.subject == f"{PRIZE}:{prize.rank}"), Custom())
    reward = next((reward for reward in terms.rewards if reward.key == holding.reward_key), None)
    if reward is None:
        return Custom()
    at_its_ordinal = at_ordinal(reward, holding.ordinal)
    return reward.give if at_its_ordinal is None else at_its_ordinal[0]


def _step(step: StepProgress, *, viewer: Viewer, is_done: bool) -> StepView:
    nearest, is_met = step.nearest, is_done or step.is_met
    total = nearest.cumulative_minor
    public = tuple(replace(way, where=EVERYBODY, exclude=()) for way in step.step.alternatives)
    may_see_amounts = viewer == "referee" and total is not None
    return StepView(
        step=replace(step.step, alternatives=public),
        is_met=is_met,
        observed_count=nearest.count if is_met else min(step.observed_count, nearest.count),
        required_count=nearest.count,
        observed_minor=min(step.observed_minor, total or 0) if may_see_amounts else None,
        required_minor=total,
    )


def _rewards(surveyed: Survey, *, state: ViewState, viewer: Viewer) -> tuple[RewardLine, ...]:
    terms = surveyed.judged.terms
    had = [reward_line(holding, terms) for holding in surveyed.judged.stored if holding.side == viewer]
    if state != "waiting":
        return tuple(had)
    return (*had, *(_expected(reward, terms) for reward in surveyed.promised if reward.side == viewer))


def _expected(reward: Reward, terms: Terms) -> RewardLine:
    return RewardLine(key=reward.key, state="expected", give=_public(reward.give), currency=terms.currency)


def _public(give: Give) -> Give:
    """What a custom reward carries is between the program and the app."""
    return Custom() if isinstance(give, Custom) else give


def _days_left(deadline_at: datetime, *, now: datetime) -> int:
    return max(1, -((now - deadline_at) // _DAY))
