"""How every command answers: a drawing for people or one JSON document for programs, and an exit code that says how
it went.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from referral_service.kit.clock import format_rfc3339

EXIT_CODES = (
    (0, "done"),
    (1, "refused or failed; for `doctor` and `db check`: something is wrong with what was looked at"),
    (2, "the command was not written correctly"),
    (3, "the settings do not allow it: read what the environment should hold"),
    (4, "the service or its database cannot be reached"),
    (130, "ended by Ctrl-C"),
)
# Wide enough that nothing is folded where a file or another program reads.
_FILE_CHARACTERS = 240
_JSON = "referral_service.json"


class ExitCode(IntEnum):
    """See EXIT_CODES, which `--help` prints."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CONFIGURATION = 3
    UNREACHABLE = 4
    INTERRUPTED = 130


class CommandFailed(Exception):
    """What was asked for did not happen. `code` is stable, for programs; the rest is a sentence for people."""

    def __init__(self, sentence: str, *, code: str, exit_code: ExitCode = ExitCode.FAILED, **facts: Any) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code
        self.exit_code = exit_code
        self.facts = facts


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found or did. `draw` shows `document` to a person."""

    document: Any
    draw: Callable[[Console], None]
    exit_code: ExitCode = ExitCode.DONE


def remember_json(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    """Note whether this call asked for `--json`."""
    context.meta[_JSON] = wanted


def wants_json() -> bool:
    """Tell whether the running command was asked for JSON."""
    return bool(click.get_current_context().meta.get(_JSON))


def show(answer: Answer) -> None:
    """Print the answer on standard output, as it was asked for."""
    if wants_json():
        write_json(answer.document)
    else:
        answer.draw(paper())


def write_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    text = orjson.dumps(document, default=_plain, option=orjson.OPT_INDENT_2 | orjson.OPT_PASSTHROUGH_DATETIME)
    click.echo(text.decode())


def paper() -> Console:
    """Return what drawings go on: standard output, in colour where it is a terminal."""
    # Ids, codes and addresses must come out as they are: no emoji, no markup, no guessing at what a number might be.
    width = None if sys.stdout.isatty() else _FILE_CHARACTERS
    return Console(file=sys.stdout, width=width, emoji=False, markup=False, highlight=False)


def margin() -> Console:
    """Return what bars of progress go on: standard error, which stays silent where it is no terminal."""
    return Console(file=sys.stderr, emoji=False, markup=False, highlight=False)


def table(*columns: str, rows: list[list[str]]) -> Table:
    """Return a plain table; cells are folded, never cut off."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        # An id that is folded cannot be copied.
        drawn.add_column(column, overflow="fold", no_wrap=column == "id")
    for row in rows:
        drawn.add_row(*row)
    return drawn


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return format_rfc3339(value)
    raise TypeError
