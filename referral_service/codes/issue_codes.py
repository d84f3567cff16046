"""Give customers the codes they share: a list of wishes in, set-wise reads and writes, an answer for each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias, cast

from sqlalchemy import ColumnElement, Select, Table, and_, bindparam, literal_column, select
from sqlalchemy.orm import Session

from referral_service.codes.errors import CodeTaken, ProgramNotActive, ProgramNotStarted
from referral_service.codes.models import Code
from referral_service.codes.resolve import resolve_codes
from referral_service.codes.vanity import clean_vanity, is_offensive
from referral_service.customers.ensure_customers import customers, find_customers, make_customers
from referral_service.kit.clock import format_rfc3339
from referral_service.kit.db.among import among
from referral_service.kit.db.write_rows import insert_new
from referral_service.kit.errors import NotFound, Problem
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


def _with_customers(named: ColumnElement[bool]) -> Select[Any]:
    """A program's status and newest version, beside each customer who is known, and the code that they have."""
    return (
        select(
            _PROGRAMS.c.status,
            _PROGRAMS.c.version,
            customers.c.external_id,
            customers.c.id.label("found_customer_id"),
            *_COLUMNS,
        )
        .select_from(_PROGRAMS)
        .outerjoin(customers, and_(customers.c.app_id == _PROGRAMS.c.app_id, named))
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


_WITH_ONE = _with_customers(customers.c.external_id == bindparam("external_ids"))
_WITH_SEVERAL = _with_customers(among(customers.c.external_id, "external_ids"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Who wants a code in which program (`prg_…`); `vanity` is the text that is wished for, as it was given."""

    program_id: str
    customer_external_id: str
    vanity: str | None = None

    @property
    def place(self) -> _Place:
        """What has one active code."""
        return self.program_id, self.customer_external_id


class Issued(NamedTuple):
    """The customer's active code, and whether this wish made it."""

    code: Code
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """Whom a place belongs to, as far as there are any: the customer (`cus_…`) and their active code."""

    customer_id: str | None = None
    code: Code | None = None


# A program, and a customer by the app's own id.
_Place: TypeAlias = tuple[str, str]
# As it is shown, and folded.
_Text: TypeAlias = tuple[str, str]


def issue_code(
    session: Session, *, app_id: int, program_id: str, customer_external_id: str, vanity: str | None, now: datetime
) -> Issued:
    """Give a customer their active code in a program; raises what `issue_codes` answers."""
    wish = Wish(program_id=program_id, customer_external_id=customer_external_id, vanity=vanity)
    (answer,) = issue_codes(session, app_id=app_id, wishes=[wish], now=now)
    if isinstance(answer, Problem):
        raise answer
    return answer


def issue_codes(session: Session, *, app_id: int, wishes: Sequence[Wish], now: datetime) -> list[Issued | Problem]:
    """Give each customer their active code in the program, or say why there is none. No two wishes may be for the same
    customer and program.

    There is one at most: whoever asks again, or at the same time, gets the same, also when asking for another vanity
    text. Customers are made if absent, but not for a wish that is refused: by NotFound for the program,
    ProgramNotActive, ProgramNotStarted, InvalidVanityText, CodeNotAllowed or CodeTaken. Raises CodeTaken, and keeps
    nothing of any wish, where somebody takes a text at this very moment.
    """
    known: dict[_Place, _Known | Problem] = {}
    for program_id in dict.fromkeys(wish.program_id for wish in wishes):
        named = {wish.customer_external_id for wish in wishes if wish.program_id == program_id}
        known |= _look_up(session, app_id=app_id, program_id=program_id, external_ids=named, now=now)
    answers: dict[Wish, Issued | Problem] = {}
    fresh: dict[Wish, _Text | None] = {}
    for wish in wishes:
        here = known[wish.place]
        try:
            wanted = None if wish.vanity is None else clean_vanity(wish.vanity)
        except Problem as problem:
            answers[wish] = problem
            continue
        if isinstance(here, Problem):
            answers[wish] = here
        elif here.code is not None:
            answers[wish] = Issued(here.code, is_new=False)
        else:
            fresh[wish] = wanted
    for wish in _whose_text_is_taken(session, app_id=app_id, fresh=fresh):
        del fresh[wish]
        answers[wish] = _own_or_taken(session, app_id=app_id, wish=wish, now=now)
    people = {
        wish.customer_external_id: here.customer_id for wish in fresh if isinstance(here := known[wish.place], _Known)
    }
    answers |= _make(session, app_id=app_id, fresh=fresh, people=people, now=now)
    return [answers[wish] for wish in wishes]


def active_code(session: Session, *, app_id: int, program_id: str, customer_id: str) -> Code | None:
    """Return the active code of a customer (`cus_` id) in a program, if there is one."""
    named = {"app_id": app_id, "program_id": program_id, "customer_id": customer_id}
    row = session.execute(_ACTIVE, named).one_or_none()
    return None if row is None else Code(**row._mapping)


def _look_up(
    session: Session, *, app_id: int, program_id: str, external_ids: Collection[str], now: datetime
) -> dict[_Place, _Known | Problem]:
    """What there is of these places in a program, or why it takes no part, in one statement."""
    ids = sorted(external_ids)
    statement: Select[Any]
    keys: str | list[str]
    statement, keys = (_WITH_ONE, ids[0]) if len(ids) == 1 else (_WITH_SEVERAL, ids)
    rows = session.execute(statement, {"app_id": app_id, "program_id": program_id, "external_ids": keys}).all()
    why_not = _why_not(session, app_id=app_id, program_id=program_id, row=rows[0] if rows else None, now=now)
    if why_not is not None:
        return {(program_id, external_id): why_not for external_id in external_ids}
    known: dict[_Place, _Known | Problem] = {(program_id, external_id): _Known() for external_id in external_ids}
    for row in rows:
        if row.external_id is not None:
            columns = {column.name: row._mapping[column] for column in _COLUMNS}
            code = None if columns["id"] is None else Code(**columns)
            known[program_id, row.external_id] = _Known(row.found_customer_id, code)
    return known


def _why_not(session: Session, *, app_id: int, program_id: str, row: Any, now: datetime) -> Problem | None:
    if row is None:
        return NotFound(NO_SUCH_PROGRAM)
    schedule = terms_of(session, app_id=app_id, versions=[(program_id, row.version)])[program_id, row.version].schedule
    why_not = why_no_claims(row.status, schedule, made_at=now, now=now)
    if why_not == NOT_STARTED:
        return ProgramNotStarted(starts_at=schedule.starts_at and format_rfc3339(schedule.starts_at))
    return None if why_not is None else ProgramNotActive(program_status=row.status)


def _whose_text_is_taken(session: Session, *, app_id: int, fresh: Mapping[Wish, _Text | None]) -> list[Wish]:
    """The wishes for a text that is somebody's, or that an earlier one of these wishes is for."""
    wanted = {wish: text[1] for wish, text in fresh.items() if text is not None}
    taken = set(resolve_codes(session, app_id=app_id, folded=list(wanted.values())))
    found = []
    for wish, folded in wanted.items():
        if folded in taken:
            found.append(wish)
        taken.add(folded)
    return found


def _own_or_taken(session: Session, *, app_id: int, wish: Wish, now: datetime) -> Issued | Problem:
    """The text is taken: by the customer's own call, which was made at the same time, or by somebody else."""
    asking = {wish.customer_external_id}
    here = _look_up(session, app_id=app_id, program_id=wish.program_id, external_ids=asking, now=now)[wish.place]
    if isinstance(here, _Known) and here.code is not None:
        return Issued(here.code, is_new=False)
    return _code_taken()


def _make(
    session: Session,
    *,
    app_id: int,
    fresh: Mapping[Wish, _Text | None],
    people: Mapping[str, str | None],
    now: datetime,
) -> dict[Wish, Issued | Problem]:
    """Make the codes, and those of the `people` who are not known yet."""
    missing = {external_id for external_id, customer_id in people.items() if customer_id is None}
    made = make_customers(session, app_id=app_id, external_ids=missing, now=now)
    # Or somebody else has just made them.
    made |= find_customers(session, app_id=app_id, external_ids=missing - made.keys())
    codes = {}
    for wish, wanted in fresh.items():
        text, folded = wanted or _fresh_text()
        codes[wish] = Code(
            app_id=app_id,
            id=new_id("rc"),
            program_id=wish.program_id,
            customer_id=people[wish.customer_external_id] or made[wish.customer_external_id],
            text=text,
            folded=folded,
            is_vanity=wanted is not None,
            state="active",
            created_at=now,
            revoked_at=None,
        )
    inserted = _inserted(session, list(codes.values()))
    return {
        wish: Issued(code, is_new=True) if code.id in inserted else _insist(session, code)
        for wish, code in codes.items()
    }


def _insist(session: Session, code: Code) -> Issued:
    """Give the code that stood in the way of this one if it is its customer's, and else insert it at last."""
    for _ in range(ATTEMPTS_MAX):
        # Either somebody asked at the same time, and theirs is this customer's code now; or the text is taken; or what
        # stood in the way was revoked since.
        theirs = active_code(session, app_id=code.app_id, program_id=code.program_id, customer_id=code.customer_id)
        if theirs is not None:
            return Issued(theirs, is_new=False)
        if not code.is_vanity:
            code.text, code.folded = _fresh_text()
        elif resolve_codes(session, app_id=code.app_id, folded=[code.folded]):
            raise _code_taken()
        if _inserted(session, [code]):
            return Issued(code, is_new=True)
    raise RuntimeError("No free code was found in many attempts; the random generator must be broken.")


def _code_taken() -> CodeTaken:
    return CodeTaken(errors={"vanity": ["Taken."]})


def _fresh_text() -> _Text:
    text = random_code()
    while is_offensive(text):
        text = random_code()
    # It is drawn in its folded form.
    return text, text


def _inserted(session: Session, codes: Sequence[Code]) -> set[str]:
    """Insert them unless a unique key stands against it, and give the ids of those that are in.

    On PostgreSQL this waits for whoever inserts the same right now: in one order, lest two wait for each other. Texts
    that are wished for crosswise may still, and are tried again.
    """
    rows = [
        {column.name: getattr(code, column.name) for column in _COLUMNS}
        for code in sorted(codes, key=lambda code: (code.program_id, code.customer_id))
    ]
    return {row.id for row in insert_new(session, _CODES, rows, "id")}
