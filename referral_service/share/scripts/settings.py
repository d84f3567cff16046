"""What the scripts need to know of a program."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from referral_service.kit.ids import is_id
from referral_service.programs.models import Program
from referral_service.programs.terms.document import Touch
from referral_service.programs.terms_of import terms_of
from referral_service.tenants.models import App

# Whoever asks is a browser, which knows the program and not the app. So this is the one look-up by a program's id
# alone: ids are unique in the whole installation, and what is found is kept for seconds.
_FIND = (
    select(
        Program.app_id,
        Program.code_parameter,
        Program.click_parameter,
        Program.branding,
        Program.version,
        App.mode,
    )
    .join(App, App.id == Program.app_id)
    .where(Program.id == bindparam("program_id"))
)


@dataclass(frozen=True, slots=True)
class ScriptSettings:
    """One program's. `consent`: nothing may be kept before the visitor agreed."""

    program_id: str
    code_parameter: str
    click_parameter: str
    touch: Touch
    window_days: int
    consent: bool
    is_live: bool


def script_settings(session: Session, *, program_id: str) -> ScriptSettings | None:
    """Return what the scripts of a program are set to, whatever its state: a site that is live must not break because
    its program has ended. None where there is no such program.
    """
    if not is_id(program_id, "prg"):
        return None
    row = session.execute(_FIND, {"program_id": program_id}).one_or_none()
    if row is None:
        return None
    newest = (program_id, row.version)
    terms = terms_of(session, app_id=row.app_id, versions=[newest])[newest]
    return ScriptSettings(
        program_id=program_id,
        code_parameter=row.code_parameter,
        click_parameter=row.click_parameter,
        touch=terms.attribution.touch,
        window_days=terms.attribution.window_days,
        consent=row.branding.get("attribution_consent", False) is True,
        is_live=row.mode == "live",
    )
