"""Read programs: one or a list as they are shown, many at once as rules need them, one to be changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Select, Table, and_, bindparam, select
from sqlalchemy.orm import Session

from referral_service.kit.db.among import Among
from referral_service.kit.errors import NotFound
from referral_service.programs.document import program_document
from referral_service.programs.models import Program, ProgramVersion

NO_SUCH_PROGRAM = "There is no such program in this app."


@dataclass(frozen=True, slots=True)
class ProgramRow:
    """A program without its terms; `version` is the newest."""

    id: str
    status: str
    version: int
    name: str
    landing_url: str
    allowed_hosts: list[str]
    code_parameter: str
    click_parameter: str
    signed_links_only: bool
    created_at: datetime
    activated_at: datetime | None
    archived_at: datetime | None
    ended_at: datetime | None


_PROGRAMS = cast(Table, Program.__table__)
BY_ID = Among(
    select(*(_PROGRAMS.c[name] for name in ProgramRow.__dataclass_fields__)).where(
        _PROGRAMS.c.app_id == bindparam("app_id")
    ),
    _PROGRAMS.c.id,
)


def read_program(session: Session, *, app_id: int, program_id: str) -> dict[str, Any]:
    """Return the program's document; raise NotFound."""
    row = session.execute(_with_newest_version(app_id).where(Program.id == program_id)).one_or_none()
    if row is None:
        raise NotFound(NO_SUCH_PROGRAM)
    return program_document(row[0], row[1])


def list_programs(
    session: Session, *, app_id: int, status: str | None = None, after: list[Any] | None, limit: int
) -> list[dict[str, Any]]:
    """Return documents, the newest program first; `after` is [id] of the last one already seen."""
    query = _with_newest_version(app_id).order_by(Program.id.desc()).limit(limit)
    if status is not None:
        query = query.where(Program.status == status)
    if after is not None:
        query = query.where(Program.id < after[0])
    return [program_document(row[0], row[1]) for row in session.execute(query)]


def programs_by_id(session: Session, *, app_id: int, ids: Iterable[str]) -> dict[str, ProgramRow]:
    """Return these programs of the app; unknown ids are left out."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    return {row.id: ProgramRow(*row) for row in BY_ID.execute(session, wanted, {"app_id": app_id})}


def lock_program(session: Session, *, app_id: int, program_id: str) -> tuple[Program, ProgramVersion]:
    """Lock the program, so that it changes in one place at a time; return it and its newest version.

    Raises NotFound.
    """
    program = session.execute(
        select(Program)
        .where(Program.app_id == app_id, Program.id == program_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if program is None:
        raise NotFound(NO_SUCH_PROGRAM)
    # Read after the lock is held: whoever held it before may have made a version.
    version = session.execute(
        select(ProgramVersion).where(
            ProgramVersion.app_id == app_id,
            ProgramVersion.program_id == program_id,
            ProgramVersion.version == program.version,
        )
    ).scalar_one()
    return program, version


def _with_newest_version(app_id: int) -> Select[Program, ProgramVersion]:
    newest = and_(
        ProgramVersion.app_id == Program.app_id,
        ProgramVersion.program_id == Program.id,
        ProgramVersion.version == Program.version,
    )
    return select(Program, ProgramVersion).join(ProgramVersion, newest).where(Program.app_id == app_id)
