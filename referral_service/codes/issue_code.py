"""Give a customer the code to share."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import Table, and_, bindparam, literal_column, select
from sqlalchemy.orm import Session

from referral_service.codes.errors import CodeTaken, ProgramNotActive, ProgramNotStarted
from referral_service.codes.models import Code
from referral_service.codes.resolve import resolve_codes
from referral_service.codes.vanity import clean_vanity, is_offensive
from referral_service.customers.ensure_customers import customers, find_customers, make_customers
from referral_service.kit.clock import format_rfc3339
from referral_service.kit.db.upsert import insert_unless_there
from referral_service.kit.errors import NotFound
from referral_service.kit.ids import new_id, random_code
from referral_service.programs.models import Program
from referral_service.programs.policy import NOT_STARTED, why_no_claims
from referral_service.programs.read_programs import NO_SUCH_PROGRAM
from referral_service.programs.terms_of import terms_of

# 35 random bits: even among a hundred million codes of one app, eight misses in a row mean a broken generator.
ATTEMPTS_MAX = 8

_CODES = cast(Table, Code.__table__)
_COLUMNS = _CODES.columns
_PROGRAMS = cast(Table, Program.__table__)
# Written out, as it stands in the index of active codes: SQLite would prepare the statement anew each time to see
# whether the value that is given fits the index.
_IS_ACTIVE = _CODES.c.state == literal_column("'active'")
_ACTIVE = select(*_COLUMNS).where(
    _CODES.c.app_id == bindparam("app_id"),
    _CODES.c.program_id == bindparam("program_id"),
    _CODES.c.customer_id == bindparam("customer_id"),
    _IS_ACTIVE,
)
_OF_CUSTOMER = (
    select(_PROGRAMS.c.status, _PROGRAMS.c.version, customers.c.id.label("found_customer_id"), *_COLUMNS)
    .select_from(_PROGRAMS)
    .outerjoin(
        customers,
        and_(customers.c.app_id == _PROGRAMS.c.app_id, customers.c.external_id == bindparam("external_id")),
    )
    .outerjoin(
        _CODES,
        and_(
            _CODES.c.app_id == customers.c.app_id,
            _CODES.c.program_id == _PROGRAMS.c.id,
            _CODES.c.customer_id == customers.c.id,
            _IS_ACTIVE,
        ),
    )
    .where(_PROGRAMS.c.app_id == bindparam("app_id"), _PROGRAMS.c.id == bindparam("program_id"))
)


def issue_code(
    session: Session, *, app_id: int, program_id: str, customer_external_id: str, vanity: str | None, now: datetime
) -> tuple[Code, bool]:
    """Return the customer's active code in this program, and whether this call made it.

    There is one at most: whoever asks again, or at the same time, gets the same, also when asking for another vanity
    text. The customer is made if absent. Raises NotFound for the program, ProgramNotActive, ProgramNotStarted,
    InvalidVanityText, CodeNotAllowed, CodeTaken.
    """
    wanted = clean_vanity(vanity) if vanity is not None else None
    customer_id, existing = _find(
        session, app_id=app_id, program_id=program_id, external_id=customer_external_id, now=now
    )
    if existing is not None:
        return existing, False
    if customer_id is None:
        asked = [customer_external_id]
        made = make_customers(session, app_id=app_id, external_ids=asked, now=now)
        # Or somebody else has just made them.
        customer_id = (made or find_customers(session, app_id=app_id, external_ids=asked))[customer_external_id]
    for _ in range(ATTEMPTS_MAX):
        text, folded = wanted or _fresh_text()
        code = Code(
            app_id=app_id,
            id=new_id("rc"),
            program_id=program_id,
            customer_id=customer_id,
            text=text,
            folded=folded,
            is_vanity=wanted is not None,
            state="active",
            created_at=now,
            revoked_at=None,
        )
        if _inserted(session, code):
            return code, True
        # Either somebody asked at the same time, and theirs is this customer's code now; or the text is taken; or what
        # stood in the way was revoked since.
        theirs = active_code(session, app_id=app_id, program_id=program_id, customer_id=customer_id)
        if theirs is not None:
            return theirs, False
        if wanted is not None and resolve_codes(session, app_id=app_id, folded=[folded]):
            raise CodeTaken(errors={"vanity": ["Taken."]})
    raise RuntimeError("No free code was found in many attempts; the random generator must be broken.")


def active_code(session: Session, *, app_id: int, program_id: str, customer_id: str) -> Code | None:
    """Return the active code of a customer (`cus_` id) in a program, if there is one."""
    named = {"app_id": app_id, "program_id": program_id, "customer_id": customer_id}
    row = session.execute(_ACTIVE, named).one_or_none()
    return None if row is None else Code(**row._mapping)


def _find(
    session: Session, *, app_id: int, program_id: str, external_id: str, now: datetime
) -> tuple[str | None, Code | None]:
    """Return the customer's `cus_` id and active code, as far as they exist, in one statement."""
    named = {"app_id": app_id, "program_id": program_id, "external_id": external_id}
    row = session.execute(_OF_CUSTOMER, named).one_or_none()
    if row is None:
        raise NotFound(NO_SUCH_PROGRAM)
    schedule = terms_of(session, app_id=app_id, versions=[(program_id, row.version)])[program_id, row.version].schedule
    why_not = why_no_claims(row.status, schedule, made_at=now, now=now)
    if why_not == NOT_STARTED:
        raise ProgramNotStarted(starts_at=schedule.starts_at and format_rfc3339(schedule.starts_at))
    if why_not is not None:
        raise ProgramNotActive(program_status=row.status)
    columns = {column.name: row._mapping[column] for column in _COLUMNS}
    return row.found_customer_id, None if columns["id"] is None else Code(**columns)


def _fresh_text() -> tuple[str, str]:
    text = random_code()
    while is_offensive(text):
        text = random_code()
    # It is drawn in its folded form.
    return text, text


def _inserted(session: Session, code: Code) -> bool:
    """Insert unless a unique key stands against it; on PostgreSQL this waits for whoever inserts the same right now."""
    values = {column.name: getattr(code, column.name) for column in _COLUMNS}
    return session.execute(insert_unless_there(session, _CODES, "id"), values).one_or_none() is not None
