"""Apps: the tenants of the service."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

import click
from rich.console import Console

from referral_service.cli.answers import Answer, table
from referral_service.cli.commands import Group
from referral_service.cli.opening import ACTOR, opened
from referral_service.cli.parameters import MOMENT
from referral_service.kit.errors import InvalidRequest
from referral_service.tenants.list_apps import list_apps
from referral_service.tenants.open_app import open_app
from referral_service.tenants.schemas import AppSchema
from referral_service.tenants.tenant import LIVE, TEST

_APP = AppSchema()
_PAGE = 500
_NAME_CHARACTERS_MAX = 100


@click.group(cls=Group, examples=['referral-service apps create "Shop"', "referral-service apps list"])
def apps() -> None:
    """Open apps, the tenants of the service, and list them."""


@apps.command(
    "create",
    examples=[
        'referral-service apps create "Shop"',
        'referral-service apps create "Trial" --test --now 2022-03-01T00:00:00Z --json',
    ],
)
@click.argument("name")
@click.option("--test", "is_test", is_flag=True, help="A test app: its clock can be advanced.")
@click.option("--now", "start", type=MOMENT, help="Where a test app's clock begins: a moment in the past.")
@click.option("--slug", help="Part of pretty share links; made from the name where it is left out.")
def create(name: str, is_test: bool, start: datetime | None, slug: str | None) -> Answer:
    """Open the app NAME and print its first key, which is shown this once."""
    if not (1 <= len(name) <= _NAME_CHARACTERS_MAX and name.isprintable()):
        raise InvalidRequest(errors={"name": [f"Must be 1 to {_NAME_CHARACTERS_MAX} printable characters."]})
    with opened() as found:
        now = found.clock.now()
        made = found.transact(
            lambda session: open_app(
                session, name=name, mode=TEST if is_test else LIVE, slug=slug, start=start, actor=ACTOR, now=now
            )
        )
    tenant = made.tenant
    document: dict[str, Any] = {
        "app_id": tenant.public_id,
        "api_key": made.key.secret,
        "name": tenant.name,
        "slug": tenant.slug,
        "mode": tenant.mode,
        "now": tenant.business_time(now),
    }

    def draw(console: Console) -> None:
        console.print(f"App      {tenant.public_id}  {tenant.name} ({tenant.mode})", soft_wrap=True)
        console.print(f"API key  {made.key.secret}", soft_wrap=True)
        console.print("The key is shown this once; it holds the scope admin.")

    return Answer(document, draw)


@apps.command("list", examples=["referral-service apps list --json"])
def list_all() -> Answer:
    """List the apps."""
    with opened() as found:
        items: list[dict[str, Any]] = []
        after: list[Any] | None = None
        while True:
            rows = found.read(partial(list_apps, after=after, limit=_PAGE))
            items += _APP.dump(rows, many=True)
            if len(rows) < _PAGE:
                break
            after = [rows[-1].id]

    def draw(console: Console) -> None:
        shown = [[it["id"], it["mode"], it["slug"], it["name"], it["created_at"]] for it in items]
        console.print(table("id", "mode", "slug", "name", "created", rows=shown))

    return Answer({"items": items, "next_cursor": None}, draw)
