"""What a program gives each side, and what it takes: read from its terms, without a word of any language. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from referral_service.kit.money import Money
from referral_service.programs.terms.document import (
    PURCHASE,
    Alternative,
    Cap,
    Coupon,
    Credit,
    Custom,
    Give,
    Percent,
    Points,
    Quota,
    Reward,
    Step,
    Terms,
)
from referral_service.rewards.policy import at_ordinal
from referral_service.share.deeds import BUYING, Deed, deed_of
from referral_service.share.promised import Ask, Gift, Moment, Most, Nth, Offer, Prize, Task, Worth

Attributes = Mapping[str, object]

_MOMENTS: dict[str, Moment] = {
    "claimed": "claimed",
    "converted": "converted",
    "repeat_purchase": "repeat",
    "every_purchase": "every",
}


def offer_of(
    terms: Terms,
    *,
    referrer_attributes: Attributes | None = None,
    referee_attributes: Attributes | None = None,
) -> Offer:
    """Return what the terms offer.

    A reward for an audience is promised only to somebody who is known to belong to it: without attributes it is left
    out, and two rewards that differ in nothing but their amounts are promised as one.
    """
    known = {"referrer": referrer_attributes, "referee": referee_attributes, "self": referrer_attributes}
    gifts: dict[str, list[Gift]] = {"referrer": [], "referee": [], "self": []}
    for reward in terms.rewards:
        if reward.audience.accepts(known[reward.side] or {}):
            gifts[reward.side].append(_gift(reward, terms))
    eligibility, schedule = terms.eligibility, terms.schedule
    tasks = tuple(task_of(step, terms.currency) for step in terms.qualification.steps)
    return Offer(
        currency=terms.currency,
        referee=_joined(gifts["referee"]),
        referrer=_joined(gifts["referrer"]),
        own=_joined(gifts["self"]),
        tasks=tasks,
        within_days=terms.qualification.within_days,
        for_new_customers=eligibility.referee_is_new,
        has_more_conditions=bool(eligibility.referee_audience)
        or any(way.is_narrowed for it in tasks for way in it.ways),
        friends_max=eligibility.max_referees_per_referrer,
        starts_at=schedule.starts_at,
        ends_at=schedule.ends_at,
        prizes=tuple(
            Prize(prize.rank, worth_of(prize.give, terms.currency))
            for prize in sorted(terms.prizes, key=lambda prize: prize.rank)
        ),
    )


def task_of(step: Step, currency: str) -> Task:
    """Return what a step asks for: one way to do it, or several to choose from."""
    return Task(step.key, tuple(_ask(alternative, step.key, currency) for alternative in step.alternatives))


def worth_of(give: Give, currency: str) -> Worth:
    """Return what is given, its amounts as money of the program's currency."""

    def money(amount_minor: int | None) -> Money | None:
        return None if amount_minor is None else Money(amount_minor, currency)

    match give:
        case Credit():
            return Worth("credit", amount=money(give.amount_minor))
        case Percent():
            return Worth("percent", percent=give.percent, maximum=money(give.max_amount_minor))
        case Points():
            return Worth("points", quantity=give.quantity, per=money(give.per_minor))
        case Quota():
            return Worth("quota", quantity=give.quantity, unit=give.unit, per=money(give.per_minor))
        case Coupon():
            return Worth("coupon", amount=money(give.amount_off_minor), percent=give.percent_off)
        case Custom():
            # Its data is between the program and the app: nothing says that people may read it.
            return Worth("custom")


def _ask(alternative: Alternative, step_key: str, currency: str) -> Ask:
    minimum, total = alternative.min_amount_minor, alternative.cumulative_minor
    return Ask(
        event=alternative.event,
        deed=deed_of(alternative.event, step_key=step_key),
        count=alternative.count,
        minimum=Money(minimum, currency) if minimum else None,
        total=Money(total, currency) if total else None,
        on_distinct_days=alternative.distinct_days,
        is_narrowed=bool(alternative.where or alternative.exclude),
    )


def _gift(reward: Reward, terms: Terms) -> Gift:
    tasks = _tasks_of(reward, terms)
    coupon = reward.give if isinstance(reward.give, Coupon) else Coupon()
    return Gift(
        worth=worth_of(reward.give, terms.currency),
        moment=_MOMENTS.get(reward.on, "event" if reward.event_type else "step"),
        tasks=tasks,
        buying=_buying(tasks, terms),
        key=reward.key,
        milestones=_nths(reward, [milestone.at for milestone in reward.milestones], terms.currency),
        tiers=_nths(reward, [tier.from_nth for tier in reward.tiers], terms.currency),
        every=reward.every,
        limit_count=reward.limit.count,
        limit_months=reward.limit.months,
        most=_most(reward.cap, reward.give, terms.currency),
        hold_days=reward.hold_days,
        accept_within_days=reward.accept_within_days,
        expires_days=reward.expires_days if coupon.valid_days is None else coupon.valid_days,
        valid_from=coupon.valid_from,
        valid_until=coupon.valid_until,
    )


def _tasks_of(reward: Reward, terms: Terms) -> tuple[Task, ...]:
    """What has to be done before this is granted; a purchase among many asks for nothing that has to be told."""
    steps = terms.qualification.steps
    if reward.on == "converted":
        return tuple(task_of(step, terms.currency) for step in steps)
    if reward.step_key is not None:
        own = next((n for n, step in enumerate(steps) if step.key == reward.step_key), 0)
        first = 0 if terms.qualification.ordered else own
        return tuple(task_of(step, terms.currency) for step in steps[first : own + 1])
    if reward.event_type is not None:
        return (Task(reward.key, (Ask(reward.event_type, deed_of(reward.event_type)),)),)
    return ()


def _buying(tasks: Iterable[Task], terms: Terms) -> Deed:
    """What a purchase is called in this program: an order, a ride. More than one kind are payments of some sort."""
    deeds: set[Deed] = {
        way.deed if way.count == 1 and way.total is None else "other"
        for task in tuple(tasks) or tuple(task_of(step, terms.currency) for step in terms.qualification.steps)
        for way in task.ways
        if way.event == PURCHASE
    }
    return deeds.pop() if len(deeds) == 1 and deeds <= BUYING | {"other"} else "purchase" if not deeds else "other"


def _nths(reward: Reward, ordinals: Iterable[int], currency: str) -> tuple[Nth, ...]:
    found = ((ordinal, at_ordinal(reward, ordinal)) for ordinal in sorted(ordinals))
    return tuple(Nth(ordinal, worth_of(given[0], currency), given[1]) for ordinal, given in found if given is not None)


def _most(cap: Cap | None, give: Give, currency: str) -> Most | None:
    if cap is None:
        return None
    if cap.amount_minor is None:
        return Most(cap.per, count=cap.count)
    # A cap is in the unit of what it caps.
    match give:
        case Credit() | Percent():
            in_all = Worth("credit", amount=Money(cap.amount_minor, currency))
        case _:
            in_all = replace(worth_of(give, currency), quantity=cap.amount_minor, per=None)
    return Most(cap.per, count=cap.count, in_all=in_all)


def _joined(gifts: Sequence[Gift]) -> tuple[Gift, ...]:
    """Gifts that differ in nothing but how much they are, such as the double for subscribers, are one."""
    joined: list[Gift] = []
    for gift in gifts:
        twin = next((n for n, other in enumerate(joined) if _are_alike(gift, other)), None)
        if twin is None:
            joined.append(gift)
        else:
            joined[twin] = replace(joined[twin], worth=joined[twin].worth.plus(gift.worth))
    return tuple(joined)


def _are_alike(one: Gift, other: Gift) -> bool:
    if not one.worth.adds_up or one.milestones or one.tiers or (one.most and one.most.in_all):
        return False
    return replace(one, key="", worth=one.worth.empty) == replace(other, key="", worth=other.worth.empty)
