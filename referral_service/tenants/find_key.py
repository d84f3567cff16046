"""Tell whose key an id names, for the operator at the command line, who sees every app."""

from __future__ import annotations

from sqlalchemy.orm import Session

from referral_service.kit.errors import NotFound
from referral_service.tenants.models import ApiKey


def find_key(session: Session, *, key_id: str) -> ApiKey:
    """Return the key of this id, whichever app it belongs to, or the operator's; raise NotFound."""
    row = session.get(ApiKey, key_id)
    if row is None:
        raise NotFound("There is no API key of this id.")
    return row
