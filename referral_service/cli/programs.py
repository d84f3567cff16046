"""Referral programs: made from a recipe that ships with the package, or from a document of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from sqlalchemy.orm import Session

from referral_service.cli.answers import Answer, table, write_json
from referral_service.cli.commands import Group
from referral_service.cli.opening import ACTOR, Opened, opened
from referral_service.cli.parameters import SETTING
from referral_service.cli.program_files import (
    READABLE_FILE,
    branding_option,
    checked,
    document_in,
    logo_in,
    logo_option,
)
from referral_service.kit.clock import SystemClock
from referral_service.programs.activate_program import activate_program
from referral_service.programs.create_program import create_program
from referral_service.programs.document import with_addresses
from referral_service.programs.load_recipe import list_recipes, load_recipe
from referral_service.programs.read_programs import list_programs
from referral_service.programs.schemas import CreateProgramSchema, ProgramSchema
from referral_service.tenants.tenant import find_tenant

_BODY = CreateProgramSchema()
_PROGRAM = ProgramSchema()
_PAGE = 100

app_option = click.option("--app", "app", required=True, metavar="APP", help="The app, by its `app_…` or its slug.")


@click.group(
    cls=Group,
    examples=["referral-service programs create --app shop --recipe ride-credit --set currency=EUR --activate"],
)
def programs() -> None:
    """Create, activate and list referral programs."""


@programs.command(
    "create",
    examples=[
        "referral-service programs create --app shop --recipe ride-credit --set currency=EUR --activate",
        "referral-service programs create --app shop --file program.json",
    ],
)
@app_option
@click.option("--recipe", metavar="NAME", help="One of `programs recipes`.")
@click.option(
    "--file",
    "file",
    type=READABLE_FILE,
    help="Terms as JSON, or the whole body of POST /v1/programs; - reads standard input.",
)
@click.option("--name", help="For people.")
@click.option("--landing-url", help="Where friends are sent.")
@click.option("--set", "settings", multiple=True, type=SETTING, help="Change one value of the recipe.")
@branding_option
@logo_option
@click.option("--activate", is_flag=True, help="Let it take codes and claims at once.")
def create(
    app: str,
    recipe: str | None,
    file: Path | None,
    name: str | None,
    landing_url: str | None,
    settings: tuple[tuple[str, str], ...],
    branding: Path | None,
    logo: Path | None,
    activate: bool,
) -> Answer:
    """Create a program. It is a draft until it is activated."""
    if (recipe is None) == (file is None):
        raise click.UsageError("Say either --recipe or --file.")
    if settings and recipe is None:
        raise click.UsageError("--set changes values of a --recipe.")
    written = {} if file is None else _document_in(file)
    beside: dict[str, Any] = {
        key: said for key, said in (("name", name), ("landing_url", landing_url)) if said is not None
    }
    if branding is not None:
        beside["branding"] = document_in(branding)
    picture = {} if logo is None else {"logo": logo_in(logo)}
    with opened() as found:
        real = found.clock.now()

        def work(session: Session) -> dict[str, Any]:
            tenant = find_tenant(session, public_id=app)
            now = tenant.business_time(real)
            # A recipe's dates are reckoned from the app's own day, which is another than today for a test app.
            document = written if recipe is None else load_recipe(recipe, dict(settings), now=now)
            document = document | beside
            if picture:
                document["branding"] = document.get("branding", {}) | picture
            made = create_program(
                session,
                app_id=tenant.app_id,
                **checked(_BODY, document),
                development=found.settings.development,
                actor=ACTOR,
                now=now,
            )
            if activate:
                # In the same transaction: a program that cannot be activated is not left behind as a draft.
                made = activate_program(session, app_id=tenant.app_id, program_id=made["id"], actor=ACTOR, now=now)
            return made

        return _answer(found, found.transact(work))


@programs.command("activate", examples=["referral-service programs activate --app shop prg_01k0c7q2v8f3w9n5x4z6t1r0me"])
@app_option
@click.argument("program_id")
def activate(app: str, program_id: str) -> Answer:
    """Let the program PROGRAM_ID take codes and claims, for the first time or after a pause."""
    with opened() as found:
        real = found.clock.now()

        def work(session: Session) -> dict[str, Any]:
            tenant = find_tenant(session, public_id=app)
            now = tenant.business_time(real)
            return activate_program(session, app_id=tenant.app_id, program_id=program_id, actor=ACTOR, now=now)

        return _answer(found, found.transact(work))


@programs.command("list", examples=["referral-service programs list --app shop --json"])
@app_option
def list_all(app: str) -> Answer:
    """List the app's programs, the newest first."""
    with opened() as found:

        def work(session: Session) -> list[dict[str, Any]]:
            app_id = find_tenant(session, public_id=app).app_id
            items: list[dict[str, Any]] = []
            after: list[Any] | None = None
            while True:
                rows = list_programs(session, app_id=app_id, after=after, limit=_PAGE)
                items += [_shown(found, row) for row in rows]
                if len(rows) < _PAGE:
                    return items
                after = [rows[-1]["id"]]

        items = found.read(work)

    def draw(console: Console) -> None:
        rows = [[it["id"], it["status"], str(it["version"]), it["name"], it["landing_url"]] for it in items]
        console.print(table("id", "status", "version", "name", "landing page", rows=rows))

    return Answer({"items": items, "next_cursor": None}, draw)


@programs.command(
    "recipes",
    examples=[
        "referral-service programs recipes",
        "referral-service programs recipes storage-boost > program.json",
    ],
)
@click.argument("name", required=False)
def recipes(name: str | None) -> Answer:
    """List the programs that ship with the package, or print the recipe NAME.

    What is printed is the whole body of POST /v1/programs, with today's dates where the recipe has any: change it as
    you like and give it to `programs create --file`.
    """
    if name is not None:
        document = load_recipe(name, now=SystemClock().now())
        return Answer(document, lambda _: write_json(document))
    items = list_recipes()

    def draw(console: Console) -> None:
        rows = [[it["recipe"], it["name"], it["summary"]] for it in items]
        console.print(table("recipe", "name", "what it is", rows=rows))

    return Answer({"items": items, "next_cursor": None}, draw)


def _document_in(file: Path) -> dict[str, Any]:
    """Read a program's body, or terms alone; raise MalformedBody."""
    document = document_in(file)
    return document if "terms" in document else {"terms": document}


def _answer(found: Opened, made: dict[str, Any]) -> Answer:
    document = _shown(found, made)

    def draw(console: Console) -> None:
        console.print(f"{document['id']}  {document['name']}: {document['status']}, version {document['version']}")

    return Answer(document, draw)


def _shown(found: Opened, made: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = _PROGRAM.dump(with_addresses(made, base_url=found.settings.base_url))
    return document
