"""Bugs for the negative controls: each a World with one rule broken, as an engine might break it."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from campaigns.facts import Claim, Event, Purchase, Refund, business_key
from campaigns.model import LATE_ARRIVAL, World
from campaigns.pictures import ClaimVerdict
from campaigns.standing import Standing


class AddsCumulativeAndSingleRefunds(World):
    def refunded(self, bought: Purchase) -> int:
        singles = sum(self.singles.get(bought.order_id, {}).values())
        return min(bought.amount_minor, self.cumulative.get(bought.order_id, 0) + singles)


class ForgetsTombstones(World):
    def _record(self, event: Event) -> Literal["invalid", "duplicate", "new"]:
        heard = super()._record(event)
        if isinstance(event, Refund) and event.order_id not in self.purchases:
            self.cumulative.pop(event.order_id, None)
            self.singles.pop(event.order_id, None)
        return heard


class KnowsPurchasesByEventOnly(World):
    """Check then insert: the order is looked at too late, so another event id makes the purchase anew."""

    def _record(self, event: Event) -> Literal["invalid", "duplicate", "new"]:
        if isinstance(event, Purchase) and event.event_id not in self.seen_events:
            self.seen_facts.discard(business_key(event))
        return super()._record(event)


class NeverTakesOver(World):
    def _choose(self, standing: Standing) -> None:
        before = [conversion.steps for conversion in standing.conversions]
        super()._choose(standing)
        for conversion, steps in zip(standing.conversions, before, strict=False):
            conversion.steps = steps
            conversion.verdict = standing.judge(steps.values(), fate=self.fate)


class MovesAfterRelease(World):
    def _settle(self, standing: Standing) -> None:
        standing.frozen_numbers.clear()
        super()._settle(standing)


class ConvertsAfterTheDeadline(World):
    """Looks at nothing but the currency and the minimum: the window's far edge is gone."""

    def _choose(self, standing: Standing) -> None:
        deadline, standing.deadline = standing.deadline, self.now
        super()._choose(standing)
        standing.deadline = deadline


class NeverTooLateToArrive(World):
    def _choose(self, standing: Standing) -> None:
        state = standing.state
        if state == "expired" and self.now > standing.deadline + LATE_ARRIVAL:
            standing.state = "pending"
        super()._choose(standing)
        if standing.conversion is None:
            standing.state = state


class WonDisputeUndoesRefunds(World):
    def refunded(self, bought: Purchase) -> int:
        won = any("won" in said for said in self.disputes.get(bought.order_id, {}).values())
        return 0 if won else super().refunded(bought)


class LateProofOfAnOldCustomerIsIgnored(World):
    def _settle(self, standing: Standing) -> None:
        terms = self.programs[standing.program]
        known = self.purchases
        if terms.referee_is_new:
            self.purchases = {o: p for o, p in known.items() if p.occurred_at >= standing.opens_at}
        super()._settle(standing)
        self.purchases = known


class LastClaimWins(World):
    def _claim(self, claim: Claim) -> ClaimVerdict:
        self.standings.pop((claim.program, claim.referee), None)
        return super()._claim(claim)


class AnyCurrencyIsMoney(World):
    def _record(self, event: Event) -> Literal["invalid", "duplicate", "new"]:
        heard = super()._record(event)
        if heard == "new" and isinstance(event, Purchase):
            currency = next(iter(self.programs.values())).currency
            self.purchases[event.order_id] = replace(event, currency=currency)
        return heard


BUGS: tuple[type[World], ...] = (
    AddsCumulativeAndSingleRefunds,
    ForgetsTombstones,
    KnowsPurchasesByEventOnly,
    NeverTakesOver,
    MovesAfterRelease,
    ConvertsAfterTheDeadline,
    NeverTooLateToArrive,
    WonDisputeUndoesRefunds,
    LateProofOfAnOldCustomerIsIgnored,
    LastClaimWins,
    AnyCurrencyIsMoney,
)
