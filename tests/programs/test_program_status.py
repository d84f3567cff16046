"""Programs are activated, paused and archived as the table says, each step written down once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import terms_documents as documents
from programs.programs_made import ACTOR, make
from sqlalchemy import text

from cast import NOON
from referral_service.kit.db.engines import Database
from referral_service.kit.errors import NotFound
from referral_service.programs.activate_program import activate_program
from referral_service.programs.archive_program import archive_program
from referral_service.programs.errors import ProgramStatusConflict
from referral_service.programs.pause_program import pause_program
from referral_service.programs.policy import STATUSES, TRANSITIONS, is_legal
from referral_service.tenants.open_app import OpenedApp

VERBS: dict[str, Callable[..., dict[str, Any]]] = {
    "activate": activate_program,
    "pause": pause_program,
    "archive": archive_program,
}
LATER = NOON + timedelta(hours=1)
Step = Callable[..., dict[str, Any]]


@pytest.fixture
def app_id(tenant: OpenedApp) -> int:
    return tenant.tenant.app_id


@pytest.fixture
def step(database: Database, app_id: int) -> Step:
    """Take one step in a transaction of its own."""

    def take(act: str, program_id: str, **said: Any) -> dict[str, Any]:
        call = {"app_id": app_id, "program_id": program_id, "actor": ACTOR, "now": LATER} | said
        return database.transact(lambda session: VERBS[act](session, **call))

    return take


def put_into(database: Database, program_id: str, status: str) -> None:
    update = text("UPDATE programs SET status = :status WHERE id = :id")
    database.transact(lambda session: session.execute(update, {"status": status, "id": program_id}))


def actions(database: Database, program_id: str) -> list[str]:
    query = text("SELECT action FROM audit_log WHERE object_id = :id AND action <> 'program.created' ORDER BY id")
    return list(database.read(lambda session: session.execute(query, {"id": program_id}).scalars()))


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("act", list(VERBS))
def test_each_step_is_taken_refused_or_already_done_as_the_table_says(
    database: Database, app_id: int, step: Step, act: str, status: str
) -> None:
    program_id = make(database, app_id)["id"]
    put_into(database, program_id, status)
    after = TRANSITIONS[act][1]  # type: ignore[index]
    if is_legal(act, status):  # type: ignore[arg-type]
        assert step(act, program_id)["status"] == after
        assert actions(database, program_id) == [f"program.{after}"]
    elif status == after:
        assert step(act, program_id)["status"] == after
        assert actions(database, program_id) == []
    else:
        with pytest.raises(ProgramStatusConflict) as refused:
            step(act, program_id)
        assert refused.value.facts == {"program_status": status}
        assert actions(database, program_id) == []


def test_times_are_kept_of_the_first_activation_and_of_the_archiving(
    database: Database, app_id: int, step: Step
) -> None:
    program_id = make(database, app_id)["id"]
    assert step("activate", program_id)["activated_at"] == LATER
    step("pause", program_id)
    again = step("activate", program_id, now=LATER + timedelta(days=1))
    assert (again["activated_at"], again["archived_at"]) == (LATER, None)
    assert step("archive", program_id, now=LATER + timedelta(days=2))["archived_at"] == LATER + timedelta(days=2)


def test_an_archived_program_says_that_it_is_archived_whatever_its_terms(
    database: Database, app_id: int, step: Step
) -> None:
    program_id = make(database, app_id, terms=documents.contest())["id"]
    step("archive", program_id)
    with pytest.raises(ProgramStatusConflict):
        step("activate", program_id)


@pytest.mark.parametrize("act", list(VERBS))
def test_another_apps_program_is_not_there(database: Database, app_id: int, step: Step, act: str) -> None:
    program_id = make(database, app_id)["id"]
    with pytest.raises(NotFound):
        step(act, program_id, app_id=app_id + 1)
    with pytest.raises(NotFound):
        step(act, "prg_nothing")
