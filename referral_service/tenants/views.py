"""Apps and API keys over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from sqlalchemy.orm import Session

from referral_service.kit.errors import InvalidRequest
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import after_commit, in_reading, in_transaction, service
from referral_service.kit.http.pagination import PageArgs, page, page_schema, read_cursor, scope_of
from referral_service.tenants import examples
from referral_service.tenants.auth import KeyDirectory, Scope, current_key_id, current_tenant, requires
from referral_service.tenants.create_key import NewKey, create_key
from referral_service.tenants.list_apps import list_apps
from referral_service.tenants.list_keys import list_keys
from referral_service.tenants.models import ApiKey
from referral_service.tenants.open_app import open_app
from referral_service.tenants.revoke_key import revoke_key
from referral_service.tenants.rotate_key import rotate_key
from referral_service.tenants.schemas import (
    KEY_ID_PARAMETER,
    AppSchema,
    CreateKeySchema,
    KeySchema,
    NewKeySchema,
    OpenAppSchema,
    OpenedAppSchema,
    RotateKeySchema,
)

blueprint = Blueprint("apps", __name__, description="Apps (tenants) and their API keys.")


@blueprint.post("/v1/apps", operation_id="createApp")
@requires(Scope.OPERATOR)
@in_transaction
@blueprint.arguments(OpenAppSchema, example=examples.OPEN_APP)
@blueprint.response(201, OpenedAppSchema, example=examples.OPENED_APP)
def open_an_app(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """Open an app.

    Needs the operator's key. The answer holds the app's first key, with the scope admin; it is shown this once.
    """
    now = service().clock.now()
    opened = open_app(
        session,
        name=body["name"],
        mode=body["mode"],
        slug=body["slug"],
        start=body["now"],
        actor=current_key_id(),
        now=now,
    )
    tenant = opened.tenant
    return {
        "public_id": tenant.public_id,
        "name": tenant.name,
        "slug": tenant.slug,
        "mode": tenant.mode,
        "created_at": opened.created_at,
        "now": tenant.business_time(now),
        "api_key": opened.key.secret,
    }


@blueprint.get("/v1/apps", operation_id="listApps")
@requires(Scope.OPERATOR)
@in_reading
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, page_schema(AppSchema), example=examples.APPS)
def apps(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """List the apps."""
    scope = scope_of("apps", args)
    rows = list_apps(session, after=read_cursor(args, scope), limit=args["limit"] + 1)
    return page(rows, args["limit"], scope, key=lambda row: [row.id])


@blueprint.post("/v1/keys", operation_id="createKey")
@requires(Scope.ADMIN)
@in_transaction
@blueprint.arguments(CreateKeySchema, example=examples.CREATE_KEY)
@blueprint.response(201, NewKeySchema, example=examples.NEW_KEY)
def create_a_key(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """Create an API key of this app.

    The key itself is shown this once.
    """
    now = service().clock.now()
    if body["expires_at"] is not None and body["expires_at"] <= now:
        raise InvalidRequest(errors={"expires_at": ["Must lie in the future."]})
    made = create_key(
        session,
        tenant=current_tenant(),
        name=body["name"],
        scopes=[Scope(scope) for scope in body["scopes"]],
        expires_at=body["expires_at"],
        actor=current_key_id(),
        now=now,
    )
    return _shown_once(made)


@blueprint.get("/v1/keys", operation_id="listKeys")
@requires(Scope.ADMIN)
@in_reading
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, page_schema(KeySchema), example=examples.KEYS)
def keys(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """List this app's API keys, revoked ones included."""
    scope = scope_of("keys", args)
    tenant = current_tenant()
    rows = list_keys(session, app_id=tenant.app_id, after=read_cursor(args, scope), limit=args["limit"] + 1)
    return page(rows, args["limit"], scope, key=lambda row: [row.id])


@blueprint.delete("/v1/keys/<key_id>", operation_id="revokeKey", parameters=[KEY_ID_PARAMETER])
@requires(Scope.ADMIN)
@in_transaction
@blueprint.response(204)
def revoke_a_key(session: Session, key_id: str) -> None:
    """Revoke an API key at once.

    Other processes of the service notice within five seconds.
    """
    tenant = current_tenant()
    row = revoke_key(session, app_id=tenant.app_id, key_id=key_id, actor=current_key_id(), now=service().clock.now())
    _forget(session, row)


@blueprint.post("/v1/keys/<key_id>/rotate", operation_id="rotateKey", parameters=[KEY_ID_PARAMETER])
@requires(Scope.ADMIN)
@in_transaction
@blueprint.arguments(RotateKeySchema, required=False, example=examples.ROTATE_KEY)
@blueprint.response(201, NewKeySchema, example=examples.NEW_KEY)
def rotate_a_key(session: Session, body: dict[str, Any], key_id: str) -> dict[str, Any]:
    """Replace an API key by a new one.

    The old key works until the grace period is over.
    """
    made = rotate_key(
        session,
        tenant=current_tenant(),
        key_id=key_id,
        grace=timedelta(seconds=body["grace_seconds"]),
        actor=current_key_id(),
        now=service().clock.now(),
    )
    row = session.get(ApiKey, key_id)
    assert row is not None
    _forget(session, row)
    return _shown_once(made)


def _shown_once(made: NewKey) -> dict[str, Any]:
    row = made.row
    return {
        "id": row.id,
        "name": row.name,
        "prefix": row.prefix,
        "scopes": row.scopes,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
        "api_key": made.secret,
    }


def _forget(session: Session, row: ApiKey) -> None:
    """This process must not know the old state for a moment longer than the database."""
    digest, directory = row.sha256, cast(KeyDirectory, service().keys)
    after_commit(session, lambda: directory.forget(digest))
