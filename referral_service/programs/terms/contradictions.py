"""What a well-formed terms document may still say against itself.

Each finding is a dotted path and a sentence. Only what can never hold together is refused: a setting that has no
effect yet, or that is merely unusual, is the program's own affair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from referral_service.kit.money import UnknownCurrency, exponent
from referral_service.programs.terms.document import (
    POINTS_UNIT,
    PURCHASE,
    Coupon,
    Credit,
    Give,
    Percent,
    Points,
    Quota,
    Reward,
    Terms,
)
from referral_service.programs.terms.reach import Finding
from referral_service.programs.terms.reward_contradictions import in_reward

# These two say what becomes of a purchase; neither is something that a program can wait for.
UNDOING_EVENTS = frozenset({"refund", "dispute"})


def contradictions(terms: Terms) -> list[Finding]:
    """Return every contradiction of the document, in its order; the same document gives the same list."""
    return [
        *_in_currency(terms),
        *_in_steps(terms),
        *_in_rewards(terms),
        *_in_budget(terms),
        *_in_schedule(terms),
        *_in_prizes(terms),
    ]


def _in_currency(terms: Terms) -> Iterator[Finding]:
    if not _is_currency(terms.currency):
        yield "currency", f"{terms.currency} is not the code of a currency whose minor unit is known (ISO 4217)."


def _in_steps(terms: Terms) -> Iterator[Finding]:
    steps = terms.qualification.steps
    yield from _duplicates([step.key for step in steps], "qualification.steps", "key")
    for n, step in enumerate(steps):
        for m, alternative in enumerate(step.alternatives):
            path = f"qualification.steps.{n}" + (f".any_of.{m}" if step.written_as_any_of else "")
            if alternative.event in UNDOING_EVENTS:
                yield f"{path}.event", f"A {alternative.event} undoes a purchase: no step can wait for one."
            if alternative.distinct_days and alternative.count == 1:
                yield (
                    f"{path}.distinct_days",
                    "One event lies on one day: distinct_days needs a count of 2 or more.",
                )
            # The window may begin and end within a day.
            days = terms.attribution.late_claim_days + terms.qualification.within_days + 1
            if alternative.distinct_days and alternative.count > days:
                yield (
                    f"{path}.count",
                    f"So many distinct days never come: the window has {days} at most (within_days, late_claim_days).",
                )


def _in_rewards(terms: Terms) -> Iterator[Finding]:
    if not terms.rewards and not terms.prizes:
        yield "rewards", "The program gives nothing: name at least one reward, or a prize."
    yield from _duplicates([reward.key for reward in terms.rewards], "rewards", "key")
    for n, reward in enumerate(terms.rewards):
        path = f"rewards.{n}"
        yield from in_reward(terms, reward, path)
        yield from _in_give(reward.give, f"{path}.give")
        yield from _in_coupon_dates(terms, reward, f"{path}.give")
        if reward.event_type in UNDOING_EVENTS:
            yield f"{path}.on", f"A {reward.event_type} undoes a purchase: nothing is granted for one."
        if reward.event_type == PURCHASE:
            yield f"{path}.on", "A purchase is no custom event: say every_purchase, repeat_purchase or converted."


def _in_give(give: Give, path: str) -> Iterator[Finding]:
    if isinstance(give, Quota):
        if _is_currency(give.unit):
            yield f"{path}.unit", f"{give.unit} is a currency: give kind credit, or name the unit otherwise."
        if give.unit == POINTS_UNIT:
            yield f"{path}.unit", f"{POINTS_UNIT} is what the kind points counts in: name the unit otherwise."
    if isinstance(give, Coupon):
        yield from _in_coupon(give, path)


def _in_coupon(coupon: Coupon, path: str) -> Iterator[Finding]:
    if coupon.percent_off is None and coupon.amount_off_minor is None:
        yield f"{path}.percent_off", "A coupon takes something off: set percent_off or amount_off_minor."
    if coupon.percent_off is not None and coupon.amount_off_minor is not None:
        yield f"{path}.amount_off_minor", "A coupon has percent_off or amount_off_minor, not both."
    if coupon.valid_days is not None and (coupon.valid_from or coupon.valid_until):
        yield f"{path}.valid_days", "A coupon has valid_days, or valid_from and valid_until, not both."
    if coupon.valid_from and coupon.valid_until and coupon.valid_from >= coupon.valid_until:
        yield f"{path}.valid_until", "The coupon ends before it begins: valid_until must lie after valid_from."


def _in_coupon_dates(terms: Terms, reward: Reward, path: str) -> Iterator[Finding]:
    ends_at = reward.give.valid_until if isinstance(reward.give, Coupon) else None
    starts_at = terms.schedule.starts_at
    if ends_at is None or starts_at is None:
        return
    if ends_at <= starts_at:
        yield f"{path}.valid_until", "The coupon ends before the program starts (schedule.starts_at)."
    elif ends_at <= starts_at + reward.hold:
        yield f"{path}.valid_until", "The coupon ends before the first one's hold can be over (hold_days)."


def _in_budget(terms: Terms) -> Iterator[Finding]:
    budget = terms.budget
    if budget.reserve == "claimed" and budget.amount_minor is None and budget.count is None:
        yield "budget.reserve", "There is no budget to set aside from: set budget.amount_minor or budget.count."
    if budget.amount_minor is None:
        return
    gives = [reward.give for reward in terms.rewards] + [prize.give for prize in terms.prizes]
    weighed = any(isinstance(give, Credit | Percent) for give in gives)
    if not weighed and not any(reward.value_minor for reward in terms.rewards):
        yield (
            "budget.amount_minor",
            "No reward weighs anything in a budget of money: set a value_minor on them, or use budget.count.",
        )
    for n, reward in enumerate(terms.rewards):
        if reward.value_minor > budget.amount_minor:
            yield f"rewards.{n}.value_minor", "It weighs more than the whole budget: it could never be granted."
    if budget.reserve != "claimed":
        return
    for n, reward in enumerate(terms.rewards):
        give = reward.give
        if isinstance(give, Percent) and give.max_amount_minor is None and reward.on_conversion:
            yield (
                f"rewards.{n}.give.max_amount_minor",
                "A budget that is set aside at the claim must know the most this can come to: set a maximum.",
            )


def _in_schedule(terms: Terms) -> Iterator[Finding]:
    schedule = terms.schedule
    if schedule.starts_at and schedule.ends_at and schedule.starts_at >= schedule.ends_at:
        yield "schedule.ends_at", "The program ends before it starts: ends_at must lie after starts_at."


def _in_prizes(terms: Terms) -> Iterator[Finding]:
    yield from _duplicates([prize.rank for prize in terms.prizes], "prizes", "rank")
    for n, prize in enumerate(terms.prizes):
        path = f"prizes.{n}.give"
        yield from _in_give(prize.give, path)
        valid_until = prize.give.valid_until if isinstance(prize.give, Coupon) else None
        if valid_until and terms.schedule.ends_at and valid_until <= terms.schedule.ends_at:
            yield f"{path}.valid_until", "The coupon is over when the prizes are given (schedule.ends_at)."
        if isinstance(prize.give, Percent):
            yield f"{path}.percent", "A prize is given for a rank: there is no purchase to take a percentage of."
        if isinstance(prize.give, Points | Quota) and prize.give.per_minor is not None:
            yield f"{path}.per_minor", "A prize is given for a rank: there is no amount spent to count by."


def _duplicates(values: Sequence[object], path: str, field: str) -> Iterator[Finding]:
    for n, value in enumerate(values):
        if value in values[:n]:
            yield f"{path}.{n}.{field}", f"Another one has the {field} {value} already."


def _is_currency(code: str) -> bool:
    try:
        exponent(code)
    except UnknownCurrency:
        return False
    return True
