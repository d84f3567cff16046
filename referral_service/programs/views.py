"""Programs over HTTP."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import in_reading, in_transaction, service
from referral_service.kit.http.pagination import page, page_schema, read_cursor, scope_of
from referral_service.programs import examples
from referral_service.programs.activate_program import activate_program
from referral_service.programs.archive_program import archive_program
from referral_service.programs.change_program import change_program
from referral_service.programs.create_program import create_program
from referral_service.programs.document import with_addresses
from referral_service.programs.pause_program import pause_program
from referral_service.programs.read_programs import list_programs, read_program
from referral_service.programs.schemas import (
    PROGRAM_ID_PARAMETER,
    ChangeProgramSchema,
    CreateProgramSchema,
    ProgramListArgs,
    ProgramSchema,
)
from referral_service.tenants.auth import Scope, business_now, current_key_id, current_tenant, requires

blueprint = Blueprint("programs", __name__, description="Referral programs and their versioned terms.")

_ONE = {"parameters": [PROGRAM_ID_PARAMETER]}


@blueprint.post("/v1/programs", operation_id="createProgram")
@requires(Scope.ADMIN)
@in_transaction
@blueprint.arguments(CreateProgramSchema, example=examples.CREATE_PROGRAM)
@blueprint.response(201, ProgramSchema, example=examples.DRAFT)
def create_a_program(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """Create a program.

    It is a draft until it is activated. The terms are checked as a whole and filled in with every default.
    """
    made = create_program(
        session,
        app_id=current_tenant().app_id,
        **body,
        development=service().settings.development,
        actor=current_key_id(),
        now=business_now(),
    )
    return _shown(made)


@blueprint.get("/v1/programs", operation_id="listPrograms")
@requires(Scope.READ)
@in_reading
@blueprint.arguments(ProgramListArgs, location="query")
@blueprint.response(200, page_schema(ProgramSchema), example=examples.PROGRAMS)
def programs(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """List the programs, the newest first."""
    scope = scope_of("programs", args)
    rows = list_programs(
        session,
        app_id=current_tenant().app_id,
        status=args["status"],
        after=read_cursor(args, scope),
        limit=args["limit"] + 1,
    )
    return page(list(map(_shown, rows)), args["limit"], scope, key=lambda row: [row["id"]])


@blueprint.get("/v1/programs/<program_id>", operation_id="getProgram", **_ONE)
@requires(Scope.READ)
@in_reading
@blueprint.response(200, ProgramSchema, example=examples.PROGRAM)
@blueprint.alt_response(404, response="NOT_FOUND")
def get_a_program(session: Session, program_id: str) -> dict[str, Any]:
    """Read a program, with the newest version of its terms."""
    return _shown(read_program(session, app_id=current_tenant().app_id, program_id=program_id))


@blueprint.patch("/v1/programs/<program_id>", operation_id="changeProgram", **_ONE)
@requires(Scope.ADMIN)
@in_transaction
@blueprint.arguments(ChangeProgramSchema, example=examples.CHANGE_PROGRAM)
@blueprint.response(200, ProgramSchema, example=examples.PROGRAM | {"version": 2})
@blueprint.alt_response(404, response="NOT_FOUND")
@blueprint.alt_response(409, response="CONFLICT")
def change_a_program(session: Session, body: dict[str, Any], program_id: str) -> dict[str, Any]:
    """Change a program.

    What is left out stays. Other terms make a new version; referrals keep the version they were claimed under. The
    branding is replaced whole; with the `logo_url` of the answer in it, the logo stays.
    """
    changed = change_program(
        session,
        app_id=current_tenant().app_id,
        program_id=program_id,
        changes=body,
        development=service().settings.development,
        actor=current_key_id(),
        now=business_now(),
    )
    return _shown(changed)


@blueprint.post("/v1/programs/<program_id>/activate", operation_id="activateProgram", **_ONE)
@requires(Scope.ADMIN)
@in_transaction
@blueprint.response(200, ProgramSchema, example=examples.PROGRAM)
@blueprint.alt_response(404, response="NOT_FOUND")
@blueprint.alt_response(409, response="CONFLICT")
def activate_a_program(session: Session, program_id: str) -> dict[str, Any]:
    """Activate a program.

    A draft, or one that is paused. Refused where the terms use a part that the service does not carry out; `errors`
    names every such part.
    """
    return _shown(activate_program(session, **_call(program_id)))


@blueprint.post("/v1/programs/<program_id>/pause", operation_id="pauseProgram", **_ONE)
@requires(Scope.ADMIN)
@in_transaction
@blueprint.response(200, ProgramSchema, example=examples.PROGRAM | {"status": "paused"})
@blueprint.alt_response(404, response="NOT_FOUND")
@blueprint.alt_response(409, response="CONFLICT")
def pause_a_program(session: Session, program_id: str) -> dict[str, Any]:
    """Pause a program.

    No new codes and claims; open referrals go on.
    """
    return _shown(pause_program(session, **_call(program_id)))


@blueprint.post("/v1/programs/<program_id>/archive", operation_id="archiveProgram", **_ONE)
@requires(Scope.ADMIN)
@in_transaction
@blueprint.response(
    200, ProgramSchema, example=examples.PROGRAM | {"status": "archived", "archived_at": "2026-12-21T10:00:00Z"}
)
@blueprint.alt_response(404, response="NOT_FOUND")
@blueprint.alt_response(409, response="CONFLICT")
def archive_a_program(session: Session, program_id: str) -> dict[str, Any]:
    """Archive a program for good.

    No new codes and claims; referrals that are still open expire after the sunset of its terms.
    """
    return _shown(archive_program(session, **_call(program_id)))


def _call(program_id: str) -> dict[str, Any]:
    return {
        "app_id": current_tenant().app_id,
        "program_id": program_id,
        "actor": current_key_id(),
        "now": business_now(),
    }


def _shown(document: dict[str, Any]) -> dict[str, Any]:
    return with_addresses(document, base_url=service().settings.base_url)
