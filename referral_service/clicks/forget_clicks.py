"""Blank what clicks know of a person."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from referral_service.clicks.models import Click


def forget_clicks(session: Session, *, app_id: int, customer_id: str) -> None:
    """Blank the addresses of clicks that are known to be this `cus_…`'s, and that they were; the counts stay."""
    session.execute(
        update(Click)
        .where(Click.app_id == app_id, Click.customer_id == customer_id)
        .values(address_ct=None, customer_id=None)
    )
