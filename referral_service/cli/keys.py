"""API keys, which callers show, and signing keys, which codes and tokens are signed with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click
from rich.console import Console
from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.cli.answers import Answer, table
from referral_service.cli.commands import Group
from referral_service.cli.opening import ACTOR, Opened, opened
from referral_service.cli.parameters import MOMENT
from referral_service.kit.clock import format_rfc3339
from referral_service.kit.errors import InvalidRequest
from referral_service.signing.models import SigningKey
from referral_service.signing.rotate import revoke_signing_key, rotate_keys
from referral_service.tenants.create_key import NewKey, create_key, create_operator_key
from referral_service.tenants.find_key import find_key
from referral_service.tenants.list_keys import list_keys
from referral_service.tenants.models import ApiKey
from referral_service.tenants.revoke_key import revoke_key
from referral_service.tenants.rotate_key import GRACE_SECONDS_MAX, rotate_key
from referral_service.tenants.schemas import KeySchema
from referral_service.tenants.scopes import TENANT_SCOPES, Scope
from referral_service.tenants.tenant import find_tenant, load_tenant

_KEY = KeySchema()
_PAGE = 500


@click.group(cls=Group, examples=["referral-service keys create --operator", "referral-service keys rotate"])
def keys() -> None:
    """API keys (create, list, replace, revoke) and signing keys (rotate, list --signing, revoke-signing)."""


@keys.command(
    "create",
    examples=[
        "referral-service keys create --operator --json",
        "referral-service keys create --app shop --scope write --name Checkout",
    ],
)
@click.option("--operator", is_flag=True, help="A key that opens apps, and nothing else.")
@click.option("--app", "app", metavar="APP", help="The app the key is for: its `app_…` or its slug.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([str(it) for it in TENANT_SCOPES]),
    help="What it may do; `admin` includes `write`, and `write` includes `read`.",
)
@click.option("--name", default="From the command line", show_default=True, help="What the key is for.")
@click.option("--expires-at", type=MOMENT, help="When it stops working.")
def create(operator: bool, app: str | None, scopes: tuple[str, ...], name: str, expires_at: datetime | None) -> Answer:
    """Make an API key and print it; it is shown this once."""
    if operator == (app is not None):
        raise click.UsageError("Say either --operator or --app.")
    if operator and (scopes or expires_at):
        raise click.UsageError("An operator's key takes neither --scope nor --expires-at.")
    if app and not scopes:
        raise click.UsageError("Say with --scope what the key may do.")
    with opened() as found:
        now = found.clock.now()
        if expires_at is not None and expires_at <= now:
            raise InvalidRequest(errors={"expires_at": ["Must lie in the future."]})

        def work(session: Session) -> NewKey:
            if app is None:
                return create_operator_key(session, name=name, actor=ACTOR, now=now)
            return create_key(
                session,
                tenant=find_tenant(session, public_id=app),
                name=name,
                scopes=[Scope(scope) for scope in scopes],
                expires_at=expires_at,
                actor=ACTOR,
                now=now,
            )

        return _shown_once(found.transact(work))


@keys.command("list", examples=["referral-service keys list --app shop", "referral-service keys list --signing"])
@click.option("--app", "app", metavar="APP", help="The app's keys; without it, the operator's.")
@click.option("--signing", is_flag=True, help="The signing keys instead.")
def list_all(app: str | None, signing: bool) -> Answer:
    """List API keys, revoked ones included, or signing keys; no secret is shown."""
    if signing and app:
        raise click.UsageError("Signing keys belong to no app.")
    with opened() as found:
        return _signing_keys(found) if signing else _api_keys(found, app)


@keys.command("replace", examples=["referral-service keys replace key_01k0c7r5d2a8h4j6k9m3p7s1vb --grace-seconds 3600"])
@click.argument("key_id")
@click.option(
    "--grace-seconds",
    type=click.IntRange(0, GRACE_SECONDS_MAX),
    default=24 * 3600,
    show_default=True,
    help="How long the old key still works; 0 revokes it at once.",
)
def replace(key_id: str, grace_seconds: int) -> Answer:
    """Make a new API key of the same app and scopes; the old one works for a while yet."""
    with opened() as found:
        now = found.clock.now()

        def work(session: Session) -> NewKey:
            app_id = find_key(session, key_id=key_id).app_id
            if app_id is None:
                raise click.UsageError("An operator's key is not replaced: create another and revoke this one.")
            return rotate_key(
                session,
                tenant=load_tenant(session, app_id=app_id),
                key_id=key_id,
                grace=timedelta(seconds=grace_seconds),
                actor=ACTOR,
                now=now,
            )

        return _shown_once(found.transact(work))


@keys.command("revoke", examples=["referral-service keys revoke key_01k0c7r5d2a8h4j6k9m3p7s1vb"])
@click.argument("key_id")
def revoke(key_id: str) -> Answer:
    """Revoke an API key. Running processes notice within five seconds."""
    with opened() as found:
        now = found.clock.now()

        def work(session: Session) -> ApiKey:
            app_id = find_key(session, key_id=key_id).app_id
            return revoke_key(session, app_id=app_id, key_id=key_id, actor=ACTOR, now=now)

        document = _KEY.dump(found.transact(work))
    return Answer(document, lambda console: console.print(f"Revoked {document['id']} ({document['prefix']}…)."))


@keys.command("rotate", examples=["referral-service keys rotate"])
def rotate() -> Answer:
    """Make a new signing key. Every running process learns of it before it signs; what older keys signed stays valid.

    To replace an API key, use `keys replace`.
    """
    with opened() as found:
        now = found.clock.now()
        key = found.transact(lambda session: rotate_keys(session, found.sealer, now))
    return Answer(
        _signing_document(key),
        lambda console: console.print(f"Signing key {key.kid} signs from {format_rfc3339(key.active_from)} on."),
    )


@keys.command("revoke-signing", examples=["referral-service keys revoke-signing 3"])
@click.argument("kid", type=click.IntRange(min=1))
def revoke_signing(kid: int) -> Answer:
    """Revoke the signing key KID: every code and token it signed is refused within seconds. For a key that leaked."""
    with opened() as found:
        now = found.clock.now()
        key = found.transact(lambda session: revoke_signing_key(session, found.sealer, now, kid=kid))
    return Answer(_signing_document(key), lambda console: console.print(f"Signing key {kid} is revoked."))


def _api_keys(found: Opened, app: str | None) -> Answer:
    def work(session: Session) -> list[dict[str, Any]]:
        app_id = None if app is None else find_tenant(session, public_id=app).app_id
        items: list[dict[str, Any]] = []
        after: list[Any] | None = None
        while True:
            rows = list_keys(session, app_id=app_id, after=after, limit=_PAGE)
            items += _KEY.dump(rows, many=True)
            if len(rows) < _PAGE:
                return items
            after = [rows[-1].id]

    items = found.read(work)

    def draw(console: Console) -> None:
        rows = [[it["id"], f"{it['prefix']}…", " ".join(it["scopes"]), it["name"], _standing(it)] for it in items]
        console.print(table("id", "begins", "scopes", "name", "standing", rows=rows))

    return Answer({"items": items, "next_cursor": None}, draw)


def _signing_keys(found: Opened) -> Answer:
    rows = found.read(lambda session: session.scalars(select(SigningKey).order_by(SigningKey.kid)).all())
    items = [_signing_document(row) for row in rows]

    def draw(console: Console) -> None:
        shown = [
            [str(row.kid), row.purpose, format_rfc3339(row.active_from), "revoked" if row.revoked_at else ""]
            for row in rows
        ]
        console.print(table("kid", "purpose", "signs from", "", rows=shown))

    return Answer({"items": items, "next_cursor": None}, draw)


def _standing(document: dict[str, Any]) -> str:
    if document["revoked_at"]:
        return f"revoked {document['revoked_at']}"
    return f"until {document['expires_at']}" if document["expires_at"] else "valid"


def _shown_once(made: NewKey) -> Answer:
    def draw(console: Console) -> None:
        console.print(f"{made.row.id}  {' '.join(made.row.scopes)}", soft_wrap=True)
        console.print(made.secret, soft_wrap=True)
        console.print("The key is shown this once.")

    return Answer(_KEY.dump(made.row) | {"api_key": made.secret}, draw)


def _signing_document(key: SigningKey) -> dict[str, Any]:
    return {
        "kid": key.kid,
        "purpose": key.purpose,
        "active_from": key.active_from,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }
