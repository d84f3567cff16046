"""A program begins as a draft, with the whole of its terms as its first version."""

from __future__ import annotations

from typing import Any

import pytest
import terms_documents as documents
from programs.programs_made import ACTOR, make
from sqlalchemy import text

from cast import NOON
from referral_service.kit.db.engines import Database
from referral_service.kit.errors import InvalidRequest
from referral_service.kit.ids import is_id
from referral_service.programs.read_programs import read_program
from referral_service.programs.terms.parse import InvalidTerms, parse_terms
from referral_service.tenants.open_app import OpenedApp


@pytest.fixture
def app_id(tenant: OpenedApp) -> int:
    return tenant.tenant.app_id


def read(database: Database, app_id: int, program_id: str) -> dict[str, Any]:
    return database.read(lambda session: read_program(session, app_id=app_id, program_id=program_id))


def test_a_new_program_is_a_draft_with_its_complete_terms_as_version_one(database: Database, app_id: int) -> None:
    made = make(database, app_id, allowed_hosts=["Shop.Example", "shop.example", "xn--bcher-kva.example"])
    assert is_id(made["id"], "prg")
    assert (made["status"], made["version"], made["created_at"]) == ("draft", 1, NOON)
    assert made["terms"] == parse_terms(documents.document())[0]
    assert made["allowed_hosts"] == ["shop.example", "xn--bcher-kva.example"]
    assert (made["code_parameter"], made["click_parameter"]) == ("ref", "ref_click")
    assert (made["activated_at"], made["archived_at"], made["ended_at"]) == (None, None, None)
    assert read(database, app_id, made["id"]) == made


@pytest.mark.parametrize("recipe", documents.RECIPES.values(), ids=documents.RECIPES.keys())
def test_any_valid_terms_can_be_drafted_and_are_stored_to_the_letter(
    database: Database, app_id: int, recipe: Any
) -> None:
    made = make(database, app_id, terms=recipe())
    assert read(database, app_id, made["id"])["terms"] == parse_terms(recipe())[0]


def test_a_program_has_its_budget_row_from_the_start(database: Database, app_id: int) -> None:
    made = make(database, app_id)
    query = text("SELECT app_id, program_id, used_minor, used_count FROM budgets")
    assert database.read(lambda session: session.execute(query).all()) == [(app_id, made["id"], 0, 0)]


def test_who_made_it_is_written_down(database: Database, app_id: int) -> None:
    made = make(database, app_id)
    query = text("SELECT actor FROM audit_log WHERE action = 'program.created' AND object_id = :id")
    assert database.read(lambda session: session.execute(query, {"id": made["id"]}).scalars().all()) == [ACTOR]


def test_wrong_terms_are_refused_at_their_path_and_nothing_is_made(database: Database, app_id: int) -> None:
    wrong = documents.document(qualification={"within_days": "90"})
    with pytest.raises(InvalidTerms) as refused:
        make(database, app_id, terms=wrong)
    assert list(refused.value.errors or {}) == ["terms.qualification.within_days"]
    tables = (
        "SELECT id FROM programs UNION ALL SELECT id FROM program_versions UNION ALL SELECT program_id FROM budgets"
    )
    assert database.read(lambda session: session.execute(text(tables)).all()) == []


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "Two\nlines"}, "name"),
        ({"landing_url": "http://app.example/"}, "landing_url"),
        ({"allowed_hosts": ["shop.example", "https://shop.example"]}, "allowed_hosts.1"),
        ({"allowed_hosts": [f"h{n}.example" for n in range(51)]}, "allowed_hosts"),
        ({"code_parameter": "a b"}, "code_parameter"),
        ({"code_parameter": "ref\n"}, "code_parameter"),
        ({"click_parameter": ""}, "click_parameter"),
        ({"click_parameter": "ref"}, "click_parameter"),
    ],
)
def test_a_wrong_setting_is_named(database: Database, app_id: int, said: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        make(database, app_id, **said)
    assert list(refused.value.errors or {}) == [path]


def test_development_may_send_people_anywhere_over_http(database: Database, app_id: int) -> None:
    made = make(database, app_id, landing_url="http://shop.internal:3000/", development=True)
    assert made["landing_url"] == "http://shop.internal:3000/"
