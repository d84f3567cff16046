"""The terms as the doctor reads them: its own few lines, so that a slip in the engine's reading is no slip here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from referral_service.doctor.books import Books

Version = tuple[str, int]
# Conditions of a step beyond a minimum amount; with one of these no simple recount tells what must have counted.
AMOUNT_MAX = 10**12
DEMANDING = ("cumulative_minor", "distinct_days", "where", "exclude", "any_of")


@dataclass(frozen=True, slots=True)
class RewardPromise:
    """One reward of one version, and what it gives."""

    key: str
    side: str
    moment: str
    hold_days: int
    keeps: bool
    terms: Mapping[str, Any]
    currency: str

    @property
    def kind(self) -> str:
        return str(self.terms["give"]["kind"])

    @property
    def unit(self) -> str | None:
        """What it is counted in, where the terms say so."""
        if self.kind in {"credit", "percent"}:
            return self.currency
        if self.kind == "points":
            return "points"
        return str(self.terms["give"]["unit"]) if self.kind == "quota" else None

    @property
    def grants_each_time(self) -> bool:
        """Whether every conversion gives one: no audience, no n-ths."""
        return not any(self.terms.get(name) for name in ("audience", "every", "milestones"))

    @property
    def cap_count(self) -> int | None:
        return self._cap("count")

    @property
    def cap_amount(self) -> int | None:
        return self._cap("amount_minor")

    def _cap(self, name: str) -> int | None:
        found = (self.terms.get("cap") or {}).get(name)
        return None if found is None else int(found)

    @property
    def cap_period(self) -> str:
        return str((self.terms.get("cap") or {}).get("per") or "lifetime")

    def worth(self, *, ordinal: int, amount_minor: int) -> set[int] | None:
        """What the n-th of a recipient is worth for a purchase of this amount, before caps; None: not for us to say.

        Several answers where the terms leave the rounding open. Empty: this n-th grants nothing.
        """
        give = dict(self.terms["give"])
        for tier in sorted(self.terms.get("tiers") or [], key=lambda tier: int(tier["from"])):
            if ordinal >= int(tier["from"]):
                give |= {name: value for name, value in tier.items() if value is not None}
        milestones = self.terms.get("milestones") or []
        if milestones:
            reached = [each for each in milestones if int(each["at"]) == ordinal]
            if not reached:
                return set()
            give |= {name: value for name, value in reached[0].items() if value is not None}
        if ordinal % int(self.terms.get("every") or 1) != 0:
            return set()
        return _value(give, amount_minor)


def _value(give: Mapping[str, Any], amount_minor: int) -> set[int] | None:
    if give["kind"] == "credit":
        return {int(give["amount_minor"])}
    if give["kind"] == "percent":
        numerator, denominator = Decimal(str(give["percent"])).as_integer_ratio()
        value = half_up(amount_minor, numerator, denominator * 100)
        most = give.get("max_amount_minor")
        return {value if most is None else min(value, int(most))}
    if give["kind"] in {"points", "quota"}:
        quantity, per_minor = int(give["quantity"]), give.get("per_minor")
        if per_minor is None:
            return {quantity}
        parts = {amount_minor // int(per_minor) * quantity, half_up(amount_minor, quantity, int(per_minor))}
        return {min(part, AMOUNT_MAX) for part in parts}
    return None


@dataclass(frozen=True, slots=True)
class Promise:
    """One version of a program."""

    currency: str
    referee_is_new: bool
    min_amount_minor: int
    reverses_below_minimum: bool
    requalifies: bool
    # One purchase of a minimum amount is all it asks for: then a plain recount tells which one it must have been.
    is_simple: bool
    # The amounts of purchases count as they are: no lines are left out.
    counts_whole_amounts: bool
    rewards: Mapping[str, RewardPromise]
    budget_minor: int | None
    budget_count: int | None

    def reversed_whole(self, *, amount_minor: int, refunded_minor: int, disputed: bool) -> bool | None:
        """Whether a conversion that counted this much is reversed whole; None where the terms leave it open."""
        if disputed:
            return True
        if refunded_minor and refunded_minor >= amount_minor:
            return True
        if not self.is_simple:
            return None if refunded_minor else False
        # A free order that qualifies has nothing to give back, and nothing left either.
        if amount_minor == 0:
            return False
        left = amount_minor - refunded_minor
        return left < self.min_amount_minor and self.reverses_below_minimum


def promises(books: Books) -> dict[Version, Promise]:
    """Every version of every program of the app."""
    sql = "SELECT program_id, version, terms AS terms FROM program_versions WHERE app_id = :app_id"
    return {(row.program_id, row.version): read(row.terms) for row in books.stream(sql)}


def read(terms: Mapping[str, Any]) -> Promise:
    """Read a terms document; what it leaves out has the default that SHAPES gives."""
    on_refund = terms.get("on_refund") or {}
    qualification = terms.get("qualification") or {}
    steps = qualification.get("steps") or [{"event": "purchase"}]
    budget = terms.get("budget") or {}
    currency = str(terms["currency"])
    first = steps[0]
    return Promise(
        currency=currency,
        referee_is_new=(terms.get("eligibility") or {}).get("referee_is_new", True) is not False,
        min_amount_minor=int(first.get("min_amount_minor") or 0),
        reverses_below_minimum=(on_refund.get("below_minimum") or "reverse") == "reverse",
        requalifies=bool(on_refund.get("requalify")),
        is_simple=len(steps) == 1 and _asks_for_one_purchase(first),
        counts_whole_amounts=not any(map(_excludes, steps)),
        rewards={str(each["key"]): _reward(each, currency) for each in terms["rewards"]},
        budget_minor=budget.get("amount_minor"),
        budget_count=budget.get("count"),
    )


def _asks_for_one_purchase(step: Mapping[str, Any]) -> bool:
    demands = any(step.get(name) for name in DEMANDING)
    return step.get("event", "purchase") == "purchase" and int(step.get("count") or 1) == 1 and not demands


def _excludes(step: Mapping[str, Any]) -> bool:
    return any(each.get("exclude") for each in [step, *(step.get("any_of") or [])])


def _reward(terms: Mapping[str, Any], currency: str) -> RewardPromise:
    return RewardPromise(
        key=str(terms["key"]),
        side=str(terms["side"]),
        moment=str(terms["on"]),
        hold_days=int(terms.get("hold_days") or 0),
        keeps=(terms.get("on_refund") or "reverse") == "keep",
        terms=terms,
        currency=currency,
    )


def half_up(amount: int, numerator: int, denominator: int) -> int:
    """`amount * numerator / denominator` for numbers that are not negative; a half goes up."""
    return (2 * amount * numerator + denominator) // (2 * denominator)
