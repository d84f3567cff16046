"""Sources, hooks and inbound events over HTTP."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Any, cast

from flask import Flask, current_app, request
from sqlalchemy.orm import Session

from referral_service.events.given import Answer
from referral_service.journeys.schemas.events import AnswerSchema, answer_document
from referral_service.journeys.views.wiring import current_tools
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import Service, after_commit, in_reading, in_transaction, service
from referral_service.kit.http.limits import BAD_SIGNATURES, HOOK_BODY_BYTES_MAX, body_limit, client_address
from referral_service.kit.http.pagination import PageArgs, page, page_schema, read_cursor, scope_of
from referral_service.tenants.auth import (
    Scope,
    business_now,
    current_key_id,
    current_tenant,
    public,
    requires,
)
from referral_service.tenants.errors import SourceNotFound
from referral_service.tenants.models import Source
from referral_service.webhooks_in import examples
from referral_service.webhooks_in.add_source import NewSource, add_source
from referral_service.webhooks_in.delete_source import delete_source
from referral_service.webhooks_in.errors import SignatureRefused
from referral_service.webhooks_in.list_inbound import list_inbound
from referral_service.webhooks_in.providers.provider import BadSignature, Greeting, Verified
from referral_service.webhooks_in.read_message import read_message
from referral_service.webhooks_in.read_source import list_sources, read_source
from referral_service.webhooks_in.receive import IGNORED, receive
from referral_service.webhooks_in.replay import replay
from referral_service.webhooks_in.rotate_secret import rotate_secret
from referral_service.webhooks_in.schemas import (
    INBOUND_ID_PARAMETER,
    SOURCE_ID_PARAMETER,
    AddSourceSchema,
    InboundEventArgs,
    InboundEventSchema,
    NewSourceSchema,
    RotatedSecretSchema,
    RotateSecretSchema,
    SourceSchema,
)
from referral_service.webhooks_in.senders import Sender, Senders

SENDERS = "referral_service.webhook_senders"
HOOK_PATH = "/v1/hooks/"
GREETING = "greeting"

blueprint = Blueprint("webhooks in", __name__, description="Where webhooks come from, and what became of each.")


def install(app: Flask, service: Service) -> None:
    """Make what the hooks need, once for this application."""
    app.extensions[SENDERS] = Senders(service.database, service.sealer)


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


@blueprint.post("/v1/hooks/<source_id>", operation_id="receiveWebhook", parameters=[SOURCE_ID_PARAMETER])
@public("The provider's signature over the raw body says who sends.")
@body_limit(HOOK_BODY_BYTES_MAX)
@blueprint.doc(requestBody=examples.HOOK_REQUEST, parameters=examples.SIGNATURE_HEADERS)  # type: ignore[untyped-decorator]
@blueprint.response(200, AnswerSchema, example=examples.ANSWER)
@blueprint.alt_response(401, "UNAUTHORIZED")
@blueprint.alt_response(413, HTTPStatus(413).name)
@blueprint.alt_response(429, "TOO_MANY_REQUESTS")
def take_a_webhook(source_id: str) -> dict[str, Any]:
    """Receive a webhook.

    For providers, which sign its raw body; a standard source sends the body of `POST /v1/events`. Whatever is genuine
    is answered with 200: what cannot be used is kept and parked with a reason, or ignored.
    """
    raw, now = request.get_data(cache=False), service().clock.now()
    try:
        sender, verified = _prove(source_id, raw, now)
    except Greeting:
        return answer_document(Answer("", GREETING, IGNORED, GREETING))
    tools, tenant = current_tools(), sender.tenant
    business = _senders().business_time(sender, now)
    message = read_message(
        sender.provider,
        raw,
        external_id=verified.external_id,
        provider_type=verified.provider_type,
        is_test=tenant.is_test,
        now=business,
    )
    answer = service().database.transact(
        lambda session: receive(
            session,
            tools=tools,
            app_id=tenant.app_id,
            source_id=source_id,
            message=message,
            raw=raw,
            now=business,
            received_at=now,
        )
    )
    return answer_document(answer)


@blueprint.get("/v1/inbound-events", operation_id="listInboundEvents")
@requires(Scope.READ)
@in_reading
@blueprint.arguments(InboundEventArgs, location="query")
@blueprint.response(200, page_schema(InboundEventSchema), example=examples.INBOUND_EVENTS)
def inbound_events(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """List what arrived by webhook, the newest first, and what became of it."""
    scope = scope_of("inbound-events", args)
    rows = list_inbound(
        session,
        app_id=current_tenant().app_id,
        state=args["state"],
        reason=args["reason"],
        source_id=args["source_id"],
        after=read_cursor(args, scope),
        limit=args["limit"] + 1,
    )
    return page(rows, args["limit"], scope, key=lambda row: [row.id])


@blueprint.post(
    "/v1/inbound-events/<inbound_id>/replay", operation_id="replayInboundEvent", parameters=[INBOUND_ID_PARAMETER]
)
@requires(Scope.WRITE)
@in_transaction
@blueprint.response(200, AnswerSchema, example=examples.ANSWER)
def replay_an_inbound_event(session: Session, inbound_id: str) -> dict[str, Any]:
    """Take in a webhook once more.

    What is done already stays as it is, and is answered with `"duplicate": true`.
    """
    tenant = current_tenant()
    answer = replay(
        session,
        tools=current_tools(),
        app_id=tenant.app_id,
        inbound_id=inbound_id,
        is_test=tenant.is_test,
        now=business_now(),
    )
    return answer_document(answer)


def _prove(source_id: str, raw: bytes, now: datetime) -> tuple[Sender, Verified]:
    """Return who sends; raise SourceNotFound, SignatureRefused, or RateLimited where that happens too often."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        sender = _senders().find(source_id)
        return sender, sender.verify(raw=raw, headers=headers, now=now)
    except (SourceNotFound, BadSignature) as refused:
        # Only what is refused is counted: a genuine sender is never slowed down.
        service().limits.charge(BAD_SIGNATURES, client_address())
        if isinstance(refused, SourceNotFound):
            raise
        raise SignatureRefused from None


def _senders() -> Senders:
    return cast(Senders, current_app.extensions[SENDERS])


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
    senders = _senders()
    after_commit(session, lambda: senders.forget(source_id))
