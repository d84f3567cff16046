"""Change a program; a change of its terms makes a version and leaves every older one as it was promised."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.programs.branding import Branding
from referral_service.programs.check_settings import SETTINGS, check_settings
from referral_service.programs.create_program import add_version, note_terms
from referral_service.programs.document import program_document
from referral_service.programs.errors import ProgramStatusConflict
from referral_service.programs.models import Budget, Program
from referral_service.programs.policy import CLOSED
from referral_service.programs.read_programs import lock_program
from referral_service.programs.store_logo import drop_logo, store_logo
from referral_service.programs.terms.document import Terms
from referral_service.programs.terms.parse import InvalidTerms, parse_terms
from referral_service.programs.terms_of import terms_of


def change_program(
    session: Session,
    *,
    app_id: int,
    program_id: str,
    changes: Mapping[str, Any],
    development: bool = False,
    actor: str,
    now: datetime,
) -> dict[str, Any]:
    """Return the changed program's document. `changes` holds any of SETTINGS, and `terms` as a whole document;
    `branding` is replaced whole as well (see `check_branding`).

    Terms that come to the same canonical document make no version. Raises NotFound, InvalidRequest, InvalidTerms,
    ProgramStatusConflict.
    """
    program, version = lock_program(session, app_id=app_id, program_id=program_id)
    if program.status in CLOSED:
        raise ProgramStatusConflict("What has ended cannot be changed.", program_status=program.status)
    changed = _change_settings(program, changes, development=development)
    if "branding" in changed:
        _change_logo(session, program, changes["branding"], now=now)
    if "terms" in changes:
        canonical, terms = parse_terms(changes["terms"], at="terms")
        if not same_json(canonical, version.terms):
            _refuse_other_units(session, program, terms)
            program.version += 1
            note_terms(program, terms)
            if canonical["budget"] != version.terms["budget"]:
                recount_budget(session, program)
            version = add_version(session, program, canonical, now=now)
            changed.append("terms")
    if changed:
        record(
            session,
            app_id=app_id,
            actor=actor,
            action="program.changed",
            object_id=program.id,
            details={"fields": changed, "version": program.version},
            now=now,
        )
    return program_document(program, version)


def same_json(one: object, other: object) -> bool:
    """Tell whether two JSON values are the same. Python takes true for 1; JSON does not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return one == other


def _change_settings(program: Program, changes: Mapping[str, Any], *, development: bool) -> list[str]:
    """Write the settings that are said and differ; return their names."""
    said = {name: changes[name] for name in SETTINGS if name in changes}
    if "code_parameter" in said or "click_parameter" in said:
        # They must differ from each other, so the one that stays is looked at too.
        said.setdefault("code_parameter", program.code_parameter)
        said.setdefault("click_parameter", program.click_parameter)
    logo_now = Branding.from_stored(program.branding, program_id=program.id).logo
    settings = check_settings(said, logo_now=logo_now, development=development)
    changed = [name for name, value in settings.items() if getattr(program, name) != value]
    for name in changed:
        setattr(program, name, settings[name])
    return changed


def _change_logo(session: Session, program: Program, said: Mapping[str, Any], *, now: datetime) -> None:
    if program.branding["logo"] is None:
        drop_logo(session, app_id=program.app_id, program_id=program.id)
    elif said.get("logo") is not None:
        store_logo(session, app_id=program.app_id, program_id=program.id, logo=said["logo"], now=now)


def _refuse_other_units(session: Session, program: Program, terms: Terms) -> None:
    """Raise InvalidTerms where a reward's key was counted in another unit by an older version.

    Caps and tiers count by the key over all versions: cents and points must not be added up.
    """
    older = terms_of(session, app_id=program.app_id, versions={(program.id, n) for n in range(1, program.version + 1)})
    units = {
        reward.key: own.unit_of(reward.give) or reward.give.kind for own in older.values() for reward in own.rewards
    }
    errors = {}
    for n, reward in enumerate(terms.rewards):
        unit = terms.unit_of(reward.give) or reward.give.kind
        if units.get(reward.key, unit) != unit:
            sentence = f"The key {reward.key} was counted in {units[reward.key]} before: give this reward another key."
            errors[f"terms.rewards.{n}.key"] = [sentence]
    if errors:
        raise InvalidTerms(errors=errors)


def recount_budget(session: Session, program: Program) -> None:
    """Let whoever next grants a reward add up what the program has granted: without a budget nobody kept count."""
    budget = session.get_one(Budget, (program.app_id, program.id), with_for_update=True)
    budget.level = "uncounted"
