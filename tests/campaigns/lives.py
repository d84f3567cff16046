"""The life of one reward: held, offered, released, spent, taken back, given again. From PRODUCT.md, "Lifecycles"."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns.facts import RewardName
from campaigns.terms import Give, RewardTerms
from campaigns.wallet import Coupon, Lot, Wallet

REFUSED = ("cap_reached", "budget_exhausted")


@dataclass(frozen=True, slots=True)
class Taken:
    """How much of a reward facts take away, and whether for good: an open dispute keeps slot and budget."""

    amount: int
    whole: bool = False
    final: bool = False
    reasons: frozenset[str] | None = None


NOTHING_TAKEN = Taken(0)


@dataclass(slots=True)
class Grant:
    """One recorded reward. `granted` and `taken` in its unit; a coupon and a custom reward are one."""

    name: RewardName
    # What it was granted for: (kind, name).
    subject: tuple[str, str]
    terms: RewardTerms
    give: Give
    badge: str | None
    currency: str
    # Whose referral it belongs to: (program, referee); None: the recipient's own, or a prize.
    referral: tuple[str, str] | None
    created_at: datetime
    hold_ends_at: datetime
    write_off: bool
    granted: int
    weight: int
    taken: int = 0
    state: str = "pending"
    # None: any reason will do.
    reasons: frozenset[str] | None = None
    final: bool = False
    # Voided by a person: nothing brings it back.
    dead: bool = False
    released: bool = False
    accept_by: datetime | None = None
    expires_at: datetime | None = None
    lot: Lot | None = None
    coupon: Coupon | None = None
    fulfilled: bool = False
    # A reversal that rounding alone made whole: it may be called whole, or partial.
    by_rounding: bool = False
    wallet: Wallet = field(default_factory=Wallet)

    @property
    def holds_slot(self) -> bool:
        gone = self.state in ("voided", "clawed_back") and self.final
        return not gone and self.state != "capped"

    @property
    def is_over(self) -> bool:
        """Whether no fact changes anything any more: capped, voided by a person, or an offer not accepted."""
        return self.state == "capped" or self.dead or (self.state == "expired" and not self.released)

    @property
    def is_held(self) -> bool:
        """Granted, and neither released nor gone: the wallet shows it as pending."""
        return self.state in ("pending", "offered")

    # -- release ----------------------------------------------------------------------------------------

    def release(self, now: datetime) -> None:
        if self.terms.accept_within_days is None:
            self.become_available(now)
            return
        self.state, self.reasons = "offered", None
        self.accept_by = now + timedelta(days=self.terms.accept_within_days)

    def become_available(self, now: datetime) -> None:
        self.state, self.reasons, self.released = "available", None, True
        if self.terms.expires_days is not None:
            self.expires_at = now + timedelta(days=self.terms.expires_days)
        size = self.granted - self.taken
        if self.give.kind == "coupon":
            self.coupon = Coupon.made(self.give.coupon, now=now, expires_days=self.terms.expires_days)
            self.expires_at = self.coupon.valid_until
        elif self.give.in_wallet and size:
            self.lot = self.wallet.open(size, expires_at=self.expires_at, now=now)
        self.rest(now)

    def rest(self, now: datetime) -> None:
        """Where a released reward stands by what is left of it: its lot, its coupon, or nothing to ask."""
        self.state, self.reasons = "available", None
        if self.coupon is not None:
            if self.coupon.state == "redeemed":
                self.state, self.reasons = "redeemed", frozenset({"used"})
            elif self.coupon.state == "expired" or self.coupon.is_over(now):
                self.coupon.state = "expired"
                self.state, self.reasons = "expired", frozenset({"lapsed"})
        elif self.lot is not None:
            if self.lot.is_over(now):
                self.lot.lapse()
            if self.lot.rest == 0:
                lapsed = self.lot.is_over(now) and self.lot.lapsed > 0
                self.state = "expired" if lapsed else "redeemed"
                self.reasons = frozenset({"lapsed" if lapsed else "spent"})
        elif self.fulfilled:
            self.state, self.reasons = "redeemed", frozenset({"fulfilled"})

    # -- taken back, given again ------------------------------------------------------------------------

    def take(self, taken: Taken, *, now: datetime) -> None:
        """Follow the facts. What was released is clawed back from its lot, what was not is only voided."""
        if self.is_over:
            return
        before, self.taken = self.taken, taken.amount
        self.final = taken.final
        self.by_rounding = not taken.whole and 0 < taken.amount == self.granted
        if self.released:
            self._move_lot(self.taken - before)
        if taken.whole:
            self.state = "clawed_back" if self.released else "voided"
            self.reasons = taken.reasons
            if self.coupon is not None and self.coupon.state != "redeemed":
                self.coupon.state = "revoked"
        elif self.state == "voided":
            self.state, self.reasons = "pending", None
        elif self.state == "clawed_back":
            if self.coupon is not None and self.coupon.state == "revoked":
                self.coupon.state = "active"
            self.rest(now)
        elif self.state in ("available", "redeemed") and self.lot is not None:
            self.rest(now)

    def _move_lot(self, more: int) -> None:
        if self.lot is not None and more > 0:
            self.wallet.claw_back(self.lot, more, write_off=self.write_off)
        elif self.lot is not None and more < 0:
            self.wallet.restore(self.lot, -more)

    def void(self) -> None:
        """By a person, before release: the rest goes back, and nothing revives it."""
        self.taken, self.state, self.reasons = self.granted, "voided", None
        self.final = self.dead = True

    # -- time, and what people do -----------------------------------------------------------------------

    def grow_old(self, now: datetime) -> None:
        """What lapses by itself: an offer, a lot, a coupon."""
        # "Within n days": the far edge still counts.
        if self.state == "offered" and self.accept_by is not None and self.accept_by < now:
            self.state, self.reasons = "expired", frozenset({"not_accepted"})
        elif self.state == "available":
            self.rest(now)
        elif self.state in ("redeemed", "clawed_back") and self.lot is not None and self.lot.is_over(now):
            self.lot.lapse()
        elif self.coupon is not None and self.coupon.state == "active" and self.coupon.is_over(now):
            self.coupon.state = "expired"

    def cancel_order(self) -> None:
        """The order its coupon was used on is cancelled: the coupon is burned, or may be used once more."""
        coupon = self.coupon
        if coupon is None or not coupon.terms.restore:
            return
        coupon.state, coupon.order = "revoked" if self.state == "clawed_back" else "active", None
        if self.state == "redeemed":
            # Though its time may be over: then it lapses like any other.
            self.state, self.reasons = "available", frozenset({"order_cancelled"})
