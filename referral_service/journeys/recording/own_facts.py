"""The facts of a round that may earn their own customers something."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from referral_service.events.facts_of import EventFacts, PurchaseFacts
from referral_service.journeys.recording.round import Round
from referral_service.journeys.settling.as_fact import as_fact, event_as_fact
from referral_service.referrals.progress import Fact


def own_facts(this: Round, alive: Collection[str], *, now: datetime) -> dict[str, list[Fact]]:
    """The purchases and events that the events `alive` speak of, by customer (`cus_…`); each once."""
    found: dict[str, dict[str, Fact]] = {}
    for event_id in sorted(alive):
        row = this.purchases.get(event_id)
        if row is not None:
            bought = PurchaseFacts.of(row)
            if bought is not None:
                found.setdefault(bought.customer_id, {})[bought.id] = as_fact(bought)
            continue
        who, event = this.customer_of(event_id), this.custom.get(event_id)
        if who is not None and event is not None:
            told = EventFacts(
                id=event_id,
                customer_id=who,
                external_id=event.external_id,
                type=event.type,
                occurred_at=event.occurred_at,
                recorded_at=now,
                payload=event.payload(),
            )
            found.setdefault(who, {})[event_id] = event_as_fact(told)
    return {customer_id: list(facts.values()) for customer_id, facts in found.items()}
