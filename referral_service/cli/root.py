"""`referral-service`: the group that holds all commands, and what becomes of what goes wrong in one of them."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import click
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from referral_service import __version__
from referral_service.cli import logs
from referral_service.cli.answers import EXIT_CODES, CommandFailed, ExitCode, write_json
from referral_service.cli.apps import apps
from referral_service.cli.backfill import backfill
from referral_service.cli.change_program import change
from referral_service.cli.commands import Group
from referral_service.cli.db import db
from referral_service.cli.demo import demo
from referral_service.cli.doctor import doctor
from referral_service.cli.endpoints import endpoints
from referral_service.cli.keys import keys
from referral_service.cli.migrate import migrate
from referral_service.cli.pages import errors, openapi
from referral_service.cli.programs import programs
from referral_service.cli.serve import serve, worker
from referral_service.cli.sources import sources
from referral_service.cli.up import up
from referral_service.config import ConfigurationError
from referral_service.kit.errors import Problem


class Root(Group):
    """Everything that a command raises becomes one sentence, or one problem document, and an exit code."""

    # Other than click's own, it always ends the process: whether that is wanted is not for a caller to say.
    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run one command and end the process."""
        given = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        logs.keep_quiet()
        try:
            result = super().main(given, prog_name or "referral-service", **extra)
        # The edge of the program: nobody behind it could catch anything.
        except Exception as error:  # noqa: BLE001
            sys.exit(_tell(error, as_json="--json" in given))
        except KeyboardInterrupt:
            sys.exit(ExitCode.INTERRUPTED)
        sys.exit(result if isinstance(result, int) else ExitCode.DONE)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in EXIT_CODES])


@click.group(
    cls=Root,
    examples=["referral-service up", "referral-service doctor --json"],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="referral-service")
def main() -> None:
    """A self-hosted referral program engine: codes, attribution, and rewards that are never granted twice.

    Settings come from the environment: REFERRAL_DATABASE_URL, REFERRAL_DATA_DIR, REFERRAL_BASE_URL,
    REFERRAL_SECRET_KEYS, PORT.
    """


programs.add_command(change)
programs.add_command(migrate)
sources.add_command(backfill)
for _command in (up, serve, worker, db, apps, keys, programs, sources, endpoints, doctor, demo, openapi, errors):
    main.add_command(_command)


def _tell(error: Exception, *, as_json: bool) -> ExitCode:
    """Say what went wrong, and return the exit code for it."""
    document, sentences, exit_code = _explained(error)
    if as_json:
        write_json(document | {"exit_code": int(exit_code)})
    else:
        for sentence in sentences:
            click.echo(sentence, err=True)
    return exit_code


def _explained(error: Exception) -> tuple[dict[str, Any], list[str], ExitCode]:
    """Return an error as a problem document, as lines for a person, and as an exit code."""
    if isinstance(error, Problem):
        document = error.to_document("")
        return document, _sentences_of(error), ExitCode.FAILED
    if isinstance(error, CommandFailed):
        document = _document(error.code, error.sentence) | error.facts
        return document, [f"Error: {error.sentence}"], error.exit_code
    if isinstance(error, ConfigurationError):
        document = _document("configuration", str(error)) | {"problems": error.problems}
        return document, [str(error)], ExitCode.CONFIGURATION
    if isinstance(error, click.exceptions.Abort):
        return _document("interrupted", "Interrupted."), ["Interrupted."], ExitCode.INTERRUPTED
    if isinstance(error, click.ClickException):
        lines = [f"Error: {error.format_message()}"]
        context = getattr(error, "ctx", None)
        if context is not None:
            lines.append(f"Try '{context.command_path} --help'.")
        return _document("usage", error.format_message()), lines, ExitCode.USAGE
    if isinstance(error, OperationalError | InterfaceError) or getattr(error, "connection_invalidated", False):
        # The database's own text may hold an address with its password.
        sentence = "The database cannot be reached or opened. Check REFERRAL_DATABASE_URL or REFERRAL_DATA_DIR."
        return _document("database_unreachable", sentence), [f"Error: {sentence}"], ExitCode.UNREACHABLE
    sentence = _unexpected(error)
    return _document("unexpected", sentence), [f"Error: {sentence}"], ExitCode.FAILED


def _document(code: str, sentence: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": sentence, "code": code, "detail": sentence}


def _sentences_of(problem: Problem) -> list[str]:
    lines = [f"Error: {problem.title} {problem.detail}"]
    for path, said in (problem.errors or {}).items():
        lines += [f"  {path}: {sentence}" for sentence in ([said] if isinstance(said, str) else said)]
    lines += [f"  {name}: {value}" for name, value in problem.facts.items()]
    return lines


def _unexpected(error: Exception) -> str:
    """Name the kind and the place only: the text of an error may quote a person's data."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"
    kind = type(error.orig).__name__ if isinstance(error, DBAPIError) and error.orig else type(error).__name__
    return f"Something unexpected went wrong: {kind} at {place}."
