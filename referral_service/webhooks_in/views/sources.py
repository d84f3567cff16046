"""Sources over HTTP."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from referral_service.kit.http.edge import after_commit, in_reading, in_transaction, service
from referral_service.kit.http.pagination import PageArgs, page, page_schema, read_cursor, scope_of
from referral_service.tenants.auth import Scope, current_key_id, current_tenant, requires
from referral_service.tenants.models import Source
from referral_service.webhooks_in import examples
from referral_service.webhooks_in.add_source import NewSource, add_source
from referral_service.webhooks_in.delete_source import delete_source
from referral_service.webhooks_in.read_source import list_sources, read_source
from referral_service.webhooks_in.rotate_secret import rotate_secret
from referral_service.webhooks_in.schemas import (
    SOURCE_ID_PARAMETER,
    AddSourceSchema,
    NewSourceSchema,
    RotatedSecretSchema,
    RotateSecretSchema,
    SourceSchema,
)
from referral_service.webhooks_in.views.blueprint import HOOK_PATH, blueprint, current_senders


@blueprint.post("/v1/sources", operation_id="addSource")
@requires(Scope.ADMIN)
@in_transaction
@blueprint.arguments(AddSourceSchema, example=examples.ADD_SOURCE)
@blueprint.response(201, NewSourceSchema, example=examples.NEW_SOURCE)
def add_a_source(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """Add a source of webhooks.

    A standard source's secret is made here and shown this once; of another provider, give the secret that it shows.
    """
    made = add_source(
        session,
        service().sealer,
        app_id=current_tenant().app_id,
        provider=body["provider"],
        secret=body["secret"],
        name=body["name"],
        actor=current_key_id(),
        now=service().clock.now(),
    )
    return _shown_once(made)


@blueprint.get("/v1/sources", operation_id="listSources")
@requires(Scope.READ)
@in_reading
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, page_schema(SourceSchema), example=examples.SOURCES)
def sources(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """List this app's sources of webhooks."""
    scope = scope_of("sources", args)
    app_id = current_tenant().app_id
    rows = list_sources(session, app_id=app_id, after=read_cursor(args, scope), limit=args["limit"] + 1)
    return page([_shown(row) for row in rows], args["limit"], scope, key=lambda shown: [shown["id"]])


@blueprint.get("/v1/sources/<source_id>", operation_id="getSource", parameters=[SOURCE_ID_PARAMETER])
@requires(Scope.READ)
@in_reading
@blueprint.response(200, SourceSchema, example=examples.SOURCE)
def a_source(session: Session, source_id: str) -> dict[str, Any]:
    """Read a source of webhooks."""
    return _shown(read_source(session, app_id=current_tenant().app_id, source_id=source_id))


@blueprint.delete("/v1/sources/<source_id>", operation_id="deleteSource", parameters=[SOURCE_ID_PARAMETER])
@requires(Scope.ADMIN)
@in_transaction
@blueprint.response(204)
def delete_a_source(session: Session, source_id: str) -> None:
    """Delete a source of webhooks.

    Nothing is taken from it any more; what it told stays. Other processes of the service notice within five seconds.
    """
    delete_source(
        session,
        app_id=current_tenant().app_id,
        source_id=source_id,
        actor=current_key_id(),
        now=service().clock.now(),
    )
    _forget(session, source_id)


@blueprint.post(
    "/v1/sources/<source_id>/rotate-secret", operation_id="rotateSourceSecret", parameters=[SOURCE_ID_PARAMETER]
)
@requires(Scope.ADMIN)
@in_transaction
@blueprint.arguments(RotateSecretSchema, required=False, example=examples.ROTATE_SECRET)
@blueprint.response(200, RotatedSecretSchema, example=examples.ROTATED_SECRET)
def rotate_a_secret(session: Session, body: dict[str, Any], source_id: str) -> dict[str, Any]:
    """Replace a source's secret.

    What the old one signed is taken for 24 hours more. Rotated again within them, the oldest is worth nothing at once.
    """
    rotated = rotate_secret(
        session,
        service().sealer,
        app_id=current_tenant().app_id,
        source_id=source_id,
        secret=body["secret"],
        actor=current_key_id(),
        now=service().clock.now(),
    )
    _forget(session, source_id)
    return {**_shown_once(rotated.source), "old_secret_valid_until": rotated.old_valid_until}


def _shown(row: Source) -> dict[str, Any]:
    return {
        "id": row.id,
        "provider": row.provider,
        "name": row.name,
        "url": service().url(HOOK_PATH + row.id),
        "created_at": row.created_at,
    }


def _shown_once(made: NewSource) -> dict[str, Any]:
    return _shown(made.row) | ({} if made.secret is None else {"secret": made.secret})


def _forget(session: Session, source_id: str) -> None:
    """This process must not trust the old state for a moment longer than the database."""
    senders = current_senders()
    after_commit(session, lambda: senders.forget(source_id))
