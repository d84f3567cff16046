"""A short story told to the model: one program, day numbers for dates, and what must have come of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from campaigns.facts import (
    Advance,
    Claim,
    Deliver,
    Dispute,
    DisputeStatus,
    Enrol,
    Entry,
    Event,
    Govern,
    Handle,
    Happening,
    Lines,
    Purchase,
    Refund,
    RewardName,
    Spend,
    Touch,
    UseCoupon,
)
from campaigns.model import World
from campaigns.pictures import CallVerdict, ClaimVerdict, EventVerdict, Picture, Reading, RewardPicture
from campaigns.terms import Give, RewardTerms, Terms

START = datetime(2026, 3, 1, tzinfo=UTC)

# Both sides get something after 14 days: Alice 10.00 USD, Bob a tenth of what he spent, at most 30.00 USD.
HELD = Terms(
    min_amount_minor=2000,
    rewards=(
        RewardTerms("credit", "referrer", Give("credit", 1000), hold_days=14),
        RewardTerms("share", "referee", Give("percent", percent=Decimal(10), ceiling_minor=3000), hold_days=14),
    ),
)
# The same with nothing held back.
PROMPT = Terms(
    min_amount_minor=2000,
    rewards=(
        RewardTerms("credit", "referrer", Give("credit", 1000)),
        RewardTerms("points", "referee", Give("points", 500)),
    ),
)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def bought(
    order: str,
    *,
    on: float,
    amount: int = 5000,
    currency: str = "USD",
    event: str | None = None,
    by: str = "bob",
    lines: Lines = (),
    **attributes: str,
) -> Purchase:
    told = tuple(attributes.items())
    return Purchase(event or f"buy-{order}", order, by, amount, currency, day(on), lines, told)


def did(
    kind: str, event: str, *, on: float, amount: int | None = None, by: str = "bob", **attributes: str
) -> Happening:
    currency = None if amount is None else "USD"
    return Happening(event, kind, by, day(on), amount or 0, currency, (), tuple(attributes.items()))


def refunded(order: str, total: int, *, event: str | None = None) -> Refund:
    return Refund(event or f"refund-{order}-to-{total}", order, None, total, "USD", START)


def gave_back(order: str, amount: int, *, refund_id: str, event: str | None = None) -> Refund:
    return Refund(event or f"refund-{refund_id}", order, refund_id, amount, "USD", START)


def disputed(order: str, status: DisputeStatus, *, dispute_id: str | None = None, event: str | None = None) -> Dispute:
    return Dispute(event or f"dispute-{order}-{dispute_id}-{status}", order, dispute_id, status, START)


class Story:
    """Alice refers Bob in program `p` unless the test says otherwise; every step is kept in `log`."""

    def __init__(self, terms: Terms = HELD, *, reading: Reading | None = None, **more: Terms) -> None:
        self.programs = {"p": terms, **more}
        self.world = World(programs=self.programs, now=START, reading=reading)
        self.log: list[Entry] = []

    def tell(self, entry: Entry) -> object:
        self.log.append(entry)
        return self.world.tell(entry)

    def enrol(self, customer: str, email: str | None = None, **attributes: str) -> None:
        self.tell(Enrol(customer, email, tuple(attributes.items())))

    def claim(
        self, referrer: str = "alice", *, referee: str = "bob", program: str = "p", at: datetime | None = None
    ) -> ClaimVerdict:
        return self.claim_touches(Touch(referrer), referee=referee, program=program, at=at)

    def claim_touches(
        self, *touches: Touch, referee: str = "bob", program: str = "p", at: datetime | None = None
    ) -> ClaimVerdict:
        verdict = self.tell(Claim(program, referee, touches, at))
        assert isinstance(verdict, ClaimVerdict)
        return verdict

    def hear(self, *events: Event) -> list[EventVerdict]:
        """Events one by one, each in its own request."""
        verdicts: list[EventVerdict] = []
        for event in events:
            answer = self.tell(Deliver((event,)))
            assert isinstance(answer, tuple)
            verdicts += answer
        return verdicts

    def hear_batch(self, *events: Event) -> list[EventVerdict]:
        answer = self.tell(Deliver(events, batch=True))
        assert isinstance(answer, tuple)
        return list(answer)

    def wait(self, days: float) -> None:
        self.tell(Advance(timedelta(days=days)))

    # -- by hand ----------------------------------------------------------------------------------------

    def handle(
        self, deed: Literal["accept", "fulfil", "void"], key: str, *, of: str, nth: int = 1, program: str = "p"
    ) -> bool:
        """Whether it was done."""
        return self._called(Handle(deed, RewardName(program, key, of, nth)))

    def spend(self, customer: str, amount: int, *, unit: str = "USD") -> bool:
        return self._called(Spend(customer, unit, amount, f"step {len(self.log)}"))

    def use_coupon(self, key: str, order: str, *, of: str, nth: int = 1) -> frozenset[str] | None:
        """The codes it may be refused with; None: used."""
        answer = self.tell(UseCoupon(RewardName("p", key, of, nth), order))
        assert isinstance(answer, CallVerdict)
        return None if answer.done else answer.codes

    def govern(self, deed: Literal["pause", "activate", "archive"], *, program: str = "p") -> None:
        self.tell(Govern(program, deed))

    def _called(self, entry: Entry) -> bool:
        answer = self.tell(entry)
        assert isinstance(answer, CallVerdict)
        return answer.done

    @property
    def picture(self) -> Picture:
        return self.world.picture()

    def state(self, *, referee: str = "bob", program: str = "p") -> str:
        return self.picture.accepted[program, referee].state

    def rewards(
        self, key: str, *, referee: str | None = "bob", program: str = "p", of: str | None = None
    ) -> list[RewardPicture]:
        """The recorded ones of this key and referral, by ordinal; `of`: their recipient."""
        return [
            shown
            for name, shown in sorted(self.picture.rewards.items())
            if (name.program, name.key, shown.referee) == (program, key, referee) and of in (None, name.recipient)
        ]

    def reward(
        self, key: str, *, referee: str | None = "bob", program: str = "p"
    ) -> tuple[str, int | None, int | None]:
        """(state, granted, reversed) of the only one, where the model allows one state alone."""
        (shown,) = self.rewards(key, referee=referee, program=program)
        (state,) = shown.states
        return state, shown.granted, shown.reversed

    def balance(self, customer: str, unit: str = "USD") -> tuple[int, int]:
        """(available, pending)"""
        return self.picture.balances.get((customer, unit), (0, 0))
