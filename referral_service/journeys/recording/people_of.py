"""Who the given events are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.customers.emails import Emails
from referral_service.customers.ensure_customers import ensure_customers, find_customers
from referral_service.customers.find_by_email import find_by_email
from referral_service.events.given import GivenEvent


@dataclass(frozen=True, slots=True)
class Person:
    """The customer an event is about, or why none is known; then `email_index` may find one later."""

    customer_id: str | None
    reason: str | None = None
    email_index: bytes | None = None


def people_of(
    session: Session, *, emails: Emails, app_id: int, given: Mapping[str, GivenEvent], now: datetime
) -> dict[str, Person]:
    """Find the person of each event, set-wise, by event id. A `customer_id` said outright is made if it is new.

    A hint counts only where the app knows it as a customer id already: it may be the provider's own number.
    """
    said = {event.customer_id for event in given.values() if event.customer_id}
    known = ensure_customers(session, app_id=app_id, external_ids=said, now=now) if said else {}
    hints = {hint for event in given.values() if not event.customer_id for hint in event.customer_hints}
    if hints - known.keys():
        known |= find_customers(session, app_id=app_id, external_ids=hints - known.keys())
    indexes = {
        event_id: emails.index(event.email, app_id=app_id)
        for event_id, event in given.items()
        if event.email and not event.customer_id and not any(hint in known for hint in event.customer_hints)
    }
    owners = find_by_email(session, app_id=app_id, indexes=set(indexes.values())) if indexes else {}
    return {event_id: _person(event, known, indexes.get(event_id), owners) for event_id, event in given.items()}


def _person(
    event: GivenEvent, known: Mapping[str, str], email_index: bytes | None, owners: Mapping[bytes, list[str]]
) -> Person:
    if event.customer_id:
        return Person(known[event.customer_id])
    for hint in event.customer_hints:
        if hint in known:
            return Person(known[hint])
    if email_index is None:
        return Person(None, "no_customer")
    found = owners.get(email_index, [])
    if len(found) == 1:
        return Person(found[0])
    return Person(None, "ambiguous_email" if found else "no_customer", email_index)
