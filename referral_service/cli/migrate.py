"""Move a program's open referrals to newer terms, batch after batch."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from sqlalchemy.orm import Session

from referral_service.cli.answers import Answer, margin, table
from referral_service.cli.commands import Command
from referral_service.cli.opening import ACTOR, Opened, opened
from referral_service.cli.programs import app_option
from referral_service.journeys.claiming.migrate_referrals import SAMPLE_MAX, Migration, migrate_referrals
from referral_service.journeys.schemas.reviews import REASON_CHARACTERS_MAX, MigrationSchema
from referral_service.tenants.tenant import find_tenant

_MIGRATION = MigrationSchema()


@click.command(
    "migrate",
    cls=Command,
    examples=[
        'referral-service programs migrate --app shop prg_… --to-version 2 --reason "More time for friends" --dry-run',
        'referral-service programs migrate --app shop prg_… --to-version 2 --reason "More time for friends"',
    ],
)
@app_option
@click.argument("program_id")
@click.option("--to-version", type=click.IntRange(min=1), required=True, help="The version of the terms to move to.")
@click.option("--reason", required=True, help="Why; kept in the audit log.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
def migrate(app: str, program_id: str, to_version: int, reason: str, dry_run: bool) -> Answer:
    """Move the open referrals of PROGRAM_ID to a newer version of its terms.

    Pending referrals of older versions that have no reward and never converted: window and deadline are reckoned anew
    from the claim, then each is settled by the new terms. Killed half-way and run again, it goes on where it was.
    """
    if not 1 <= len(reason) <= REASON_CHARACTERS_MAX or not reason.isprintable():
        raise click.UsageError(f"--reason takes 1 to {REASON_CHARACTERS_MAX} printable characters.")
    call = {"program_id": program_id, "to_version": to_version, "reason": reason, "dry_run": dry_run}
    with opened() as found:
        done = _batch(found, app, call) if dry_run else _all(found, app, call)

    def draw(console: Console) -> None:
        rows = [
            [it.referral_id, str(it.from_version), f"{it.expires_at_before:%Y-%m-%d %H:%M}",
             f"{it.expires_at:%Y-%m-%d %H:%M}", it.state, it.reason or ""]
            for it in done.items
        ]  # fmt: skip
        if rows:
            console.print(table("id", "version", "deadline", "new deadline", "state", "reason", rows=rows))
        told = f"{done.remaining} can be moved" if dry_run else f"{done.moved} moved, {done.remaining} left"
        console.print(f"{told}, to version {done.to_version}.")

    return Answer(_MIGRATION.dump(done), draw)


def _batch(found: Opened, app: str, call: dict[str, Any]) -> Migration:
    real = found.clock.now()

    def work(session: Session) -> Migration:
        tenant = find_tenant(session, public_id=app)
        return migrate_referrals(session, app_id=tenant.app_id, actor=ACTOR, now=tenant.business_time(real), **call)

    return found.transact(work)


def _all(found: Opened, app: str, call: dict[str, Any]) -> Migration:
    """Move until nothing moves any more, a transaction for each batch; gives all of it as one."""
    done = _batch(found, app, call)
    columns = (TextColumn("Moving"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=margin(), transient=True) as progress:
        task = progress.add_task("", total=done.moved + done.remaining, completed=done.moved)
        while done.remaining:
            more = _batch(found, app, call)
            if not more.moved:
                break
            done = replace(
                more,
                moved=done.moved + more.moved,
                states=dict(Counter(done.states) + Counter(more.states)),
                items=[*done.items, *more.items][:SAMPLE_MAX],
            )
            progress.update(task, completed=done.moved)
    return done
