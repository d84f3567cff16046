"""What a reward is worth, how much of it is taken back, and which way its state may go. Pure."""

from __future__ import annotations

from referral_service.kit.money import percent_of, share
from referral_service.programs.terms.document import Credit, Percent, Points, Quota, Reward
from referral_service.referrals.policy import Taken

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


def worth(reward: Reward, counted_minor: int) -> int:
    """What `reward` grants for a conversion that counted `counted_minor`: minor units of money, else whole units."""
    give = reward.give
    match give:
        case Credit():
            return give.amount_minor
        case Percent():
            amount = percent_of(counted_minor, give.percent)
            return amount if give.max_amount_minor is None else min(amount, give.max_amount_minor)
        case Points() | Quota():
            # "One for each 1.00 spent": a begun unit earns nothing yet.
            return give.quantity if give.per_minor is None else give.quantity * (counted_minor // give.per_minor)
        case _:
            return 0


def taken_back(granted: int, taken: Taken, *, on_refund: str) -> int:
    """How much of `granted` is reversed, by what is gone of the conversion. Half up, exact when it is whole."""
    if taken.is_whole and taken.reason in UNCONDITIONAL:
        return granted
    if on_refund == "keep":
        return 0
    if taken.is_whole:
        return granted
    return share(granted, taken.gone_minor, taken.of_minor) if taken.gone_minor else 0


# Here the conversion ought never to have been: "keep" speaks of refunds, not of these.
UNCONDITIONAL = frozenset({"not_new", "person_erased", "review"})

# Coupons and custom rewards are no balance: the books do not know them.
NOT_IN_WALLET = frozenset({"coupon", "custom"})
