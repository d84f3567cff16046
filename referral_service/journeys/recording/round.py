"""Rounds: a list of events is worked off in parts in which each event has its person and its order to itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from referral_service.events.given import DISPUTE, PURCHASE, REFUND, GivenEvent
from referral_service.events.purchases import PurchaseRow
from referral_service.journeys.recording.people_of import Person


@dataclass(slots=True)
class Round:
    """The new events of one round and what is found out about them, by event id."""

    new: dict[str, GivenEvent]
    people: dict[str, Person] = field(default_factory=dict)
    purchases: dict[str, PurchaseRow] = field(default_factory=dict)
    duplicate_of: dict[str, str] = field(default_factory=dict)
    claims: dict[str, str | None] = field(default_factory=dict)
    # Purchases of which this round has learned something: that they are paid, whose they are, or that two are one.
    learned_of: set[str] = field(default_factory=set)
    # Purchases that turned out to be another one: their ids, by the id that carries on.
    merged: dict[str, list[str]] = field(default_factory=dict)

    def learn(self, purchase: PurchaseRow) -> None:
        """Note that this round has learned something about a purchase."""
        self.learned_of.add(purchase.id)

    def has_learned_by(self, event_id: str) -> bool:
        """Whether something was learned about the purchase of this event."""
        return event_id in self.purchases and self.purchases[event_id].id in self.learned_of

    def of_type(self, *types: str) -> dict[str, GivenEvent]:
        """The new events of these types, by event id."""
        return {event_id: event for event_id, event in self.new.items() if event.type in types}

    @property
    def custom(self) -> dict[str, GivenEvent]:
        """The new events of the app's own types, by event id."""
        return {
            event_id: event for event_id, event in self.new.items() if event.type not in (PURCHASE, REFUND, DISPUTE)
        }

    def fact_of(self, event_id: str) -> str:
        """The fact an event speaks of: its purchase, or the event itself."""
        purchase = self.purchases.get(event_id)
        return event_id if purchase is None else purchase.id

    def customer_of(self, event_id: str) -> str | None:
        """Whose event it is, as far as anybody knows: the purchase's person comes first."""
        purchase = self.purchases.get(event_id)
        if purchase is not None:
            return purchase.customer_id
        person = self.people.get(event_id)
        return person.customer_id if person else None


def split_into_rounds(given: Sequence[GivenEvent]) -> list[list[int]]:
    """Split into rounds in which no two events share an id, an order or a person."""
    last_round: dict[tuple[str, str], int] = {}
    rounds: list[list[int]] = []
    for index, event in enumerate(given):
        people = {event.customer_id, *event.customer_hints, event.email} - {None}
        keys = [("id", event.external_id)]
        keys += [("order", alias) for alias in event.aliases] + [("person", str(who)) for who in people]
        number = 1 + max((last_round.get(key, -1) for key in keys), default=-1)
        last_round.update(dict.fromkeys(keys, number))
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(index)
    return rounds
