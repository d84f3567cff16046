"""Bugs in what whole programs are made of, for the negative controls: limits, lots, coupons, time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from campaigns.dues import Due
from campaigns.facts import Purchase, Spend, UseCoupon
from campaigns.granting import Key, To
from campaigns.limits import Asking, Fit, Limits
from campaigns.lives import Grant, Taken
from campaigns.model import DONE, World
from campaigns.pictures import CallVerdict, Reading
from campaigns.standing import Standing
from campaigns.terms import Budget, Give, RewardTerms, Terms


class StingyLimits(Limits):
    """A counter that only goes up."""

    def holding(self, program: str, *, but: Grant | None = None) -> list[Grant]:
        granted = [g for g in self.grants.values() if g.name.program == program and g.state != "capped"]
        return [grant for grant in granted if grant is not but]


class BudgetlessLimits(Limits):
    def fit(self, asking: Asking, budget: Budget) -> Fit:  # noqa: ARG002
        return super().fit(asking, Budget())


class ForgetfulLimits(Limits):
    def give_back(self, place: tuple[str, str]) -> None:
        """What was set aside is never seen again."""


class FreedSlotsStayTaken(World):
    limits_class: type[Limits] = StingyLimits

    def __init__(self, *, programs: Mapping[str, Terms], now: datetime, reading: Reading | None = None) -> None:
        super().__init__(programs=programs, now=now, reading=reading)
        self.limits = self.limits_class(self.grants)


class BudgetIgnored(FreedSlotsStayTaken):
    limits_class = BudgetlessLimits


class SetAsideForGood(FreedSlotsStayTaken):
    limits_class = ForgetfulLimits


class TierOffByOne(World):
    def _nth(self, reward: RewardTerms, ordinal: int) -> tuple[Give, str | None] | None:
        return super()._nth(reward, ordinal if reward.milestones or reward.every else ordinal - 1)


class OpenDisputeFreesTheSlot(World):
    def _taken(self, grant: Grant, due: Due, to: To) -> Taken:
        honest = super()._taken(grant, due, to)
        return replace(honest, final=honest.whole)


class RestoredTwice(World):
    """The lot is refilled, and a new one opened."""

    def _follow(self, key: Key, grant: Grant, due: Due, to: To) -> None:
        before = grant.state
        super()._follow(key, grant, due, to)
        if before == "clawed_back" and grant.state == "available" and grant.lot is not None:
            grant.wallet.open(grant.granted - grant.taken, expires_at=grant.expires_at, now=self.now)


class LapsedLotsCanBeSpent(World):
    def _work_on_rewards(self) -> None:
        ends = {name: grant.lot.expires_at for name, grant in self.grants.items() if grant.lot is not None}
        for name in ends:
            self.grants[name].lot.expires_at = None  # type: ignore[union-attr]
        super()._work_on_rewards()
        for name, end in ends.items():
            self.grants[name].lot.expires_at = end  # type: ignore[union-attr]


class SpendsBelowZero(World):
    def _spend(self, entry: Spend) -> CallVerdict:
        answer = super()._spend(entry)
        if not answer.done and (entry.customer, entry.unit) in self.wallets:
            self.wallets[entry.customer, entry.unit].debt += entry.amount
            return DONE
        return answer


class CouponsOpenAgainOnEveryRefund(World):
    """A part of the order given back is taken for its cancellation."""

    def _cancel_order(self, bought: Purchase) -> None:
        for grant in self.grants.values():
            used = grant.coupon is not None and grant.coupon.order == bought.order_id
            if used and self.refunded(bought):
                grant.cancel_order()


class CouponUsedTwice(World):
    def _use_coupon(self, entry: UseCoupon) -> CallVerdict:
        coupon = self.grant_named(entry.reward).coupon
        known = coupon is not None and coupon.state == "redeemed"
        return DONE if known else super()._use_coupon(entry)


class OffersNeverLapse(World):
    def _work_on_rewards(self) -> None:
        offers = [grant for grant in self.grants.values() if grant.state == "offered"]
        super()._work_on_rewards()
        for grant in offers:
            grant.state, grant.reasons = "offered", None


class StepsInAnyOrder(World):
    def _choose(self, standing: Standing) -> None:
        standing.terms = replace(standing.terms, ordered=False)
        super()._choose(standing)


# Each with the programs that it would show in: to look for it among all of them takes five times as long.
BUGS_IN_LIMITS: dict[type[World], tuple[str, str]] = {
    FreedSlotsStayTaken: ("capped", "again"),
    BudgetIgnored: ("budget", "offers"),
    SetAsideForGood: ("reserved", "reserved"),
    TierOffByOne: ("offers", "capped"),
    OpenDisputeFreesTheSlot: ("capped", "capped"),
    RestoredTwice: ("again", "club"),
    LapsedLotsCanBeSpent: ("contest", "club"),
    SpendsBelowZero: ("spend", "club"),
    CouponsOpenAgainOnEveryRefund: ("coupons", "coupons"),
    CouponUsedTwice: ("again", "coupons"),
    OffersNeverLapse: ("budget", "offers"),
    StepsInAnyOrder: ("steps", "partner"),
}
