"""Keep a program's logo, and read it again for whoever looks at a page."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import Table, and_, bindparam, delete, select
from sqlalchemy.orm import Session

from referral_service.kit.db.upsert import insert_or_overwrite
from referral_service.kit.ids import is_id
from referral_service.programs.logo import Logo
from referral_service.programs.models import Program, ProgramLogo

_LOGOS = cast(Table, ProgramLogo.__table__)
# A browser knows the program and not the app: found by the program's id, which is unique in the whole installation.
_FIND = (
    select(ProgramLogo.png, ProgramLogo.sha256)
    .join(Program, and_(Program.app_id == ProgramLogo.app_id, Program.id == ProgramLogo.program_id))
    .where(Program.id == bindparam("program_id"))
)


def store_logo(session: Session, *, app_id: int, program_id: str, logo: Logo, now: datetime) -> None:
    """Put a logo in place of the one that the program has, if it has one."""
    row = {"app_id": app_id, "program_id": program_id, "sha256": logo.sha256, "png": logo.png, "created_at": now}
    session.execute(insert_or_overwrite(session, _LOGOS, "sha256", "png", "created_at"), row)


def drop_logo(session: Session, *, app_id: int, program_id: str) -> None:
    """Take the program's logo away, if it has one."""
    session.execute(delete(_LOGOS).where(_LOGOS.c.app_id == app_id, _LOGOS.c.program_id == program_id))


def find_logo(session: Session, *, program_id: str) -> Logo | None:
    """Return the logo that a program has now, whatever its status; None where there is no such program, or none."""
    if not is_id(program_id, "prg"):
        return None
    row = session.execute(_FIND, {"program_id": program_id}).one_or_none()
    return None if row is None else Logo(bytes(row.png), row.sha256)
