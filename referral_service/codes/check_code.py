"""Look a code up, typed or signed, and tell whether it may be used now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from referral_service.codes.errors import CodeNotFound
from referral_service.codes.models import Code
from referral_service.codes.signed_code import (
    FOLDED_CHARACTERS_MAX,
    SIGNED_CHARACTERS_MIN,
    InvalidSignedCode,
    read_signed_code,
)
from referral_service.customers.models import Customer
from referral_service.kit.ids import fold
from referral_service.programs.models import Program
from referral_service.programs.policy import why_no_claims
from referral_service.programs.terms_of import terms_of
from referral_service.signing.key_ring import KeyRing


@dataclass(frozen=True, slots=True)
class CheckedCode:
    """A code and whether a claim may use it. `reason` is why not, one of `schemas.REASONS`; None for a valid one."""

    code_id: str
    program_id: str
    customer_id: str
    customer_external_id: str | None
    text: str
    folded: str
    state: str
    reason: str | None

    @property
    def valid(self) -> bool:
        return self.reason is None


def folded_code(key_ring: KeyRing, text: str, *, app_id: int) -> str | None:
    """Return the folded form of a typed or a signed code, or None where it cannot be a code of this app.

    A signed code is one only with a genuine signature for this very app.
    """
    if len(text) >= SIGNED_CHARACTERS_MIN:
        try:
            signed = read_signed_code(key_ring, text)
        except InvalidSignedCode:
            return None
        return signed.folded if signed.app_id == app_id else None
    folded = fold(text)
    return folded if folded is not None and len(folded) <= FOLDED_CHARACTERS_MAX else None


def check_code(session: Session, key_ring: KeyRing, *, app_id: int, text: str, now: datetime) -> CheckedCode:
    """Return what a typed or signed code stands for at business time `now`; raise CodeNotFound.

    One look-up by an index, whether or not the code can exist, so that the time taken tells nothing.
    """
    folded = folded_code(key_ring, text, app_id=app_id)
    row = session.execute(
        select(
            Code.id,
            Code.program_id,
            Code.customer_id,
            Code.text,
            Code.folded,
            Code.state,
            Customer.external_id,
            Program.status,
            Program.version,
        )
        .join(Customer, and_(Customer.app_id == Code.app_id, Customer.id == Code.customer_id))
        .join(Program, and_(Program.app_id == Code.app_id, Program.id == Code.program_id))
        .where(Code.app_id == app_id, Code.folded == (folded or ""))
    ).one_or_none()
    if row is None:
        raise CodeNotFound
    newest = (row.program_id, row.version)
    schedule = terms_of(session, app_id=app_id, versions=[newest])[newest].schedule
    standing = why_no_claims(row.status, schedule, made_at=now, now=now)
    return CheckedCode(
        code_id=row.id,
        program_id=row.program_id,
        customer_id=row.customer_id,
        customer_external_id=row.external_id,
        text=row.text,
        folded=row.folded,
        state=row.state,
        reason=standing if row.state == "active" else "code_revoked",
    )
