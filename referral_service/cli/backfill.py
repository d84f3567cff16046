"""Read a provider's history into a source: its exported orders, as if its webhooks had told them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import IO, Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from referral_service.cli.answers import Answer, CommandFailed, ExitCode, margin, table
from referral_service.cli.commands import Command
from referral_service.cli.interrupts import Interrupts, watched_interrupts
from referral_service.cli.opening import Opened, opened
from referral_service.cli.sources import tools_of
from referral_service.kit.clock import monotonic_seconds
from referral_service.webhooks_in.backfill.lines import Lines, Read, UnusableFile
from referral_service.webhooks_in.backfill.read_file import read_file
from referral_service.webhooks_in.backfill.take_in import RECORDS_AT_ONCE, Place, find_place, take_in
from referral_service.webhooks_in.backfill.tally import FATES, FAULTS_MAX, Tally

_STANDARD_INPUT = "-"


@click.command(
    "backfill",
    cls=Command,
    examples=[
        "referral-service sources backfill src_3_01m80698t4ev2t708d6myb5js9 orders.jsonl --dry-run",
        "referral-service sources backfill src_3_01m80698t4ev2t708d6myb5js9 orders.csv",
        "referral-service sources backfill src_3_01m80698t4ev2t708d6myb5js9 - --from-line 4001 < orders.jsonl",
    ],
)
@click.argument("source_id")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--from-line", type=click.IntRange(min=1), default=1, show_default=True, help="Pass over what is before.")
@click.option("--dry-run", is_flag=True, help="Say how many are new, and change nothing.")
def backfill(source_id: str, file: Path, from_line: int, dry_run: bool) -> Answer:
    """Take the orders in FILE in as if SOURCE_ID had sent them by webhook; - reads standard input.

    FILE holds the provider's events or orders as JSON lines, or a table (CSV). Each fact counts once, whether a
    webhook, the API or a file tells it: a run that was broken off is simply run again. Ctrl-C ends it after the
    records at hand. Lines that cannot be read are told with their number and do not stop the rest; the exit code is 1
    then.
    """
    tally, started = Tally(), monotonic_seconds()
    exit_code = ExitCode.DONE
    with _open(file) as stream, opened() as found, watched_interrupts() as interrupts:
        place = found.read(lambda session: find_place(session, source_id=source_id))
        lines = Lines(stream)
        try:
            records = read_file(lines, place.provider, from_line=from_line)
            _take_in_all(found, place, records, lines, tally, interrupts, size=_size_of(file), dry_run=dry_run)
        except UnusableFile as error:
            raise CommandFailed(str(error), code="unusable_file") from None
        except KeyboardInterrupt:
            exit_code = ExitCode.INTERRUPTED
    if exit_code == ExitCode.DONE and not tally.is_whole:
        exit_code = ExitCode.FAILED
    document = {
        "source_id": source_id,
        "provider": place.provider.name,
        "dry_run": dry_run,
        "interrupted": exit_code == ExitCode.INTERRUPTED,
        **tally.document(),
        "seconds": round(monotonic_seconds() - started, 3),
    }
    return Answer(document, lambda console: _draw(console, document), exit_code)


def _open(file: Path) -> AbstractContextManager[IO[bytes]]:
    try:
        return click.open_file(str(file), "rb")
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror}.") from None


def _take_in_all(
    found: Opened,
    place: Place,
    records: Iterator[Read],
    lines: Lines,
    tally: Tally,
    interrupts: Interrupts,
    *,
    size: int | None,
    dry_run: bool,
) -> None:
    tools = tools_of(found)
    columns = (TextColumn("Reading"), BarColumn(), DownloadColumn(), TextColumn("{task.fields[told]}"))
    with Progress(*columns, TimeRemainingColumn(), console=margin(), transient=True) as progress:
        task = progress.add_task("", total=size, told="")
        while some := list(islice(records, RECORDS_AT_ONCE)):
            with interrupts.held():
                for fate in take_in(
                    found.database, tools=tools, clock=found.clock, place=place, records=some, dry_run=dry_run
                ):
                    tally.add(fate)
                progress.update(task, completed=lines.bytes_read, told=f"{tally.records} records")


def _size_of(file: Path) -> int | None:
    return None if str(file) == _STANDARD_INPUT else file.stat().st_size


def _draw(console: Console, document: dict[str, Any]) -> None:
    rows = [[fate, str(document[fate])] for fate in FATES if document[fate]]
    if rows:
        console.print(table("records", "many", rows=rows))
    for title, counted in (("outcome", "outcomes"), ("reason", "reasons")):
        if document[counted]:
            console.print()
            console.print(table(title, "many", rows=[[name, str(many)] for name, many in document[counted].items()]))
    if document["faults"]:
        console.print()
    for fault in document["faults"]:
        console.print(f"line {fault['line']}: {fault['reason']}")
    if document["unreadable"] + document["failed"] > FAULTS_MAX:
        console.print(f"Only the first {FAULTS_MAX} of these lines are shown.")
    end = "Interrupted after" if document["interrupted"] else "Done to"
    dry = "; a dry run, nothing was changed" if document["dry_run"] else ""
    console.print()
    console.print(f"{end} the record in line {document['last_line']}: {document['records']} records{dry}.")
