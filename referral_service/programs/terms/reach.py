"""Which of a reward's n-ths can never come: its moment comes too seldom, or a cap has ended it before."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TypeAlias

from referral_service.programs.terms.document import Credit, Points, Quota, Reward, Terms, Tier

Finding: TypeAlias = tuple[str, str]

# How often at most, and why: the half of a sentence.
Bound: TypeAlias = tuple[int, str]


def beyond_reach(terms: Terms, reward: Reward, path: str) -> Iterator[Finding]:
    """Yield each tier, milestone and `every` of one reward that nothing can ever reach; `path` is where it stands."""
    happens = _happens_at_most(terms, reward)
    if happens is not None and reward.every is not None and reward.every > happens[0]:
        yield f"{path}.every", f"Nothing would ever be granted: {happens[1]}."
    for n, tier in enumerate(reward.tiers):
        why = _why_tier_never(reward, n, tier, happens)
        if why is not None:
            yield f"{path}.tiers.{n}.from", f"This can never be reached: {why}."
    yield from _milestones(reward, happens, path)


def _why_tier_never(reward: Reward, n: int, tier: Tier, happens: Bound | None) -> str | None:
    if happens is not None and tier.from_nth > happens[0]:
        return happens[1]
    capped = _grants_at_most(reward)
    if capped is not None and tier.from_nth > capped * (reward.every or 1):
        return f"the cap ends it after {capped}"
    cap = _amount_at_most(reward)
    if cap is not None and _given_before(reward, n) >= cap:
        return f"by then all of the cap's amount_minor ({cap}) is given"
    following = reward.tiers[n + 1].from_nth if n + 1 < len(reward.tiers) else None
    if following is not None and tier.from_nth < following and not _grants(reward, tier.from_nth, following):
        return f"only each {_nth(reward.every or 1)} grants, and none of those lies before the next tier"
    return None


def _milestones(reward: Reward, happens: Bound | None, path: str) -> Iterator[Finding]:
    in_order = sorted(range(len(reward.milestones)), key=lambda n: reward.milestones[n].at)
    count, amount = _grants_at_most(reward), _amount_at_most(reward)
    given = 0
    why: dict[int, str] = {}
    for grants, n in enumerate(in_order):
        milestone = reward.milestones[n]
        if happens is not None and milestone.at > happens[0]:
            why[n] = happens[1]
        elif count is not None and grants >= count:
            why[n] = f"the cap ends it after {count}"
        elif amount is not None and given >= amount:
            why[n] = f"by then all of the cap's amount_minor ({amount}) is given"
        given += _value(reward, milestone.amount_minor, milestone.quantity) or 0
    for n in range(len(reward.milestones)):
        if n in why:
            yield f"{path}.milestones.{n}.at", f"This can never be reached: {why[n]}."


def _happens_at_most(terms: Terms, reward: Reward) -> Bound | None:
    """Return how often the moment can come for one recipient, and why; None where there is no bound."""
    comes_once = reward.on == "claimed" or (reward.on_conversion and not terms.on_refund.requalify)
    times = 1 if comes_once else _limit(reward)
    if times is None:
        return None
    limited = f"{reward.on} is limited to {times}"
    if reward.side == "self":
        return times, f"{limited} for each person (limit.count)"
    if reward.side == "referee":
        rest = f"so {reward.on} comes once" if comes_once else f"and {limited} in it (limit.count)"
        return times, f"a referee has one referral in a program, {rest}"
    referees = terms.eligibility.max_referees_per_referrer
    if referees is None:
        return None
    because = f"a referrer has at most {referees} referees (eligibility.max_referees_per_referrer)"
    return referees * times, because if comes_once else f"{because}, and {limited} for each (limit.count)"


def _limit(reward: Reward) -> int | None:
    """The limit counts what is granted: where some n-ths grant nothing, it says nothing of how far they go."""
    return None if reward.every is not None or reward.milestones else reward.limit.count


def _grants_at_most(reward: Reward) -> int | None:
    """A cap per period opens again, so only one for the lifetime ends the count."""
    cap = reward.cap
    return cap.count if cap is not None and cap.per == "lifetime" else None


def _amount_at_most(reward: Reward) -> int | None:
    """The same for amounts, where each grant's is known beforehand."""
    cap = reward.cap
    if cap is None or cap.per != "lifetime" or _value(reward, None, None) is None:
        return None
    return cap.amount_minor


def _value(reward: Reward, amount_minor: int | None, quantity: int | None) -> int | None:
    """What a grant is worth in its unit, with these values in place of its own; None where facts decide."""
    give = reward.give
    if isinstance(give, Credit):
        return amount_minor or give.amount_minor
    if isinstance(give, Points | Quota) and give.per_minor is None:
        return quantity or give.quantity
    return None


def _given_before(reward: Reward, n: int) -> int:
    """What all grants before the n-th tier come to."""
    edges = [1, *(tier.from_nth for tier in reward.tiers[: n + 1])]
    values = [_value(reward, None, None)]
    values += [_value(reward, tier.amount_minor, tier.quantity) for tier in reward.tiers[:n]]
    spans = zip(pairwise(edges), values, strict=True)
    return sum(_grants(reward, low, high) * (value or 0) for (low, high), value in spans)


def _grants(reward: Reward, low: int, high: int) -> int:
    """How many of the n-ths from `low` to below `high` grant."""
    every = reward.every or 1
    return max(0, (high - 1) // every - (low - 1) // every)


def _nth(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
