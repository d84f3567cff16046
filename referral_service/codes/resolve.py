"""Find codes by their folded text, a whole set in one statement, and where their programs stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Table, and_, bindparam, select
from sqlalchemy.orm import Session

from referral_service.codes.models import Code
from referral_service.kit.db.among import Among
from referral_service.programs.models import Program

codes = cast(Table, Code.__table__)
_PROGRAMS = cast(Table, Program.__table__)
BY_FOLDED = Among(
    select(
        codes.c.id,
        codes.c.program_id,
        codes.c.customer_id,
        codes.c.state,
        codes.c.folded,
        _PROGRAMS.c.status,
        _PROGRAMS.c.version,
    )
    .join(_PROGRAMS, and_(_PROGRAMS.c.app_id == codes.c.app_id, _PROGRAMS.c.id == codes.c.program_id))
    .where(codes.c.app_id == bindparam("app_id")),
    codes.c.folded,
)


@dataclass(frozen=True, slots=True)
class ResolvedCode:
    """What a code stands for. `customer_id` is the `cus_` id of whoever shares it; `state` is `active` or `revoked`.

    `program_version` is the newest.
    """

    code_id: str
    program_id: str
    customer_id: str
    state: str
    folded: str
    program_status: str
    program_version: int


def resolve_codes(session: Session, *, app_id: int, folded: Sequence[str]) -> dict[str, ResolvedCode]:
    """Return the app's codes by folded text; what is not there does not exist. One statement, whatever the length."""
    wanted = sorted(set(folded))
    if not wanted:
        return {}
    found = BY_FOLDED.execute(session, wanted, {"app_id": app_id})
    return {row.folded: ResolvedCode(*row) for row in found}
