"""Where a referral ought to stand, given its facts: the rule that conversion, takeover, reversal and restoring follow.

Pure. `decide` looks only at what is stored about the referral and at its facts, never at the order of arrival, so that
redelivery changes nothing and late messages end where early ones would have (while nothing is released).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from referral_service.programs.terms.document import Terms
from referral_service.referrals.progress import Counted, Fact, Window, progress

PENDING, CONVERTED, REVERSED = "pending", "converted", "reversed"
EXPIRED, REJECTED, UNDER_REVIEW = "expired", "rejected", "under_review"

# The one table of legal transitions. None is the start.
LEGAL: dict[str | None, frozenset[str]] = {
    None: frozenset({PENDING, UNDER_REVIEW, REJECTED}),
    PENDING: frozenset({CONVERTED, EXPIRED, REJECTED, UNDER_REVIEW}),
    UNDER_REVIEW: frozenset({PENDING, REJECTED}),
    EXPIRED: frozenset({CONVERTED}),
    CONVERTED: frozenset({REVERSED}),
    REVERSED: frozenset({CONVERTED}),
    REJECTED: frozenset(),
}

# Whatever arrives later, these reasons are the last word on a referral.
FINAL_REASONS = frozenset({"not_new", "person_erased", "review"})


@dataclass(frozen=True, slots=True)
class Standing:
    """What is stored about a referral. `counted` are the facts of its current conversion, with their amounts.

    `is_released`: a reward of the current conversion has been available, so nothing may take its place any more.
    """

    state: str
    reason: str | None
    window: Window
    conversion_no: int = 0
    counted: tuple[tuple[str, str, int], ...] = ()
    is_released: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """How much of the counted amount is gone, in minor units, and whether the conversion is reversed whole."""

    gone_minor: int
    of_minor: int
    is_whole: bool
    reason: str | None


NOTHING_TAKEN = Taken(0, 0, False, None)


@dataclass(frozen=True, slots=True)
class Decision:
    """Where the referral ought to stand. `counted` is empty where there is no conversion."""

    state: str
    reason: str | None
    conversion_no: int = 0
    counted: tuple[Counted, ...] = ()
    converted_at: datetime | None = None
    taken: Taken = NOTHING_TAKEN

    @property
    def counted_minor(self) -> int:
        return sum(counted.amount_minor for counted in self.counted)


def decide(standing: Standing, facts: Sequence[Fact], terms: Terms) -> Decision:
    """Say where a referral ought to stand. Never expires one: that is for time to do, not for facts."""
    as_it_is = Decision(standing.state, standing.reason, standing.conversion_no)
    if standing.state in (REJECTED, UNDER_REVIEW) or standing.reason in FINAL_REASONS:
        return _kept(standing, facts, as_it_is)
    if standing.is_released:
        # After a release nothing takes the conversion over; only its own facts speak.
        # Its facts may have turned out to be another person's: nothing moves any more, so it stays as it is.
        counted = _stored(standing, facts)
        return _weigh(standing, counted, terms) if counted else as_it_is
    if terms.eligibility.referee_is_new and bought_before(facts, standing.window):
        return _not_new(standing, facts, as_it_is)
    found = progress(facts, terms, standing.window)
    if not found.is_complete:
        return _kept(standing, facts, as_it_is)
    return _weigh(standing, found.counted, terms)


def bought_before(facts: Sequence[Fact], window: Window) -> bool:
    """The referee is not new: a purchase lies before the window, whatever its currency, refunded or not."""
    return any(fact.type == "purchase" and fact.occurred_at < window.starts_at for fact in facts)


def whole_or_part(counted: Sequence[Counted], terms: Terms, window: Window) -> Taken:
    """How much of a conversion is taken back, by the refunds and disputes of the facts it counted."""
    of = sum(item.amount_minor for item in counted)
    if any(item.fact.dispute in ("opened", "lost") for item in counted):
        lost = any(item.fact.dispute == "lost" for item in counted)
        disputed = [item for item in counted if item.fact.dispute in ("opened", "lost")]
        if len(disputed) == len(counted):
            return Taken(of, of, True, "dispute_lost" if lost else "dispute_opened")
    gone = sum(_gone(item) for item in counted)
    if not gone:
        return Taken(0, of, False, None)
    if gone >= of:
        return Taken(of, of, True, "refunded")
    if terms.on_refund.below_minimum == "reverse":
        left = [replace(item.fact, amount_minor=item.amount_minor - _gone(item), lines=()) for item in counted]
        left = [fact for fact in left if fact.amount_minor > 0]
        if not progress(left, terms, window).is_complete:
            return Taken(gone, of, True, "below_minimum")
    return Taken(gone, of, False, "partly_refunded")


def _gone(item: Counted) -> int:
    if item.fact.dispute in ("opened", "lost"):
        return item.amount_minor
    if item.fact.amount_minor == 0:
        return 0
    # A refund of a purchase that counts in part (excluded lines) takes at most what counted.
    return min(item.fact.refunded_minor, item.amount_minor)


def _weigh(standing: Standing, counted: tuple[Counted, ...], terms: Terms) -> Decision:
    taken = whole_or_part(counted, terms, standing.window)
    return Decision(
        state=REVERSED if taken.is_whole else CONVERTED,
        reason=taken.reason if taken.is_whole else None,
        conversion_no=max(1, standing.conversion_no),
        counted=counted,
        converted_at=max(item.fact.occurred_at for item in counted),
        taken=taken,
    )


def _not_new(standing: Standing, facts: Sequence[Fact], as_it_is: Decision) -> Decision:
    if standing.state == PENDING:
        return Decision(REJECTED, "not_new")
    if standing.state not in (CONVERTED, REVERSED):
        return _kept(standing, facts, as_it_is)
    # What a refund has reversed stays reversed, now for a reason that no dispute won can undo.
    counted = _stored(standing, facts)
    amount = sum(item.amount_minor for item in counted)
    return Decision(
        state=REVERSED,
        reason="not_new",
        conversion_no=standing.conversion_no,
        counted=counted,
        converted_at=max((item.fact.occurred_at for item in counted), default=None),
        taken=Taken(amount, amount, True, "not_new"),
    )


def _kept(standing: Standing, facts: Sequence[Fact], as_it_is: Decision) -> Decision:
    if not standing.counted:
        return as_it_is
    counted = _stored(standing, facts)
    amount = sum(item.amount_minor for item in counted)
    return replace(
        as_it_is,
        counted=counted,
        converted_at=max((item.fact.occurred_at for item in counted), default=None),
        taken=Taken(amount, amount, True, standing.reason) if standing.state == REVERSED else NOTHING_TAKEN,
    )


def _stored(standing: Standing, facts: Sequence[Fact]) -> tuple[Counted, ...]:
    by_id = {fact.id: fact for fact in facts}
    return tuple(
        Counted(step_key, by_id[fact_id], amount) for step_key, fact_id, amount in standing.counted if fact_id in by_id
    )
