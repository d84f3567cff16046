"""Mint a customer's share token: the address under which he sees and shares his own affairs in a program."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.codes.issue_codes import issue_code
from referral_service.customers.ensure_customers import ensure_customers
from referral_service.customers.models import Customer
from referral_service.kit.errors import NotFound
from referral_service.programs.models import Program
from referral_service.programs.policy import why_no_claims
from referral_service.programs.read_programs import NO_SUCH_PROGRAM
from referral_service.programs.terms_of import terms_of
from referral_service.share.tokens import sign_share_token
from referral_service.signing.key_ring import KeyRing


@dataclass(frozen=True, slots=True)
class MintedToken:
    """A token, whose it is (`cus_…`), and until when it counts, business time."""

    token: str
    customer_id: str
    expires_at: datetime


def mint_token(
    session: Session,
    key_ring: KeyRing,
    *,
    app_id: int,
    external_id: str,
    program_id: str,
    lifetime_seconds: int,
    now: datetime,
) -> MintedToken:
    """Return a token for the person whom the app calls `external_id`; raise NotFound for the program.

    The customer is made if absent. Where the program takes codes now, the customer's code is made as well, so that the
    page has something to share; in one that does not (any more), the page still shows what has come of it.
    """
    _issue_code(session, app_id=app_id, external_id=external_id, program_id=program_id, now=now)
    customer_id = ensure_customers(session, app_id=app_id, external_ids=[external_id], now=now)[external_id]
    series = session.scalars(
        select(Customer.share_tokens_series).where(Customer.app_id == app_id, Customer.id == customer_id)
    ).one()
    token = sign_share_token(
        key_ring,
        app_id=app_id,
        customer_id=customer_id,
        program_id=program_id,
        series=series,
        lifetime_seconds=lifetime_seconds,
        now=now,
    )
    return MintedToken(token=token, customer_id=customer_id, expires_at=now + timedelta(seconds=lifetime_seconds))


def _issue_code(session: Session, *, app_id: int, external_id: str, program_id: str, now: datetime) -> None:
    program = session.execute(
        select(Program.status, Program.version).where(Program.app_id == app_id, Program.id == program_id)
    ).one_or_none()
    if program is None:
        raise NotFound(NO_SUCH_PROGRAM)
    version = (program_id, program.version)
    schedule = terms_of(session, app_id=app_id, versions=[version])[version].schedule
    if why_no_claims(program.status, schedule, made_at=now, now=now) is None:
        issue_code(
            session, app_id=app_id, program_id=program_id, customer_external_id=external_id, vanity=None, now=now
        )
