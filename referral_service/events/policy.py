"""What refunds and disputes of one purchase add up to. Pure; the order in which they came plays no part."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

# Clocks differ a little; what lies further ahead is a mistake.
AHEAD_MAX = timedelta(minutes=1)

OPENED, WON, LOST = "opened", "won", "lost"
FINALITY = (OPENED, WON, LOST)


def refunded(refunds: Iterable[tuple[str, int]], *, amount_minor: int | None) -> int:
    """Minor units given back, from (mode, amount) of each refund: the larger of both ways of counting.

    A source that reports running totals and single refunds for one order says the same money twice, so the two are
    compared, never added. No more than the purchase's amount, where that is known yet.
    """
    singles, cumulative = 0, 0
    for mode, amount in refunds:
        if mode == "single":
            singles += amount
        else:
            cumulative = max(cumulative, amount)
    total = max(singles, cumulative)
    return total if amount_minor is None else min(total, amount_minor)


def lies_ahead(occurred_at: datetime, *, now: datetime) -> bool:
    """Whether a sender says that something happens more than a minute from now."""
    return occurred_at > now + AHEAD_MAX


def dispute_after(stored: str | None, given: str) -> str:
    """A dispute's state after a message. The further one stands, so an "opened" that comes late changes nothing."""
    return given if stored is None else max(stored, given, key=FINALITY.index)


def disputes_together(states: Iterable[str]) -> str | None:
    """What several disputes of one purchase mean: lost money is lost; else one that is open; else they were won."""
    seen = set(states)
    for state in (LOST, OPENED, WON):
        if state in seen:
            return state
    return None
