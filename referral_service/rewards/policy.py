"""What a reward is worth, how much of it is taken back, and which way its state may go. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from referral_service.kit.money import AMOUNT_MINOR_MAX, percent_of, share
from referral_service.programs.terms.document import (
    Coupon,
    Credit,
    Custom,
    Give,
    Milestone,
    Percent,
    Points,
    Quota,
    Reward,
    Terms,
    Tier,
)
from referral_service.referrals.policy import DISPUTE_OPENED, Taken

PENDING, OFFERED, AVAILABLE, REDEEMED = "pending", "offered", "available", "redeemed"
EXPIRED, CLAWED_BACK, VOIDED = "expired", "clawed_back", "voided"
UNDER_REVIEW, CAPPED = "under_review", "capped"

# The one table of legal transitions. None is the start.
LEGAL: dict[str | None, frozenset[str]] = {
    None: frozenset({PENDING, UNDER_REVIEW, CAPPED}),
    PENDING: frozenset({OFFERED, AVAILABLE, VOIDED}),
    UNDER_REVIEW: frozenset({PENDING, VOIDED}),
    OFFERED: frozenset({AVAILABLE, EXPIRED, VOIDED}),
    AVAILABLE: frozenset({REDEEMED, EXPIRED, CLAWED_BACK}),
    REDEEMED: frozenset({CLAWED_BACK, AVAILABLE}),
    # A dispute won, or an earlier purchase that takes a reversed conversion over, brings them back.
    VOIDED: frozenset({PENDING}),
    CLAWED_BACK: frozenset({AVAILABLE, REDEEMED, EXPIRED}),
    EXPIRED: frozenset({CLAWED_BACK}),
    CAPPED: frozenset(),
}

PRIZE = "prize"
# Here the conversion ought never to have been, or a person has decided: "keep" speaks of refunds, not of these.
UNCONDITIONAL = frozenset({"not_new", "person_erased", "review", "voided_by_hand"})
# Coupons and custom rewards are no balance: the books do not know them.
NOT_IN_WALLET = frozenset({Coupon.kind, Custom.kind})
MONEY_KINDS = frozenset({Credit.kind, Percent.kind})


@dataclass(frozen=True, slots=True)
class Rules:
    """What the terms say of a reward's life once its hold is over. `spent` is who bears what is spent already when a
    reward is taken back, `value_minor` its weight in a budget of money where it is none."""

    accept_within: timedelta | None = None
    expires: timedelta | None = None
    coupon: Coupon | None = None
    spent: Literal["negative_balance", "write_off"] = "negative_balance"
    value_minor: int = 0


def rules_of(terms: Terms, *, key: str, subject: str) -> Rules:
    """The rules of a stored reward, by its key in the terms of its version; a prize's by its rank."""
    if key == PRIZE:
        rank = int(subject.partition(":")[2])
        give = next(prize.give for prize in terms.prizes if prize.rank == rank)
        return Rules(coupon=give if isinstance(give, Coupon) else None, spent=terms.on_refund.spent)
    return rules_from(terms, next(reward for reward in terms.rewards if reward.key == key))


def rules_from(terms: Terms, reward: Reward) -> Rules:
    """The rules of a reward that are the same for all it grants."""
    return Rules(
        accept_within=reward.accept_within,
        expires=reward.expires,
        coupon=reward.give if isinstance(reward.give, Coupon) else None,
        spent=terms.on_refund.spent,
        value_minor=reward.value_minor,
    )


@dataclass(frozen=True, slots=True)
class Base:
    """What a percentage or an amount per minor unit is taken of: `bought_minor` by purchases, `spent_minor` by all."""

    bought_minor: int = 0
    spent_minor: int = 0


def at_ordinal(reward: Reward, ordinal: int) -> tuple[Give, str | None] | None:
    """What the n-th counted fact of a recipient gives, and the badge; None where this n-th gives nothing."""
    if reward.every is not None and ordinal % reward.every:
        return None
    if reward.milestones:
        found = next((milestone for milestone in reward.milestones if milestone.at == ordinal), None)
        return None if found is None else (_with_values(reward.give, found), found.badge)
    tier = max(
        (tier for tier in reward.tiers if tier.from_nth <= ordinal), key=lambda tier: tier.from_nth, default=None
    )
    return (reward.give, None) if tier is None else (_with_values(reward.give, tier), tier.badge)


def _with_values(give: Give, nth: Tier | Milestone) -> Give:
    match give:
        case Credit() if nth.amount_minor is not None:
            return replace(give, amount_minor=nth.amount_minor)
        case Percent() if nth.percent is not None:
            return replace(give, percent=nth.percent)
        case Points() | Quota() if nth.quantity is not None:
            return replace(give, quantity=nth.quantity)
        case _:
            return give


def worth(give: Give, base: Base) -> int:
    """What `give` comes to for this base: minor units of money, else whole units; 0 for what is no amount.

    No more than any amount may be, whatever the terms multiply.
    """
    match give:
        case Credit():
            return give.amount_minor
        case Percent():
            amount = percent_of(base.bought_minor, give.percent)
            return amount if give.max_amount_minor is None else min(amount, give.max_amount_minor)
        case Points() | Quota():
            # "One for each 1.00 spent": a begun unit earns nothing yet.
            if give.per_minor is None:
                return give.quantity
            return min(give.quantity * (base.spent_minor // give.per_minor), AMOUNT_MINOR_MAX)
        case _:
            return 0


def is_taken_whole(taken: Taken, *, on_refund: str) -> bool:
    """Whether a reward is reversed whole, which an amount alone cannot say of a reward of zero."""
    return taken.is_whole and (on_refund != "keep" or taken.reason in UNCONDITIONAL)


def taken_back(granted: int, taken: Taken, *, on_refund: str) -> int:
    """How much of `granted` is reversed, by what is gone of what it stands on. Half up, exact when it is whole."""
    if is_taken_whole(taken, on_refund=on_refund):
        return granted
    if on_refund == "keep" or not taken.gone_minor:
        return 0
    return share(granted, taken.gone_minor, taken.of_minor)


def holds_slot(state: str, reason: str | None) -> bool:
    """Whether a reward takes up a slot of its cap and its part of the budget.

    Reversed whole for good, it gives them back; an open dispute keeps them, since it may be won.
    """
    if state == CAPPED:
        return False
    return state not in (VOIDED, CLAWED_BACK) or reason == DISPUTE_OPENED


def worth_at_most(terms: Terms) -> tuple[int, int]:
    """The most that one referral's rewards up to its conversion weigh in a budget: minor units, and their number."""
    promised = [reward for reward in terms.rewards if reward.on == "claimed" or reward.on_conversion]
    return sum(map(_weight_at_most, promised)), len(promised)


def _weight_at_most(reward: Reward) -> int:
    nths: list[Tier | Milestone] = [*reward.tiers, *reward.milestones]
    match reward.give:
        case Credit(amount_minor=amount):
            return max([amount, *(nth.amount_minor for nth in nths if nth.amount_minor is not None)])
        case Percent(max_amount_minor=most):
            return most or 0
        case _:
            return reward.value_minor
