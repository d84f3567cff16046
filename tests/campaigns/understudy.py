"""A stand-in for the service, for the negative controls: it answers out of the model, with bugs to order.

A machine that has never caught a bug may be unable to. Each planted bug is a World with one rule broken, as
an engine might break it; the machine must catch every one of them, and must let the honest one pass.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from campaigns.driver import Answer, Observed
from campaigns.facts import Claim, Click, Deliver, Entry, Event, business_key
from campaigns.model import World
from campaigns.pictures import CallVerdict, ClaimVerdict, EventVerdict, Reading, all_readings
from campaigns.terms import Terms

STATUS = {
    "accepted": 201,
    "repeated": 200,
    "refused": 409,
    "closed": 410,
    "bad_code": 404,
    "stale": 410,
    "invalid": 422,
}


class Understudy:
    """One app of its own. It speaks as `driver.Driver` does, without a wire in between."""

    def __init__(self, world: type[World], *, now: datetime, reading: Reading) -> None:
        self.world = world(programs={}, now=now, reading=reading)
        self.programs: dict[str, str] = {}
        self.tokens: dict[tuple[str, str, datetime], str] = {}
        self.codes: dict[tuple[str, str], dict[str, Any]] = {}
        self.answers: dict[object, dict[str, Any]] = {}

    def start_program(self, name: str, terms: Terms) -> None:
        self.programs[name] = f"prg_{name}"
        self.world.programs[name] = terms

    def code(self, program: str, customer: str) -> dict[str, Any]:
        return self.codes.setdefault((program, customer), {"code": f"{program}-{customer}"})

    def tell(self, entry: Entry) -> Answer:
        verdict = self.world.tell(entry)
        if isinstance(entry, Click):
            self.tokens[entry.program, entry.customer, entry.at] = "token"
        if isinstance(entry, Claim):
            assert isinstance(verdict, ClaimVerdict)
            return self._claimed(verdict)
        if isinstance(verdict, CallVerdict):
            return Answer(200, {}) if verdict.done else Answer(409, {"code": min(verdict.codes or (), default=None)})
        if not isinstance(entry, Deliver):
            return Answer(200, {})
        assert isinstance(verdict, tuple)
        results = [self._heard(event, v) for event, v in zip(entry.events, verdict, strict=True)]
        if entry.batch:
            return Answer(200, {"results": results})
        return Answer({"new": 201, "duplicate": 200, "invalid": 422}[verdict[0].kind], results[0])

    def _claimed(self, verdict: ClaimVerdict) -> Answer:
        status = STATUS[verdict.answer]
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

    def _referral_id(self, program: str, referee: str | None) -> str | None:
        if referee is None:
            return None
        found = self.world.standings.get((program, referee))
        if found is not None:
            return f"yes {program} {referee} {found.referrer}"
        referrer = next(row[2] for row, _ in self.world.undone if row[:2] == (program, referee))
        return f"no {program} {referee} {referrer}"

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
                "program_id": self.programs[name.program],
                "key": name.key,
                "customer_id": name.recipient,
                "ordinal": name.ordinal,
                "kind": "points",
                "state": min(shown.states),
                "reason": min(shown.reasons) if shown.reasons else None,
                "badge": shown.badge,
                "accept_by": shown.accept_by and shown.accept_by.isoformat(),
                "expires_at": shown.expires_at and shown.expires_at.isoformat(),
                "coupon": {"state": shown.coupon},
                "amount": {"quantity": shown.granted or 0},
                "reversed": {"quantity": shown.reversed or 0},
                "referral_id": self._referral_id(name.program, shown.referee),
            }
            for name, shown in picture.rewards.items()
        ]
        balances: dict[str, list[dict[str, Any]]] = {customer: [] for customer in customers}
        for (who, unit), (available, pending) in picture.balances.items():
            if who in balances:
                balances[who].append({"unit": unit, "available": available, "pending": pending})
        return Observed(referrals, rewards, balances)

    def misreported(self, seen: Observed, *, now: datetime) -> list[str]:  # noqa: ARG002
        """It gives no reports."""
        return []


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
