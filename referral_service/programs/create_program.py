"""Make a program: a draft with the first version of its terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.kit.clock import utc
from referral_service.kit.ids import new_id
from referral_service.programs.check_settings import check_settings
from referral_service.programs.document import program_document
from referral_service.programs.models import Budget, Program, ProgramVersion
from referral_service.programs.store_logo import store_logo
from referral_service.programs.terms.document import Terms
from referral_service.programs.terms.parse import parse_terms
from referral_service.programs.terms_of import note_new_version

CODE_PARAMETER, CLICK_PARAMETER = "ref", "ref_click"


def create_program(
    session: Session,
    *,
    app_id: int,
    name: str,
    landing_url: str,
    terms: object,
    allowed_hosts: Sequence[str] = (),
    code_parameter: str = CODE_PARAMETER,
    click_parameter: str = CLICK_PARAMETER,
    signed_links_only: bool = False,
    branding: Mapping[str, Any] | None = None,
    development: bool = False,
    actor: str,
    now: datetime,
) -> dict[str, Any]:
    """Return the new program's document (see `document.py`). `terms` is what JSON gave, `branding` as
    `check_branding` takes it; `actor` as in the audit log.

    `development` allows any http landing URL. Raises InvalidRequest, InvalidTerms.
    """
    said = {
        "name": name,
        "landing_url": landing_url,
        "allowed_hosts": allowed_hosts,
        "code_parameter": code_parameter,
        "click_parameter": click_parameter,
        "signed_links_only": signed_links_only,
        "branding": branding or {},
    }
    settings = check_settings(said, development=development)
    canonical, parsed = parse_terms(terms, at="terms")
    program = Program(
        app_id=app_id,
        id=new_id("prg"),
        status="draft",
        version=1,
        created_at=now,
        activated_at=None,
        archived_at=None,
        ended_at=None,
        rewards_self=False,
        **settings,
    )
    note_terms(program, parsed)
    session.add(program)
    session.flush()
    if branding and branding.get("logo") is not None:
        store_logo(session, app_id=app_id, program_id=program.id, logo=branding["logo"], now=now)
    # Made with the program, so that whoever grants a reward finds the row to lock.
    session.add(Budget(app_id=app_id, program_id=program.id, used_minor=0, used_count=0))
    version = add_version(session, program, canonical, now=now)
    record(
        session,
        app_id=app_id,
        actor=actor,
        action="program.created",
        object_id=program.id,
        details={"name": name, "version": 1},
        now=now,
    )
    return program_document(program, version)


def note_terms(program: Program, terms: Terms) -> None:
    """Copy onto the program what is looked for by index: when its newest terms end, and whether any of its versions
    ever rewarded people for what they do themselves.
    """
    program.ends_at = terms.schedule.ends_at and utc(terms.schedule.ends_at)
    program.rewards_self = program.rewards_self or any(reward.side == "self" for reward in terms.rewards)


def add_version(session: Session, program: Program, canonical: dict[str, Any], *, now: datetime) -> ProgramVersion:
    """Add the version that `program.version` names, with a document that `parse_terms` returned."""
    version = ProgramVersion(
        app_id=program.app_id,
        id=new_id("ver"),
        program_id=program.id,
        version=program.version,
        terms=canonical,
        created_at=now,
    )
    session.add(version)
    note_new_version(session, program_id=program.id, version=program.version)
    session.flush()
    return version
