"""Prove the books on live data."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from referral_service.cli.answers import Answer, ExitCode, margin, table
from referral_service.cli.commands import Command
from referral_service.cli.opening import Opened, opened
from referral_service.doctor.report import Report
from referral_service.doctor.run import CHECKS, examine
from referral_service.doctor.run import Progress as Told
from referral_service.tenants.models import App
from referral_service.tenants.tenant import find_tenant


@click.command("doctor", cls=Command, examples=["referral-service doctor", "referral-service doctor --app shop --json"])
@click.option("--app", "app", metavar="APP", help="Examine this app only, by its `app_…` or its slug.")
def doctor(app: str | None) -> Answer:
    """Prove that the books balance, by queries written apart from the code they check. Changes nothing.

    Exit code 1 where anything is wrong.
    """
    with opened() as found:
        report = found.read(lambda session: _examined(found, session, app))

    def draw(console: Console) -> None:
        _draw(console, report)

    return Answer(report.to_document(), draw, ExitCode.DONE if report.ok else ExitCode.FAILED)


def _examined(found: Opened, session: Session, app: str | None) -> Report:
    app_id = None if app is None else find_tenant(session, public_id=app).app_id
    apps = 1 if app_id is not None else session.scalar(select(func.count()).select_from(App)) or 0
    with _bar(len(CHECKS) * apps + 1) as told:
        return examine(session, settings=found.settings, now=found.clock.now(), app_id=app_id, progress=told)


@contextmanager
def _bar(steps: int) -> Iterator[Told | None]:
    """Show how far it is, where somebody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]} rows"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=margin(), transient=True) as progress:
        task = progress.add_task("Examining", total=steps, rows=0)
        seen: dict[str, int] = {}

        def told(invariant: str, rows: int) -> None:
            seen[invariant] = rows
            progress.update(task, advance=1, description=invariant, rows=sum(seen.values()))

        yield told


def _draw(console: Console, report: Report) -> None:
    rows = [
        [it.invariant, it.title, str(it.checked), "ok" if it.ok else f"{it.violations_total} wrong"]
        for it in report.checks
    ]
    drawn = table("", "invariant", "looked at", "", rows=rows)
    drawn.columns[2].justify = "right"
    console.print(drawn)
    for check in report.checks:
        for violation in check.violations:
            console.print(f"{check.invariant}  {violation.object_id}: {violation.says}", soft_wrap=True)
    console.print("Everything is as it should be." if report.ok else "Something is wrong: see above.")
