"""Looking codes up, one by one and as a set."""

from __future__ import annotations

from typing import Any

import pytest
from signing.key_cast import open_shop, ring_with_keys, start_program
from sqlalchemy import event, update

from cast import NOON
from referral_service.codes.check_code import check_code, folded_code
from referral_service.codes.errors import CodeNotFound
from referral_service.codes.issue_codes import issue_code
from referral_service.codes.models import Code
from referral_service.codes.resolve import ResolvedCode, resolve_codes
from referral_service.codes.revoke_code import revoke_code
from referral_service.codes.signed_code import sign_code
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.programs.models import Program
from referral_service.signing.key_ring import KeyRing


@pytest.fixture
def ring(database: Database, clock: FixedClock) -> KeyRing:
    return ring_with_keys(database, clock)


@pytest.fixture
def app_id(database: Database) -> int:
    return open_shop(database).id


@pytest.fixture
def program(database: Database, app_id: int) -> Program:
    return start_program(database, app_id)


def issued(database: Database, program: Program, customer: str = "alice", vanity: str | None = None) -> Code:
    return database.transact(
        lambda session: issue_code(
            session,
            app_id=program.app_id,
            program_id=program.id,
            customer_external_id=customer,
            vanity=vanity,
            now=NOON,
        )
    )[0]


@pytest.fixture
def code(database: Database, program: Program) -> Code:
    return issued(database, program, vanity="Maria-20")


@pytest.mark.parametrize("typed", ["Maria-20", "maria20", "MARIA 20", "MAR1A2O", "ＭＡＲＩＡ２０", " maria–20 "])
def test_a_typed_code_is_found_however_it_is_typed(
    database: Database, ring: KeyRing, app_id: int, code: Code, typed: str
) -> None:
    found = database.read(lambda session: check_code(session, ring, app_id=app_id, text=typed, now=NOON))
    assert (found.code_id, found.text, found.valid, found.reason) == (code.id, "Maria-20", True, None)
    assert found.customer_external_id == "alice"


def test_a_signed_code_is_found_in_its_own_app_only(database: Database, ring: KeyRing, app_id: int, code: Code) -> None:
    signed = sign_code(ring, folded=code.folded, app_id=app_id)
    other = open_shop(database)
    found = database.read(lambda session: check_code(session, ring, app_id=app_id, text=signed, now=NOON))
    lower = database.read(lambda session: check_code(session, ring, app_id=app_id, text=signed.lower(), now=NOON))
    assert found == lower
    assert found.code_id == code.id
    with pytest.raises(CodeNotFound):
        database.read(lambda session: check_code(session, ring, app_id=other.id, text=signed, now=NOON))
    with pytest.raises(CodeNotFound):
        database.read(lambda session: check_code(session, ring, app_id=app_id, text=f"{signed[:-1]}~", now=NOON))


def test_a_signed_code_does_not_stand_for_another_apps_code_of_the_same_text(
    database: Database, ring: KeyRing, app_id: int, code: Code
) -> None:
    other = open_shop(database)
    theirs = issued(database, start_program(database, other.id), vanity="Maria-20")
    assert theirs.folded == code.folded
    signed = sign_code(ring, folded=code.folded, app_id=app_id)
    with pytest.raises(CodeNotFound):
        database.read(lambda session: check_code(session, ring, app_id=other.id, text=signed, now=NOON))


def test_another_apps_code_is_unknown(database: Database, ring: KeyRing, code: Code) -> None:
    other = open_shop(database)
    with pytest.raises(CodeNotFound):
        database.read(lambda session: check_code(session, ring, app_id=other.id, text=code.text, now=NOON))


def test_a_code_that_is_no_use_now_says_why(database: Database, ring: KeyRing, app_id: int, code: Code) -> None:
    pause = update(Program).where(Program.app_id == app_id, Program.id == code.program_id).values(status="paused")
    database.transact(lambda session: session.execute(pause))
    paused = database.read(lambda session: check_code(session, ring, app_id=app_id, text=code.text, now=NOON))
    assert (paused.valid, paused.reason, paused.state) == (False, "program_not_active", "active")
    database.transact(lambda session: revoke_code(session, app_id=app_id, code_id=code.id, now=NOON))
    revoked = database.read(lambda session: check_code(session, ring, app_id=app_id, text=code.text, now=NOON))
    assert (revoked.valid, revoked.reason, revoked.state) == (False, "code_revoked", "revoked")


@pytest.mark.parametrize("text", ["", "ZZZZZZZZ", "A" * 500, "МАРІЯ", "\x00", "A" * 28, "%00", "'; DROP TABLE codes"])
def test_an_unknown_code_costs_the_same_one_query(database: Database, ring: KeyRing, app_id: int, text: str) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    ring.current()
    event.listen(database.read_engine, "before_cursor_execute", note)
    try:
        with pytest.raises(CodeNotFound):
            database.read(lambda session: check_code(session, ring, app_id=app_id, text=text, now=NOON))
    finally:
        event.remove(database.read_engine, "before_cursor_execute", note)
    assert len([statement for statement in statements if "FROM codes" in statement]) == 1


def test_a_set_of_codes_is_resolved_in_one_statement(
    database: Database, app_id: int, program: Program, code: Code
) -> None:
    more = [issued(database, program, f"customer-{number}") for number in range(30)]
    database.transact(lambda session: revoke_code(session, app_id=app_id, code_id=more[0].id, now=NOON))
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    wanted = [one.folded for one in more] * 2 + [code.folded, "N0S0CH", ""]
    event.listen(database.read_engine, "before_cursor_execute", note)
    try:
        found = database.read(lambda session: resolve_codes(session, app_id=app_id, folded=wanted))
    finally:
        event.remove(database.read_engine, "before_cursor_execute", note)
    assert len([statement for statement in statements if "FROM codes" in statement]) == 1
    assert found[code.folded] == ResolvedCode(
        code.id, program.id, code.customer_id, "active", "MAR1A20", program_status="active", program_version=1
    )
    assert found[more[0].folded].state == "revoked"
    assert found.keys() == {one.folded for one in more} | {code.folded}


def test_resolving_stays_in_its_tenant_and_nothing_asks_nothing(database: Database, code: Code) -> None:
    other = open_shop(database)
    assert database.read(lambda session: resolve_codes(session, app_id=other.id, folded=[code.folded])) == {}
    assert database.read(lambda session: resolve_codes(session, app_id=other.id, folded=[])) == {}


def test_no_text_can_be_read_both_as_typed_and_as_signed(ring: KeyRing, app_id: int) -> None:
    shortest = sign_code(ring, folded="AAA", app_id=app_id)
    assert folded_code(ring, shortest, app_id=app_id) == "AAA"
    assert folded_code(ring, shortest[1:], app_id=app_id) is None
    assert folded_code(ring, "A" * 20, app_id=app_id) == "A" * 20
    assert folded_code(ring, "A" * 21, app_id=app_id) is None
