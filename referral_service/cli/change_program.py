"""Change a program: its settings, how its pages look, its terms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from sqlalchemy.orm import Session

from referral_service.cli.answers import Answer
from referral_service.cli.commands import Command
from referral_service.cli.opening import ACTOR, opened
from referral_service.cli.program_files import (
    READABLE_FILE,
    branding_option,
    checked,
    document_in,
    logo_in,
    logo_option,
)
from referral_service.cli.programs import app_option
from referral_service.programs.change_program import change_program
from referral_service.programs.document import with_addresses
from referral_service.programs.read_programs import read_program
from referral_service.programs.schemas import ChangeProgramSchema, ProgramSchema
from referral_service.tenants.tenant import find_tenant

_BODY = ChangeProgramSchema()
_PROGRAM = ProgramSchema()


@click.command(
    "change",
    cls=Command,
    examples=[
        "referral-service programs change --app shop prg_01k0c7q2v8f3w9n5x4z6t1r0me --logo logo.png",
        "referral-service programs change --app shop prg_01k0c7q2v8f3w9n5x4z6t1r0me --file changes.json",
    ],
)
@app_option
@click.argument("program_id")
@click.option("--file", "file", type=READABLE_FILE, help="The body of PATCH /v1/programs/{id}; - reads standard input.")
@click.option("--name", help="For people.")
@click.option("--landing-url", help="Where friends are sent.")
@branding_option
@logo_option
def change(
    app: str,
    program_id: str,
    file: Path | None,
    name: str | None,
    landing_url: str | None,
    branding: Path | None,
    logo: Path | None,
) -> Answer:
    """Change the program PROGRAM_ID. What is not said stays.

    A branding and terms are replaced whole; --logo alone changes nothing else of the branding. Other terms make a new
    version, and referrals keep the version they were claimed under.
    """
    changes = {} if file is None else document_in(file)
    changes |= {key: said for key, said in (("name", name), ("landing_url", landing_url)) if said is not None}
    if branding is not None:
        changes["branding"] = document_in(branding)
    picture = None if logo is None else logo_in(logo)
    with opened() as found:
        real = found.clock.now()

        def work(session: Session) -> dict[str, Any]:
            tenant = find_tenant(session, public_id=app)
            if picture is not None:
                present = read_program(session, app_id=tenant.app_id, program_id=program_id)["branding"]
                changes["branding"] = changes.get("branding", present) | {"logo": picture, "logo_url": None}
            return change_program(
                session,
                app_id=tenant.app_id,
                program_id=program_id,
                changes=checked(_BODY, changes),
                development=found.settings.development,
                actor=ACTOR,
                now=tenant.business_time(real),
            )

        document = _PROGRAM.dump(with_addresses(found.transact(work), base_url=found.settings.base_url))

    def draw(console: Console) -> None:
        console.print(f"{document['id']}  {document['name']}: {document['status']}, version {document['version']}")

    return Answer(document, draw)
