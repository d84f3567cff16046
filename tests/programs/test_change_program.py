"""A change of terms makes a version; what was promised stays, held by the database itself."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
import terms_documents as documents
from programs.programs_made import ACTOR, make
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from cast import NOON
from referral_service.kit.db.engines import Database
from referral_service.kit.errors import InvalidRequest, NotFound
from referral_service.programs.archive_program import archive_program
from referral_service.programs.change_program import change_program, same_json
from referral_service.programs.errors import ProgramStatusConflict
from referral_service.programs.terms.parse import InvalidTerms
from referral_service.tenants.open_app import OpenedApp

LATER = NOON + timedelta(hours=1)
OTHER_TERMS = documents.document(documents.reward(hold_days=14))


@pytest.fixture
def app_id(tenant: OpenedApp) -> int:
    return tenant.tenant.app_id


def change(database: Database, app_id: int, program_id: str, **changes: Any) -> dict[str, Any]:
    return database.transact(
        lambda session: change_program(
            session, app_id=app_id, program_id=program_id, changes=changes, actor=ACTOR, now=LATER
        )
    )


def versions(database: Database, program_id: str) -> list[int]:
    query = text("SELECT version FROM program_versions WHERE program_id = :id ORDER BY version")
    return list(database.read(lambda session: session.execute(query, {"id": program_id}).scalars()))


def test_other_terms_make_the_next_version_and_the_first_stays(database: Database, app_id: int) -> None:
    made = make(database, app_id)
    changed = change(database, app_id, made["id"], terms=OTHER_TERMS)
    assert (changed["version"], changed["created_at"], changed["version_created_at"]) == (2, NOON, LATER)
    assert changed["terms"]["rewards"][0]["hold_days"] == 14
    assert versions(database, made["id"]) == [1, 2]


def test_the_same_terms_written_otherwise_make_no_version(database: Database, app_id: int) -> None:
    made = make(database, app_id)
    assert change(database, app_id, made["id"], terms=documents.document()) == made
    assert change(database, app_id, made["id"], terms=made["terms"]) == made
    assert versions(database, made["id"]) == [1]


def test_true_in_place_of_one_is_another_document(database: Database, app_id: int) -> None:
    def gift(paid: object) -> dict[str, Any]:
        return documents.document(documents.reward(give={"kind": "custom", "data": {"paid": paid}}))

    made = make(database, app_id, terms=gift(1))
    assert change(database, app_id, made["id"], terms=gift(True))["version"] == 2


def test_settings_change_without_a_version_and_what_is_left_out_stays(database: Database, app_id: int) -> None:
    made = make(database, app_id, allowed_hosts=["shop.example"])
    changed = change(database, app_id, made["id"], name="Autumn", click_parameter="via", signed_links_only=True)
    assert changed == made | {"name": "Autumn", "click_parameter": "via", "signed_links_only": True}
    assert change(database, app_id, made["id"], allowed_hosts=[])["allowed_hosts"] == []


def test_a_parameter_may_not_take_the_name_of_the_one_that_stays(database: Database, app_id: int) -> None:
    made = make(database, app_id)
    with pytest.raises(InvalidRequest):
        change(database, app_id, made["id"], code_parameter="ref_click")


def test_a_wrong_change_changes_nothing(database: Database, app_id: int) -> None:
    made = make(database, app_id)
    with pytest.raises(InvalidRequest):
        change(database, app_id, made["id"], name="Autumn", landing_url="http://evil.example")
    with pytest.raises(InvalidTerms):
        change(database, app_id, made["id"], name="Autumn", terms={"currency": "USD"})
    assert change(database, app_id, made["id"]) == made


@pytest.mark.parametrize(
    "give",
    [{"kind": "points", "quantity": 5}, {"kind": "coupon", "percent_off": "10.00", "valid_days": 30}],
    ids=lambda give: give["kind"],
)
def test_a_key_is_not_counted_in_another_unit_than_before(
    database: Database, app_id: int, give: dict[str, Any]
) -> None:
    made = make(database, app_id)
    change(database, app_id, made["id"], terms=documents.document(documents.reward(key="another")))
    first = documents.reward(key="another")
    terms = documents.document(first, documents.reward(give=give))
    with pytest.raises(InvalidTerms) as refused:
        change(database, app_id, made["id"], name="Autumn", terms=terms)
    assert refused.value.status == 422
    assert list(refused.value.errors or {}) == ["terms.rewards.1.key"]
    assert versions(database, made["id"]) == [1, 2]
    renamed = documents.document(first, documents.reward(key="renamed", give=give))
    assert change(database, app_id, made["id"], terms=renamed)["version"] == 3


def test_what_has_ended_cannot_be_changed(database: Database, app_id: int) -> None:
    made = make(database, app_id)
    database.transact(
        lambda session: archive_program(session, app_id=app_id, program_id=made["id"], actor=ACTOR, now=NOON)
    )
    with pytest.raises(ProgramStatusConflict):
        change(database, app_id, made["id"], name="Autumn")


def test_another_apps_program_is_not_there(database: Database, app_id: int) -> None:
    made = make(database, app_id)
    with pytest.raises(NotFound):
        change(database, app_id + 1, made["id"], name="Mine now")


@pytest.mark.parametrize("statement", ["UPDATE program_versions SET terms = '{}'", "DELETE FROM program_versions"])
def test_the_database_refuses_to_change_a_version(database: Database, app_id: int, statement: str) -> None:
    make(database, app_id)
    with pytest.raises(DBAPIError, match="append-only"):
        database.transact(lambda session: session.execute(text(statement)))


def test_several_who_change_the_terms_at_once_make_one_version_each(database: Database, app_id: int) -> None:
    made = make(database, app_id)
    barrier = Barrier(4)
    seen: list[int] = []

    def change_at_once(hold_days: int) -> None:
        barrier.wait()
        terms = documents.document(documents.reward(hold_days=hold_days))
        seen.append(change(database, app_id, made["id"], terms=terms)["version"])

    threads = [Thread(target=change_at_once, args=(n,)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [2, 3, 4, 5]
    assert versions(database, made["id"]) == [1, 2, 3, 4, 5]


def test_each_change_is_written_down_with_what_changed(database: Database, app_id: int) -> None:
    made = make(database, app_id)
    change(database, app_id, made["id"], name="Autumn", terms=OTHER_TERMS)
    change(database, app_id, made["id"], name="Autumn")
    query = text("SELECT details FROM audit_log WHERE action = 'program.changed'")
    details = database.read(lambda session: [str(row) for row in session.execute(query).scalars()])
    assert len(details) == 1
    assert "name" in details[0]
    assert "terms" in details[0]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        (1, True, False),
        ([0], [False], False),
        ({"a": True}, {"a": 1}, False),
        ({"a": 1}, {"a": 1, "b": 1}, False),
        ([1, 2], [1], False),
        ([1, 2], [2, 1], False),
        ({}, [], False),
        (True, True, True),
        (None, False, False),
    ],
)
def test_json_is_compared_as_json(one: object, other: object, same: bool) -> None:
    assert same_json(one, other) is same
    assert same_json(other, one) is same
