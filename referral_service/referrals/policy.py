"""Where a referral ought to stand, given its facts: the rule that conversion, takeover, reversal and restoring follow.

Pure. `decide` looks only at what is stored about the referral and at its facts, never at the order of arrival, so that
redelivery changes nothing and late messages end where early ones would have (while nothing is released).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from referral_service.programs.terms.document import Step, Terms
from referral_service.referrals.progress import Counted, Fact, Window, progress, step_progress

PENDING, CONVERTED, REVERSED = "pending", "converted", "reversed"
EXPIRED, REJECTED, UNDER_REVIEW = "expired", "rejected", "under_review"

# The one table of legal transitions. None is the start.
LEGAL: dict[str | None, frozenset[str]] = {
    None: frozenset({PENDING, UNDER_REVIEW, REJECTED}),
    PENDING: frozenset({CONVERTED, EXPIRED, REJECTED, UNDER_REVIEW}),
    # Nobody reviews a referral of a person who is gone.
    UNDER_REVIEW: frozenset({PENDING, REJECTED, EXPIRED}),
    EXPIRED: frozenset({CONVERTED}),
    CONVERTED: frozenset({REVERSED}),
    REVERSED: frozenset({CONVERTED}),
    REJECTED: frozenset(),
}

REFUNDED, BELOW_MINIMUM = "refunded", "below_minimum"
DISPUTE_OPENED, DISPUTE_LOST = "dispute_opened", "dispute_lost"
NOT_COUNTED = "not_counted"

# Whatever arrives later, these reasons are the last word on a referral.
FINAL_REASONS = frozenset({"not_new", "person_erased", "review"})
# After these a referral may qualify anew, where its terms say so; an open dispute may still be won.
FOR_GOOD = frozenset({REFUNDED, BELOW_MINIMUM, DISPUTE_LOST})


@dataclass(frozen=True, slots=True)
class Standing:
    """What is stored about a referral. `counted` are the facts of its current conversion, with their amounts.

    `is_released`: a reward of the current conversion has been available, so nothing may take its place any more.
    `pinned` are the facts, by step, of rewards that were released for a step before the conversion. `spent` are the
    facts of earlier conversions, which were reversed for good: only later facts make a new one.
    """

    state: str
    reason: str | None
    window: Window
    conversion_no: int = 0
    counted: tuple[tuple[str, str, int], ...] = ()
    is_released: bool = False
    pinned: Mapping[str, Collection[str]] = field(default_factory=dict)
    spent: frozenset[str] = frozenset()


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
    decision = _as_facts_say(standing, facts, terms)
    # First the conversion gets its last word, and its slot and budget are free; then another may take its place.
    is_over = standing.state == REVERSED and standing.reason in FOR_GOOD
    if is_over and decision.state == REVERSED and decision.reason in FOR_GOOD:
        return _requalified(standing, decision, facts, terms) or decision
    return decision


def _as_facts_say(standing: Standing, facts: Sequence[Fact], terms: Terms) -> Decision:
    as_it_is = Decision(standing.state, standing.reason, standing.conversion_no)
    if standing.state in (REJECTED, UNDER_REVIEW) or standing.reason in FINAL_REASONS:
        return _kept(standing, facts, as_it_is)
    if standing.is_released:
        # After a release nothing takes the conversion over; only its own facts speak.
        # Its facts may have turned out to be another person's: nothing moves any more, so it stays as it is.
        counted = _stored(standing, facts)
        return _weigh(standing, counted, terms) if counted else as_it_is
    if terms.eligibility.referee_is_new and not standing.pinned and bought_before(facts, standing.window):
        return _not_new(standing, facts, as_it_is)
    found = progress(_after_spent(facts, standing.spent), terms, standing.window, pinned=standing.pinned)
    if found.is_complete:
        return _weigh(standing, found.counted, terms)
    if standing.state == CONVERTED and (counted := _stored(standing, facts)):
        # Two of its facts have turned out to be one: what is left was never enough.
        return _reversed_whole(standing, counted, NOT_COUNTED)
    return _kept(standing, facts, as_it_is)


def _requalified(standing: Standing, decision: Decision, facts: Sequence[Fact], terms: Terms) -> Decision | None:
    """A new conversion by facts that are later than all that the reversed one counted."""
    if not terms.on_refund.requalify or not decision.counted:
        return None
    spent = standing.spent | {item.fact.id for item in decision.counted}
    found = progress(_after_spent(facts, spent), terms, standing.window)
    if not found.is_complete:
        return None
    return _weigh(replace(standing, conversion_no=decision.conversion_no + 1), found.counted, terms)


def _after_spent(facts: Sequence[Fact], spent: Collection[str]) -> Sequence[Fact]:
    last = max((fact.order for fact in facts if fact.id in spent), default=None)
    return facts if last is None else [fact for fact in facts if fact.order > last]


def bought_before(facts: Sequence[Fact], window: Window) -> bool:
    """The referee is not new: a purchase lies before the window, whatever its currency, refunded or not."""
    return any(fact.type == "purchase" and fact.occurred_at < window.starts_at for fact in facts)


def whole_or_part(counted: Sequence[Counted], terms: Terms, window: Window) -> Taken:
    """How much of a conversion is taken back, by the refunds and disputes of the facts it counted."""
    return _taken(counted, terms, lambda left: progress(left, terms, window).is_complete)


def step_taken(counted: Sequence[Counted], step: Step, terms: Terms) -> Taken:
    """How much of what one step counted is taken back; whole where what is left does not meet the step any more."""
    return _taken(counted, terms, lambda left: step_progress(left, step, terms).is_met)


def fact_taken(counted: Counted, terms: Terms) -> Taken:
    """How much of one purchase is taken back that stands for itself, under no minimum."""
    return _taken([counted], terms, lambda left: bool(left))


def _taken(counted: Sequence[Counted], terms: Terms, still_holds: Callable[[Sequence[Fact]], bool]) -> Taken:
    of = sum(item.amount_minor for item in counted)

    def whole_by(gone: Callable[[Counted], int]) -> str | None:
        """Why everything is gone, if that is so."""
        total = sum(map(gone, counted))
        if not total:
            return None
        if total >= of:
            return REFUNDED
        if terms.on_refund.below_minimum == "proportional":
            return None
        left = [
            replace(item.fact, amount_minor=item.amount_minor - gone(item), lines=()) if gone(item) else item.fact
            for item in counted
            if not gone(item) or gone(item) < item.amount_minor
        ]
        return None if still_holds(left) else BELOW_MINIMUM

    gone_minor = sum(map(_gone, counted))
    if by_refund := whole_by(_refunded):
        # For good, whatever is disputed besides.
        return Taken(of if by_refund == REFUNDED else gone_minor, of, True, by_refund)
    disputed = [item.fact.dispute for item in counted if item.fact.dispute in ("opened", "lost")]
    if len(disputed) == len(counted):
        return Taken(of, of, True, DISPUTE_LOST if "lost" in disputed else DISPUTE_OPENED)
    if whole_by(_gone_for_good):
        return Taken(gone_minor, of, True, DISPUTE_LOST)
    if whole_by(_gone):
        return Taken(gone_minor, of, True, DISPUTE_OPENED)
    return Taken(gone_minor, of, False, "partly_refunded") if gone_minor else Taken(0, of, False, None)


def _refunded(item: Counted) -> int:
    """A refund of a purchase that counts in part (excluded lines) takes at most what counted."""
    return min(item.fact.refunded_minor, item.amount_minor)


def _gone_for_good(item: Counted) -> int:
    return item.amount_minor if item.fact.dispute == "lost" else _refunded(item)


def _gone(item: Counted) -> int:
    return item.amount_minor if item.fact.dispute in ("opened", "lost") else _refunded(item)


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
    return _reversed_whole(standing, _stored(standing, facts), "not_new")


def _reversed_whole(standing: Standing, counted: tuple[Counted, ...], reason: str) -> Decision:
    amount = sum(item.amount_minor for item in counted)
    return Decision(
        state=REVERSED,
        reason=reason,
        conversion_no=standing.conversion_no,
        counted=counted,
        converted_at=max((item.fact.occurred_at for item in counted), default=None),
        taken=Taken(amount, amount, True, reason),
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
