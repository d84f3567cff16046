"""Wallets: lots, debts, what is spent, what lapses; and the coupons that rewards gave. From PRODUCT.md, "Wallet".

A part that a claw-back took is remembered by where it came from, so that a dispute won puts it back there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from campaigns.terms import CouponTerms

Place = tuple[str, str]  # customer, unit


@dataclass(slots=True)
class Lot:
    """What one grant put in. `size` is `rest`, and what went where."""

    rest: int
    expires_at: datetime | None
    opened_at: datetime
    number: int
    lapsed: int = 0
    # What claw-backs took: from the rest, from what had lapsed, as a debt, and written off.
    from_rest: int = 0
    from_lapsed: int = 0
    owed: int = 0
    written_off: int = 0

    def is_over(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def lapse(self) -> None:
        self.lapsed += self.rest
        self.rest = 0


def order_of_spending(lot: Lot) -> tuple[bool, datetime, datetime, int]:
    return lot.expires_at is None, lot.expires_at or lot.opened_at, lot.opened_at, lot.number


@dataclass(slots=True)
class Wallet:
    """One customer's lots of one unit. Available: open lots less debt."""

    lots: list[Lot] = field(default_factory=list)
    debt: int = 0

    @property
    def available(self) -> int:
        return sum(lot.rest for lot in self.lots) - self.debt

    def open(self, size: int, *, expires_at: datetime | None, now: datetime) -> Lot:
        """A release: what is owed is paid first."""
        lot = Lot(size, expires_at, now, len(self.lots))
        self.lots.append(lot)
        paid = min(self.debt, size)
        self.debt -= paid
        lot.rest -= paid
        return lot

    def spend(self, amount: int) -> bool:
        """Earliest expiry first, then oldest; all or nothing, never below zero."""
        if amount > self.available:
            return False
        for lot in sorted(self.lots, key=order_of_spending):
            taken = min(amount, lot.rest)
            lot.rest -= taken
            amount -= taken
        assert amount == 0
        return True

    def claw_back(self, lot: Lot, amount: int, *, write_off: bool) -> None:
        """What is left of its own lot, then what had lapsed, then what was spent."""
        taken = min(amount, lot.rest)
        lot.rest -= taken
        lot.from_rest += taken
        amount -= taken
        taken = min(amount, lot.lapsed)
        lot.lapsed -= taken
        lot.from_lapsed += taken
        amount -= taken
        if write_off:
            lot.written_off += amount
        else:
            lot.owed += amount
            self.debt += amount

    def restore(self, lot: Lot, amount: int) -> None:
        """The other way round; a debt that was paid meanwhile goes back into the lot."""
        back = min(amount, lot.written_off)
        lot.written_off -= back
        amount -= back
        back = min(amount, lot.owed)
        lot.owed -= back
        amount -= back
        still_owed = min(back, self.debt)
        self.debt -= still_owed
        lot.rest += back - still_owed
        back = min(amount, lot.from_lapsed)
        lot.from_lapsed -= back
        lot.lapsed += back
        amount -= back
        lot.from_rest -= amount
        lot.rest += amount


@dataclass(slots=True)
class Coupon:
    """One unique code. `order` is the order that it was used on."""

    terms: CouponTerms
    valid_from: datetime
    valid_until: datetime | None
    state: Literal["active", "redeemed", "revoked", "expired"] = "active"
    order: str | None = None

    @classmethod
    def made(cls, terms: CouponTerms, *, now: datetime, expires_days: int | None) -> Coupon:
        days = terms.valid_days if terms.valid_days is not None else expires_days
        until = terms.valid_until if days is None else now + timedelta(days=days)
        return cls(terms, terms.valid_from or now, until)

    def is_over(self, now: datetime) -> bool:
        return self.valid_until is not None and self.valid_until <= now

    def refusal(self, order: str, *, now: datetime) -> str | None:
        """Why it cannot be used on this order; None: it can, or has been."""
        if self.state == "redeemed":
            return None if order == self.order else "coupon_redeemed"
        if self.state == "revoked":
            return "coupon_revoked"
        if self.state == "expired" or self.is_over(now):
            return "coupon_expired"
        return "coupon_not_yet_valid" if now < self.valid_from else None
