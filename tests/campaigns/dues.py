"""What is due to whom: the moments of PRODUCT.md, each with the facts that it stands on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from campaigns.facts import Fact, Happening, Purchase
from campaigns.matching import Counted, less_excluded, place
from campaigns.standing import STANDS, FateOf, Standing, Verdict, share_gone
from campaigns.terms import RewardTerms, Terms

Subject = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Due:
    """`at` is when it happened, from which the hold runs."""

    subject: Subject
    at: datetime
    counted: tuple[Counted, ...] = ()
    verdict: Verdict = STANDS
    gone: tuple[int, int] = (0, 0)
    # Whether a reversed referral takes it along while it is held.
    follows_referral: bool = False

    @property
    def purchases_minor(self) -> int:
        return sum(c.amount_minor for c in self.counted if isinstance(c.fact, Purchase))

    @property
    def counted_minor(self) -> int:
        return sum(counted.amount_minor for counted in self.counted)


def months_later(moment: datetime, months: int) -> datetime:
    """The same day so many calendar months later; the last day of a month that is too short for it."""
    month = moment.month - 1 + months
    year, month = moment.year + month // 12, month % 12 + 1
    for day in range(moment.day, 27, -1):
        try:
            return moment.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    return moment.replace(year=year, month=month)


def fate_verdict(bought: Purchase, fate: FateOf) -> Verdict:
    """What follows one purchase is reversed whole when all of it is refunded, or it is disputed."""
    known = fate(bought)
    all_back = known.refunded > 0 and known.refunded >= bought.amount_minor
    told = {"refunded": all_back, "dispute_lost": known.lost, "dispute_opened": known.open}
    reasons = frozenset(name for name, so in told.items() if so)
    return Verdict(bool(reasons), all_back or known.lost, reasons) if reasons else STANDS


def of_purchase(bought: Purchase, *, terms: Terms, fate: FateOf, follows_referral: bool) -> Due | None:
    amount = less_excluded(bought, terms.excluded)
    if amount is None:
        return None
    return Due(
        ("purchase", bought.order_id),
        bought.occurred_at,
        (Counted(bought, amount),),
        fate_verdict(bought, fate),
        (fate(bought).refunded, bought.amount_minor),
        follows_referral=follows_referral,
    )


def of_event(happened: Happening) -> Due:
    return Due(("event", happened.event_id), happened.occurred_at, (Counted(happened, happened.amount_minor),))


def dues(standing: Standing, reward: RewardTerms, facts: Iterable[Fact], *, fate: FateOf) -> Iterator[Due]:
    """All that this reward is due for now; what is recorded already among it. `facts` of the referee, any time."""
    if reward.on == "claimed":
        yield Due(("referral", f"{standing.number}:0"), standing.claimed_at)
    elif reward.on == "converted":
        for conversion in standing.conversions:
            counted = tuple(conversion.facts)
            yield Due(
                ("referral", f"{standing.number}:{conversion.number}"),
                conversion.last.occurred_at,
                counted,
                conversion.verdict,
                share_gone(counted, fate),
            )
    elif reward.on.startswith("step:"):
        yield from _of_step(standing, reward.on.removeprefix("step:"), fate)
    elif reward.on.startswith("event:"):
        kind = reward.on.removeprefix("event:")
        for fact in sorted(facts, key=place):
            if isinstance(fact, Happening) and fact.type == kind and _in_time(standing, fact, reward):
                yield of_event(fact)
    else:
        yield from _of_purchases(standing, reward, facts, fate)


def _of_step(standing: Standing, key: str, fate: FateOf) -> Iterator[Due]:
    ways = [(conversion.number, conversion.steps) for conversion in standing.conversions]
    for number, steps in [*ways, (len(ways) + 1, standing.on_the_way)]:
        if key in steps:
            met = steps[key]
            verdict = standing.judge([met], fate=fate)
            gone = share_gone(met.facts, fate)
            subject = ("referral", f"{standing.number}:{number}")
            yield Due(subject, met.last.occurred_at, met.facts, verdict, gone)


def _of_purchases(standing: Standing, reward: RewardTerms, facts: Iterable[Fact], fate: FateOf) -> Iterator[Due]:
    if standing.state != "converted":
        return
    counted = [place(bought) for bought in standing.counted]
    for fact in sorted(facts, key=place):
        if not isinstance(fact, Purchase) or not _in_time(standing, fact, reward):
            continue
        if reward.on == "every_purchase" or all(place(fact) > one for one in counted):
            due = of_purchase(fact, terms=standing.terms, fate=fate, follows_referral=True)
            if due is not None:
                yield due


def _in_time(standing: Standing, fact: Fact, reward: RewardTerms) -> bool:
    if fact.occurred_at < standing.opens_at or (fact.currency or standing.terms.currency) != standing.terms.currency:
        return False
    first = standing.conversions[0].last.occurred_at if standing.conversions else None
    if first is None:
        return fact.occurred_at <= standing.deadline
    return reward.limit_months is None or fact.occurred_at <= months_later(first, reward.limit_months)
