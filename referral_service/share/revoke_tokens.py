"""Take back every share token of a customer."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table, update
from sqlalchemy.orm import Session

from referral_service.customers.models import Customer
from referral_service.customers.read_customer import NO_SUCH_CUSTOMER
from referral_service.kit.errors import NotFound

_CUSTOMERS = cast(Table, Customer.__table__)


def revoke_tokens(session: Session, *, app_id: int, external_id: str) -> None:
    """Let no token count that was minted for this person so far, in any program; raise NotFound.

    They carry their series, and a new one begins: what is minted from now on counts, also in the same microsecond and
    under a clock that is a little behind.
    """
    series = _CUSTOMERS.c.share_tokens_series
    found = session.execute(
        update(_CUSTOMERS)
        .where(_CUSTOMERS.c.app_id == app_id, _CUSTOMERS.c.external_id == external_id)
        .values(share_tokens_series=series + 1)
        .returning(_CUSTOMERS.c.id)
    ).one_or_none()
    if found is None:
        raise NotFound(NO_SUCH_CUSTOMER)
