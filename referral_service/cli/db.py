"""The schema of the database."""

from __future__ import annotations

import click
from rich.console import Console

from referral_service import migrations
from referral_service.all_models import metadata
from referral_service.cli.answers import Answer, ExitCode
from referral_service.cli.commands import Group
from referral_service.cli.opening import opened, upgrade
from referral_service.kit.db.citus import obstacles, spread


@click.group(cls=Group, examples=["referral-service db upgrade", "referral-service db check"])
def db() -> None:
    """Bring the database's schema up to date, compare it with this version's, or spread it over a cluster."""


@db.command("upgrade", examples=["referral-service db upgrade"])
def upgrade_schema() -> Answer:
    """Bring the schema up to date, and make the first signing keys.

    Safe to run from several machines at once, and again at any time.
    """
    with opened(any_schema=True) as found:
        before = migrations.current_revision(found.database.write_engine)
        upgrade(found)
        after = migrations.current_revision(found.database.write_engine)

    def draw(console: Console) -> None:
        if before == after:
            console.print(f"The schema is up to date at {after}.")
        else:
            console.print(f"The schema went from {before or 'nothing'} to {after}.")

    return Answer({"before": before, "revision": after, "changed": before != after}, draw)


@db.command("check", examples=["referral-service db check --json"])
def check_schema() -> Answer:
    """Compare the database with this version's schema; changes nothing. Exit code 1 where they differ."""
    with opened(any_schema=True) as found:
        engine = found.database.write_engine
        revision = migrations.current_revision(engine)
        (head,) = migrations.heads()
        # Differences from an older schema are what the migrations are for.
        differences = [_sentence(each) for each in migrations.differences(engine)] if revision == head else []
    ok = revision == head and not differences

    def draw(console: Console) -> None:
        if ok:
            console.print(f"The schema is the one of this version, {head}.")
        elif revision != head:
            console.print(f"The schema is at {revision or 'nothing'}, this version's is {head}: `db upgrade` does it.")
        for difference in differences:
            console.print(f"Differs: {difference}")

    document = {"ok": ok, "revision": revision, "head": head, "differences": differences}
    return Answer(document, draw, ExitCode.DONE if ok else ExitCode.FAILED)


@db.command("citus", examples=["referral-service db citus | psql --set ON_ERROR_STOP=1 --single-transaction"])
def citus_statements() -> Answer:
    """Print the statements that spread the schema over a Citus cluster by app; touches no database.

    For the coordinator, once: after `db upgrade` there, and before anything else is written.
    """
    tables = spread(metadata)
    statements = tables.statements()
    against = obstacles(metadata)
    document = {
        "reference": [table.name for table in tables.reference],
        "distributed": [table.name for table in tables.distributed],
        "statements": statements,
        "obstacles": against,
    }

    def draw(console: Console) -> None:
        for statement in statements:
            # As it is: it goes to psql, which takes no folded line for two.
            console.print(f"{statement};", soft_wrap=True, markup=False, highlight=False)
        for obstacle in against:
            console.print(f"-- Citus refuses: {obstacle}", soft_wrap=True, markup=False, highlight=False)

    return Answer(document, draw, ExitCode.FAILED if against else ExitCode.DONE)


def _sentence(difference: object) -> str:
    """Alembic gives tuples such as ("add_column", None, "apps", Column(…)), or lists of them."""
    if isinstance(difference, list):
        return "; ".join(map(_sentence, difference))
    return " ".join(str(part) for part in difference if part is not None) if isinstance(difference, tuple) else "?"
