"""A stand-in for the service, for the negative controls: it answers out of the model, with bugs to order.

A machine that has never caught a bug may be unable to. Each planted bug is a World with one rule broken, as
an engine might break it; the machine must catch every one of them, and must let the honest one pass.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from campaigns.driver import Answer, Observed
from campaigns.facts import Claim, Click, Deliver, Entry, Event, Purchase, Refund, Terms, business_key
from campaigns.model import LATE_ARRIVAL, Standing, World
from campaigns.pictures import ClaimVerdict, EventVerdict, Reading, all_readings


class Understudy:
    """One app of its own. It speaks as `driver.Driver` does, without a wire in between."""

    def __init__(self, world: type[World], *, now: datetime, reading: Reading) -> None:
        self.world = world(programs={}, now=now, reading=reading)
        self.programs: dict[str, str] = {}
        self.tokens: dict[tuple[str, str, datetime], str] = {}
        self.answers: dict[object, dict[str, Any]] = {}

    def start_program(self, name: str, terms: Terms) -> None:
        self.programs[name] = f"prg_{name}"
        self.world.programs[name] = terms

    def code(self, program: str, customer: str) -> dict[str, Any]:
        return {"code": f"{program}-{customer}"}

    def tell(self, entry: Entry) -> Answer:
        verdict = self.world.tell(entry)
        if isinstance(entry, Click):
            self.tokens[entry.program, entry.customer, entry.at] = "token"
        if isinstance(entry, Claim):
            assert isinstance(verdict, ClaimVerdict)
            return self._claimed(verdict)
        if not isinstance(entry, Deliver):
            return Answer(200, {})
        assert isinstance(verdict, tuple)
        results = [self._heard(event, v) for event, v in zip(entry.events, verdict, strict=True)]
        if entry.batch:
            return Answer(200, {"results": results})
        return Answer({"new": 201, "duplicate": 200, "invalid": 422}[verdict[0].kind], results[0])

    def _claimed(self, verdict: ClaimVerdict) -> Answer:
        status = {"accepted": 201, "repeated": 200, "refused": 409, "bad_code": 404, "stale": 410, "invalid": 422}[
            verdict.answer
        ]
        return Answer(status, {"code": min(verdict.reasons, default=None), "referral_id": "ref_"})

    def _heard(self, event: Event, verdict: EventVerdict) -> dict[str, Any]:
        if verdict.kind == "invalid":
            return {"outcome": "invalid", "error": {"code": "invalid_request"}}
        if verdict.kind == "duplicate":
            first = self.answers.get(event.event_id) or self.answers[business_key(event)]
            return {**first, "duplicate": True}
        result = {"outcome": verdict.outcome or "recorded", "duplicate": False}
        self.answers[event.event_id] = self.answers[business_key(event)] = result
        return result

    def look(self, customers: list[str]) -> Observed:
        picture = self.world.picture()
        accepted = [(key, shown.referrer, shown.state, shown.reasons) for key, shown in picture.accepted.items()]
        rejected = [
            ((key[0], key[1]), key[2], "rejected", why) for key, rows in picture.rejected.items() for why in rows
        ]
        referrals = [
            {
                "id": f"{'no' if state == 'rejected' else 'yes'} {program} {referee} {referrer}",
                "program_id": self.programs[program],
                "state": state,
                "reason": min(reasons) if reasons else None,
                "referrer": {"customer_id": referrer},
                "referee": {"customer_id": referee},
            }
            for (program, referee), referrer, state, reasons in [*accepted, *rejected]
        ]
        rewards = [
            {
                "key": key,
                "state": min(shown.states),
                "amount": {"quantity": shown.granted or 0},
                "reversed": {"quantity": shown.reversed or 0},
                "customer_id": shown.recipient,
                "referral_id": f"yes {program} {referee} {picture.accepted[program, referee].referrer}",
            }
            for (program, referee, key), shown in picture.rewards.items()
        ]
        balances: dict[str, list[dict[str, Any]]] = {customer: [] for customer in customers}
        for (who, unit), (available, pending) in picture.balances.items():
            if who in balances:
                balances[who].append({"unit": unit, "available": available, "pending": pending})
        return Observed(referrals, rewards, balances)


class UnderstudyStage:
    doctor_every = 1

    def __init__(self, world: type[World] = World, reading: Reading | None = None) -> None:
        self.world = world
        self.reading = reading or Reading()
        self.readings = all_readings()

    def open_app(self, *, now: datetime, name: str) -> Understudy:
        assert name
        return Understudy(self.world, now=now, reading=self.reading)

    def violations(self) -> list[str]:
        return []


# -- bugs, one rule broken each ---------------------------------------------------------------------


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
        if standing.conversion is None:
            super()._choose(standing)


class MovesAfterRelease(World):
    def _settle(self, standing: Standing, *, worker: bool = False) -> None:
        if standing.frozen:
            self._choose(standing)
        super()._settle(standing, worker=worker)


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
    def _settle(self, standing: Standing, *, worker: bool = False) -> None:
        terms = self.programs[standing.program]
        known = self.purchases
        if terms.referee_is_new:
            self.purchases = {o: p for o, p in known.items() if p.occurred_at >= standing.opens_at}
        super()._settle(standing, worker=worker)
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
            self.purchases[event.order_id] = Purchase(
                event.event_id,
                event.order_id,
                event.customer,
                event.amount_minor,
                currency,
                event.occurred_at,
            )
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
