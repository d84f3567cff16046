"""What the code says about itself: the OpenAPI document and the page of errors."""

from __future__ import annotations

import os

import click

from referral_service.app import close, create_app
from referral_service.cli.answers import Answer
from referral_service.cli.commands import Command
from referral_service.config import Settings
from referral_service.kit.errors import Problem, catalogue
from referral_service.kit.http.openapi import spec_document, spec_yaml

# The document depends on no setting and opens no database, so that it can be written anywhere.
_NOWHERE = Settings(
    database_url=f"sqlite:///{os.devnull}",
    base_url="https://refer.example.com",
    master_keys={"k0": "documents-only-" + 32 * "x"},
)
_HEAD = """# Errors

Every error is `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) with a stable `code`. The
`type` of an answer leads to its section here. `detail` says more about the case at hand where more is known, `errors`
names the fields that are wrong, and some codes carry facts of their own, such as `referral_id`.

Branch on `code`, never on `title` or `detail`: those are written for people and may be reworded.

| code | status | title |
|---|---|---|
"""


@click.command("openapi", cls=Command, examples=["referral-service openapi > openapi.yaml"])
def openapi() -> Answer:
    """Print the OpenAPI 3.1 document: YAML, or JSON with --json."""
    app = create_app(_NOWHERE)
    try:
        return Answer(spec_document(app), lambda _: click.echo(spec_yaml(app), nl=False))
    finally:
        close(app)


@click.command("errors", cls=Command, examples=["referral-service errors > docs/errors.md"])
def errors() -> Answer:
    """Print the page of every error the service can answer with: Markdown, or the list with --json."""
    kinds = catalogue()
    items = [{"code": kind.code, "status": kind.status, "title": kind.title, "remedy": kind.remedy} for kind in kinds]
    return Answer({"items": items, "next_cursor": None}, lambda _: click.echo(error_page(kinds), nl=False))


def error_page(kinds: list[type[Problem]]) -> str:
    """Return the whole page."""
    rows = "".join(f"| [`{kind.code}`](#{kind.code}) | {kind.status} | {kind.title} |\n" for kind in kinds)
    return _HEAD + rows + "".join(map(_section, kinds))


def _section(kind: type[Problem]) -> str:
    """One error: its heading is the anchor that `type` points to."""
    return f"\n## {kind.code}\n\n`{kind.status}` {kind.title}\n\n{kind.remedy}\n"
