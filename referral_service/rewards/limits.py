"""How much of a reward fits: its cap and the program's budget, as one transaction that holds their anchors sees them.

Pure: `anchors.py` reads and locks, and writes back. In between every grant, takeover and reversal goes
through `fit` and `swap`, so that the second due of a transaction sees what the first has taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from referral_service.kit.clock import months_later
from referral_service.programs.terms.document import Cap
from referral_service.programs.terms.rewards import CapPeriod
from referral_service.rewards.policy import MONEY_KINDS, holds_slot

CAP_REACHED, BUDGET_EXHAUSTED = "cap_reached", "budget_exhausted"
ROLLING = timedelta(days=30)

AnchorKey = tuple[str, str, str]
"""(program id, reward key, recipient): what one anchor row stands for."""


@dataclass(frozen=True, slots=True)
class Slot:
    """What a reward takes up: of its cap a count and an amount, of the budget its weight in minor units."""

    count: int = 0
    amount: int = 0
    weight_minor: int = 0


NO_SLOT = Slot()


def slot_of(*, state: str, reason: str | None, kind: str, granted: int, value_minor: int) -> Slot:
    """The slot a reward holds in its state; none once it is reversed whole for good, or was capped."""
    if not holds_slot(state, reason):
        return NO_SLOT
    return Slot(1, granted, granted if kind in MONEY_KINDS else value_minor)


class Fit(NamedTuple):
    """What can be granted: `amount` of it, or nothing, for a `reason`."""

    amount: int
    reason: str | None = None


@dataclass(slots=True)
class Anchor:
    """A locked anchor: the last ordinal given, and what its rewards take up."""

    last_ordinal: int = 0
    used_count: int = 0
    used_amount: int = 0

    def next_ordinal(self) -> int:
        self.last_ordinal += 1
        return self.last_ordinal


class Period(NamedTuple):
    """When a cap's grants are counted together: from `start` (None: ever) up to `end` (None: now)."""

    start: datetime | None
    end: datetime | None

    def holds(self, at: datetime) -> bool:
        return (self.start is None or at >= self.start) and (self.end is None or at < self.end)


LIFETIME = Period(None, None)


def period_of(per: CapPeriod, at: datetime) -> Period:
    """The period of a grant recorded at `at`, in UTC. A rolling one reaches back and up to now."""
    day = at.astimezone(UTC)
    match per:
        case "calendar_month":
            start = day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            return Period(start, months_later(start, 1))
        case "calendar_year":
            start = day.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
            return Period(start, months_later(start, 12))
        case "rolling_30_days":
            # One moment on: a grant exactly thirty days ago is over.
            return Period(at - ROLLING + timedelta(microseconds=1), None)
        case _:
            return LIFETIME


@dataclass(slots=True)
class BudgetRoom:
    """A locked budget; a limit that is None does not bind. `is_short` notes that something did not fit."""

    limit_minor: int | None
    limit_count: int | None
    reserves: bool
    used_minor: int
    used_count: int
    level: str
    sequence: int
    is_short: bool = False
    is_changed: bool = False

    def level_now(self) -> str:
        """How full it is: `exhausted`, `low` from nine tenths on, or `ample`."""
        pairs = [(self.used_minor, self.limit_minor), (self.used_count, self.limit_count)]
        bound = [(used, limit) for used, limit in pairs if limit is not None]
        if self.is_short or any(used >= limit for used, limit in bound):
            return "exhausted"
        return "low" if any(used * 10 >= limit * 9 for used, limit in bound) else "ample"


@dataclass(slots=True)
class Reservation:
    """What a referral has set aside of its program's budget at the claim."""

    program_id: str
    rest_minor: int
    rest_count: int
    is_open: bool = True
    is_new: bool = False
    is_changed: bool = False


@dataclass(slots=True)
class Limits:
    """Everything that binds the grants of one transaction. `periods` holds what caps per period have used."""

    anchors: dict[AnchorKey, Anchor] = field(default_factory=dict)
    periods: dict[tuple[AnchorKey, Period], Slot] = field(default_factory=dict)
    budgets: dict[str, BudgetRoom] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)

    def anchors_used(self) -> dict[AnchorKey, tuple[int, int, int]]:
        """The anchors as they stand, for telling later which have changed."""
        return {key: (it.last_ordinal, it.used_count, it.used_amount) for key, it in self.anchors.items()}

    def fit(
        self,
        key: AnchorKey,
        cap: Cap | None,
        *,
        referral_id: str | None,
        kind: str,
        amount: int,
        value_minor: int,
        at: datetime,
        own: Slot = NO_SLOT,
    ) -> Fit:
        """How much of `amount` can be granted; `own` is what the reward takes up already, which is its to keep."""
        fit = Fit(amount) if cap is None else self._fit_cap(key, cap, amount, at, own)
        if fit.reason is not None:
            return fit
        return self._fit_budget(key[0], referral_id, kind, fit.amount, value_minor, own)

    def _fit_cap(self, key: AnchorKey, cap: Cap, amount: int, at: datetime, own: Slot) -> Fit:
        period = period_of(cap.per, at)
        if period == LIFETIME:
            used_count, used_amount = self.anchors[key].used_count, self.anchors[key].used_amount
        else:
            used = self.periods[key, period]
            used_count, used_amount = used.count, used.amount
        if cap.count is not None and used_count >= cap.count and not own.count:
            return Fit(0, CAP_REACHED)
        if cap.amount_minor is None or amount == 0:
            return Fit(amount)
        # What it has, it keeps, also where the cap was lowered meanwhile.
        room = max(cap.amount_minor - used_amount + own.amount, own.amount)
        return Fit(min(amount, room)) if room > 0 else Fit(0, CAP_REACHED)

    def _fit_budget(
        self, program_id: str, referral_id: str | None, kind: str, amount: int, value_minor: int, own: Slot
    ) -> Fit:
        budget = self.budgets.get(program_id)
        if budget is None:
            return Fit(amount)
        aside = self._open_reservation(referral_id)
        aside_minor, aside_count = (aside.rest_minor, aside.rest_count) if aside else (0, 0)
        is_full = budget.limit_count is not None and budget.used_count - aside_count >= budget.limit_count
        if is_full and not own.count:
            budget.is_short = True
            return Fit(0, BUDGET_EXHAUSTED)
        if budget.limit_minor is None:
            return Fit(amount)
        room = max(budget.limit_minor - budget.used_minor + own.weight_minor + aside_minor, own.weight_minor)
        weight = amount if kind in MONEY_KINDS else value_minor
        if weight <= max(room, 0):
            return Fit(amount)
        budget.is_short = True
        return Fit(room) if kind in MONEY_KINDS and room > 0 else Fit(0, BUDGET_EXHAUSTED)

    def swap(self, key: AnchorKey, *, referral_id: str | None, at: datetime, before: Slot, after: Slot) -> None:
        """Let a reward that took up `before` take up `after`. What a referral has set aside is used first."""
        if before == after:
            return
        count, amount = after.count - before.count, after.amount - before.amount
        weight = after.weight_minor - before.weight_minor
        anchor = self.anchors[key]
        anchor.used_count += count
        anchor.used_amount += amount
        for (other, period), used in self.periods.items():
            if other == key and period.holds(at):
                self.periods[other, period] = Slot(used.count + count, used.amount + amount)
        budget = self.budgets.get(key[0])
        if budget is None:
            return
        aside = self._open_reservation(referral_id)
        if aside is not None:
            from_minor, from_count = min(max(weight, 0), aside.rest_minor), min(max(count, 0), aside.rest_count)
            aside.rest_minor -= from_minor
            aside.rest_count -= from_count
            aside.is_changed = aside.is_changed or bool(from_minor or from_count)
            weight, count = weight - from_minor, count - from_count
        # A reward granted before there was a budget weighs nothing in it when it goes.
        budget.used_minor = max(0, budget.used_minor + weight)
        budget.used_count = max(0, budget.used_count + count)
        budget.is_changed = True

    def reserve(self, referral_id: str, program_id: str, *, minor: int, count: int) -> None:
        """Set aside for a referral what fits of its budget."""
        budget = self.budgets[program_id]
        if budget.limit_minor is not None:
            room = max(0, budget.limit_minor - budget.used_minor)
            budget.is_short = budget.is_short or minor > room
            minor = min(minor, room)
        if budget.limit_count is not None:
            room = max(0, budget.limit_count - budget.used_count)
            budget.is_short = budget.is_short or count > room
            count = min(count, room)
        self.reservations[referral_id] = Reservation(program_id, minor, count, is_new=True, is_changed=True)
        budget.used_minor += minor
        budget.used_count += count
        budget.is_changed = True

    def give_back(self, referral_id: str) -> None:
        """Close a referral's reservation: what is left of it is free again."""
        aside = self._open_reservation(referral_id)
        if aside is None:
            return
        budget = self.budgets.get(aside.program_id)
        if budget is not None:
            budget.used_minor = max(0, budget.used_minor - aside.rest_minor)
            budget.used_count = max(0, budget.used_count - aside.rest_count)
            budget.is_changed = True
        aside.rest_minor, aside.rest_count, aside.is_open, aside.is_changed = 0, 0, False, True

    def _open_reservation(self, referral_id: str | None) -> Reservation | None:
        aside = self.reservations.get(referral_id or "")
        return aside if aside is not None and aside.is_open else None
