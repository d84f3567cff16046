"""Write a person's profile: whole, as the app says it, or only an e-mail address that was missing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from referral_service.customers.emails import Address, Emails
from referral_service.customers.ensure_customers import customers
from referral_service.customers.models import Customer
from referral_service.customers.profile import CustomerRecord, Profile, open_profile, seal_profile
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.upsert import insert_unless_there
from referral_service.kit.db.write_rows import update_rows
from referral_service.kit.ids import new_id

# Lost only to somebody who erases the same person between two statements of ours, each time anew.
ATTEMPTS_MAX = 5


def put_customer(
    session: Session,
    sealer: Sealer,
    emails: Emails,
    *,
    app_id: int,
    external_id: str,
    profile: Profile,
    locale: str | None,
    leaderboard_opt_in: bool,
    invite_name_opt_in: bool = False,
    attributes: Mapping[str, Any],
    now: datetime,
) -> tuple[CustomerRecord, bool]:
    """Create or replace the person whom the app calls `external_id`; return them, and whether they are new.

    The whole profile is set: what is empty here is empty afterwards. Of two who do this at the same time one creates,
    and the one that comes last stands. An id that was erased begins a new person.
    """
    said: dict[str, Any] = {
        "locale": locale,
        "leaderboard_opt_in": leaderboard_opt_in,
        "invite_name_opt_in": invite_name_opt_in,
        "attributes": dict(attributes),
        "updated_at": now,
    }
    address = None if profile.email is None else emails.read(profile.email, app_id=app_id)
    for _ in range(ATTEMPTS_MAX):
        known = session.execute(
            select(Customer.id, Customer.created_at)
            .where(Customer.app_id == app_id, Customer.external_id == external_id)
            .with_for_update(key_share=True)
        ).one_or_none()
        cus, created_at = (new_id("cus"), now) if known is None else (known.id, known.created_at)
        sealed = _sealed(sealer, profile, address, app_id=app_id, customer_id=cus)
        if known is not None:
            _update(session, said | sealed, app_id=app_id, customer_id=cus)
        elif not _inserted(
            session,
            {"app_id": app_id, "id": cus, "external_id": external_id, "created_at": now} | said | sealed,
        ):
            continue
        record = CustomerRecord(
            id=cus,
            customer_id=external_id,
            email=profile.email,
            display_name=profile.display_name,
            locale=locale,
            leaderboard_opt_in=leaderboard_opt_in,
            invite_name_opt_in=invite_name_opt_in,
            attributes=dict(attributes),
            created_at=created_at,
            updated_at=now,
        )
        return record, known is None
    raise RuntimeError("The customer was neither there nor could be made; the unique key must be broken.")


def note_email(
    session: Session, sealer: Sealer, *, app_id: int, customer_id: str, address: Address, now: datetime
) -> bool:
    """Store the e-mail address of a `cus_…` who has none yet; return whether that was done.

    An address that is there already, put by the app itself, stays; what is no address is passed over, and so is a
    person who was erased. The row is locked by this.
    """
    if not address.is_valid:
        return False
    row = session.execute(
        select(Customer.email_index, Customer.profile_ct, Customer.erased_at)
        .where(Customer.app_id == app_id, Customer.id == customer_id)
        .with_for_update(key_share=True)
    ).one_or_none()
    if row is None or row.email_index is not None or row.erased_at is not None:
        return False
    display_name = open_profile(sealer, row.profile_ct, app_id=app_id, customer_id=customer_id).display_name
    profile = Profile(address.text, display_name)
    sealed = _sealed(sealer, profile, address, app_id=app_id, customer_id=customer_id)
    _update(session, sealed | {"updated_at": now}, app_id=app_id, customer_id=customer_id)
    return True


def note_first_emails(
    session: Session, sealer: Sealer, *, app_id: int, addresses: Mapping[str, Address], now: datetime
) -> None:
    """Store the e-mail addresses, all valid, of people (`cus_…`) who were made in this very transaction."""
    rows = [
        {"app_id": app_id, "id": customer_id, "updated_at": now}
        | _sealed(sealer, Profile(address.text, None), address, app_id=app_id, customer_id=customer_id)
        for customer_id, address in addresses.items()
    ]
    update_rows(session, customers, rows)


def _sealed(
    sealer: Sealer, profile: Profile, address: Address | None, *, app_id: int, customer_id: str
) -> dict[str, Any]:
    """The columns of a profile whose address is this one."""
    return {
        "profile_ct": seal_profile(sealer, profile, app_id=app_id, customer_id=customer_id),
        "email_index": address and address.index,
        "email_canon_index": address and address.canon_index,
    }


def _inserted(session: Session, values: dict[str, Any]) -> bool:
    """Insert unless the customer id is taken; on PostgreSQL this waits for whoever makes the same person right now."""
    return session.execute(insert_unless_there(session, customers, "id"), values).one_or_none() is not None


def _update(session: Session, values: dict[str, Any], *, app_id: int, customer_id: str) -> None:
    session.execute(update(customers).where(customers.c.app_id == app_id, customers.c.id == customer_id).values(values))
