"""The kinds of commands: all of them take `--json` and show an example in their `--help`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from referral_service.cli.answers import Answer, remember_json, show


def _write_examples(formatter: click.HelpFormatter, examples: Sequence[str]) -> None:
    if examples:
        with formatter.section("Example" if len(examples) == 1 else "Examples"):
            # Written as they are: a folded line could not be pasted.
            for example in examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


class Command(click.Command):
    """A command that returns an Answer, or has shown everything itself and returns None."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.params.append(
            click.Option(
                ["--json"],
                is_flag=True,
                expose_value=False,
                # Before all others, so that what is wrong with them is already told as JSON.
                is_eager=True,
                callback=remember_json,
                help="Print one JSON document and nothing else on standard output.",
            )
        )

    def invoke(self, ctx: click.Context) -> None:
        answer = super().invoke(ctx)
        if isinstance(answer, Answer):
            show(answer)
            if answer.exit_code:
                ctx.exit(answer.exit_code)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        _write_examples(formatter, self.examples)


class Group(click.Group):
    """Commands that belong together."""

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        _write_examples(formatter, self.examples)
