"""What the model has heard of people, purchases, refunds and disputes, whatever any program makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal

from campaigns.facts import (
    Attributes,
    Dispute,
    Enrol,
    Event,
    Fact,
    Happening,
    Purchase,
    business_key,
    email_canon,
)
from campaigns.pictures import Reading
from campaigns.standing import Fate
from campaigns.terms import Terms

# "refused in the API": more than a minute ahead of the app's time.
FUTURE_TOLERANCE = timedelta(seconds=60)


class Known:
    def __init__(self, *, programs: Mapping[str, Terms], now: datetime, reading: Reading | None = None) -> None:
        self.programs = dict(programs)
        self.start = self.now = now
        self.reading = reading or Reading()
        self.emails: dict[str, str | None] = {}
        self.attributes: dict[str, Attributes] = {}
        self.purchases: dict[str, Purchase] = {}
        self.happenings: dict[str, Happening] = {}
        self.cumulative: dict[str, int] = {}
        self.singles: dict[str, dict[str, int]] = {}
        self.disputes: dict[str, dict[str | None, set[str]]] = {}
        self.seen_events: set[str] = set()
        self.seen_facts: set[tuple[object, ...]] = set()

    def _enrol(self, entry: Enrol) -> None:
        self.emails[entry.customer] = entry.email
        self.attributes[entry.customer] = entry.attributes

    def _record(self, event: Event) -> Literal["invalid", "duplicate", "new"]:
        if event.event_id in self.seen_events:
            return "duplicate"
        if event.occurred_at > self.now + FUTURE_TOLERANCE:
            return "invalid"
        self.seen_events.add(event.event_id)
        fact = business_key(event)
        if fact in self.seen_facts:
            return "duplicate"
        self.seen_facts.add(fact)
        if isinstance(event, Purchase):
            self.purchases[event.order_id] = event
        elif isinstance(event, Happening):
            self.happenings[event.event_id] = event
        elif isinstance(event, Dispute):
            self.disputes.setdefault(event.order_id, {}).setdefault(event.dispute_id, set()).add(event.status)
        elif event.refund_id is None:
            self.cumulative[event.order_id] = max(self.cumulative.get(event.order_id, 0), event.amount_minor)
        else:
            self.singles.setdefault(event.order_id, {})[event.refund_id] = event.amount_minor
        return "new"

    def concerned(self, event: Event) -> str | None:
        """Whose affairs the event changes: a refund or dispute before its purchase, nobody's yet."""
        if isinstance(event, Purchase | Happening):
            return event.customer
        bought = self.purchases.get(event.order_id)
        return None if bought is None else bought.customer

    # -- questions --------------------------------------------------------------------------------------

    def purchases_of(self, customer: str) -> Iterator[Purchase]:
        return (bought for bought in self.purchases.values() if bought.customer == customer)

    def facts_of(self, customer: str) -> list[Fact]:
        happened = [one for one in self.happenings.values() if one.customer == customer]
        return [*self.purchases_of(customer), *happened]

    def same_person(self, referrer: str, referee: str) -> bool:
        canon = email_canon(self.emails.get(referrer))
        return referrer == referee or (canon is not None and canon == email_canon(self.emails.get(referee)))

    def bought_before(self, customer: str, moment: datetime, *, terms: Terms) -> bool:
        return any(
            bought.occurred_at < moment
            for bought in self.purchases_of(customer)
            if bought.currency == terms.currency or self.reading.foreign_purchase_counts_as_bought
        )

    def refunded(self, bought: Purchase) -> int:
        singles = sum(self.singles.get(bought.order_id, {}).values())
        return min(bought.amount_minor, max(self.cumulative.get(bought.order_id, 0), singles))

    def fate(self, bought: Purchase) -> Fate:
        """An open dispute is one that was not won; "`lost` is final". Whichever message came first."""
        said = self.disputes.get(bought.order_id, {}).values()
        lost = any("lost" in one for one in said)
        return Fate(self.refunded(bought), any(not one & {"won", "lost"} for one in said), lost)
