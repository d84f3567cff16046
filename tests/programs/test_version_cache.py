"""Terms are read set-wise, and once: from memory afterwards, never from another app, database or undone transaction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import terms_documents as documents
from asked import statements
from programs.programs_made import ACTOR, make
from sqlalchemy.orm import Session

from cast import NOON
from referral_service import migrations
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.programs import terms_of as module
from referral_service.programs.change_program import change_program
from referral_service.programs.read_programs import programs_by_id
from referral_service.programs.terms.parse import parse_terms
from referral_service.programs.terms_of import terms_of
from referral_service.tenants.open_app import OpenedApp, open_app
from referral_service.tenants.tenant import LIVE


@pytest.fixture
def app_id(tenant: OpenedApp) -> int:
    return tenant.tenant.app_id


def other_terms(hold_days: int = 14) -> dict[str, Any]:
    return documents.document(documents.reward(hold_days=hold_days))


def change(session: Session, app_id: int, program_id: str, terms: dict[str, Any]) -> None:
    change_program(session, app_id=app_id, program_id=program_id, changes={"terms": terms}, actor=ACTOR, now=NOON)


def test_many_versions_come_with_one_query_and_then_with_none(database: Database, app_id: int) -> None:
    one, two = make(database, app_id)["id"], make(database, app_id, terms=other_terms())["id"]
    database.transact(lambda session: change(session, app_id, one, other_terms(7)))
    wanted = [(one, 1), (one, 2), (two, 1), (two, 9), ("prg_nothing", 1)]
    with statements(database) as seen:
        first = database.transact(lambda session: terms_of(session, app_id=app_id, versions=wanted))
        assert len([statement for statement in seen if "program_versions" in statement]) == 1
    assert {key: terms.rewards[0].hold_days for key, terms in first.items()} == {
        (one, 1): 0,
        (one, 2): 7,
        (two, 1): 14,
    }
    assert first[one, 1] == parse_terms(documents.document())[1]
    with statements(database) as seen:
        again = database.transact(lambda session: terms_of(session, app_id=app_id, versions=wanted[:3]))
        assert [statement for statement in seen if "program_versions" in statement] == []
    assert again == first
    assert database.transact(lambda session: terms_of(session, app_id=app_id, versions=[])) == {}


def test_terms_in_memory_are_never_given_to_another_app(database: Database, app_id: int) -> None:
    key = (make(database, app_id)["id"], 1)
    assert key in database.transact(lambda session: terms_of(session, app_id=app_id, versions=[key]))
    assert database.transact(lambda session: terms_of(session, app_id=app_id + 1, versions=[key])) == {}


def test_a_version_whose_transaction_is_undone_is_not_remembered(database: Database, app_id: int) -> None:
    program_id = make(database, app_id)["id"]
    key = (program_id, 2)

    def change_and_fail(session: Session) -> None:
        change(session, app_id, program_id, other_terms(7))
        assert terms_of(session, app_id=app_id, versions=[key])[key].rewards[0].hold_days == 7
        raise RuntimeError("undone")

    with pytest.raises(RuntimeError, match="undone"):
        database.transact(change_and_fail)
    assert database.transact(lambda session: terms_of(session, app_id=app_id, versions=[key])) == {}
    database.transact(lambda session: change(session, app_id, program_id, other_terms(21)))
    kept = database.transact(lambda session: terms_of(session, app_id=app_id, versions=[key]))
    assert kept[key].rewards[0].hold_days == 21


def test_two_databases_in_one_process_share_nothing(
    database: Database, app_id: int, clock: FixedClock, tmp_path: Path
) -> None:
    key = (make(database, app_id)["id"], 1)
    database.transact(lambda session: terms_of(session, app_id=app_id, versions=[key]))
    other = Database(f"sqlite:///{tmp_path / 'other.db'}")
    try:
        migrations.upgrade(other.write_engine)
        opened = other.transact(lambda session: open_app(session, name="Shop", mode=LIVE, actor="cli", now=clock.now()))
        assert opened.tenant.app_id == app_id
        assert other.transact(lambda session: terms_of(session, app_id=app_id, versions=[key])) == {}
    finally:
        other.dispose()


def test_what_a_disposed_engine_had_read_is_forgotten(database: Database, app_id: int) -> None:
    key = (make(database, app_id)["id"], 1)
    database.transact(lambda session: terms_of(session, app_id=app_id, versions=[key]))
    database.dispose()
    with statements(database) as seen:
        assert key in database.transact(lambda session: terms_of(session, app_id=app_id, versions=[key]))
        assert [statement for statement in seen if "program_versions" in statement] != []


def test_memory_is_bounded_and_what_is_used_stays(
    database: Database, app_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_MAX", 2)
    keys = [(make(database, app_id)["id"], 1) for _ in range(3)]

    def ask(*wanted: tuple[str, int]) -> None:
        database.transact(lambda session: terms_of(session, app_id=app_id, versions=wanted))

    for key in (keys[0], keys[1], keys[0], keys[2]):
        ask(key)
    with statements(database) as seen:
        ask(keys[0], keys[2])
        assert [statement for statement in seen if "program_versions" in statement] == []
        ask(keys[1])
        assert len([statement for statement in seen if "program_versions" in statement]) == 1


def test_programs_are_read_by_id_within_the_app(database: Database, app_id: int) -> None:
    one, two = make(database, app_id), make(database, app_id, allowed_hosts=["shop.example"])
    ids = [two["id"], one["id"], "prg_nothing"]
    found = database.read(lambda session: programs_by_id(session, app_id=app_id, ids=ids))
    assert set(found) == {one["id"], two["id"]}
    row = found[two["id"]]
    assert (row.status, row.version, row.landing_url) == ("draft", 1, "https://app.example/welcome")
    assert (row.allowed_hosts, row.code_parameter, row.signed_links_only) == (["shop.example"], "ref", False)
    assert database.read(lambda session: programs_by_id(session, app_id=app_id + 1, ids=ids)) == {}
    assert database.read(lambda session: programs_by_id(session, app_id=app_id, ids=[])) == {}
