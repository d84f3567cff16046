"""Endpoints and deliveries over HTTP."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import in_reading, in_transaction, service
from referral_service.kit.http.pagination import PageArgs, page, page_schema, read_cursor, scope_of
from referral_service.tenants.auth import Scope, current_key_id, current_tenant, requires
from referral_service.webhooks_out import examples
from referral_service.webhooks_out.deliveries.list_deliveries import list_deliveries
from referral_service.webhooks_out.deliveries.read_delivery import read_delivery
from referral_service.webhooks_out.deliveries.resend import Resent, resend_delivery, resend_to_endpoint
from referral_service.webhooks_out.endpoints.add_endpoint import NewEndpoint, add_endpoint
from referral_service.webhooks_out.endpoints.change_endpoint import change_endpoint
from referral_service.webhooks_out.endpoints.delete_endpoint import delete_endpoint
from referral_service.webhooks_out.endpoints.document import endpoint_document
from referral_service.webhooks_out.endpoints.read_endpoint import list_endpoints, read_endpoint
from referral_service.webhooks_out.endpoints.rotate_secret import rotate_secret
from referral_service.webhooks_out.endpoints.send_test import send_test
from referral_service.webhooks_out.models import WebhookEndpoint
from referral_service.webhooks_out.schemas import (
    DELIVERY_ID_PARAMETER,
    ENDPOINT_ID_PARAMETER,
    AddEndpointSchema,
    ChangeEndpointSchema,
    DeliveryArgs,
    DeliverySchema,
    EndpointSchema,
    NewEndpointSchema,
    ResendSchema,
    ResentSchema,
    RotatedEndpointSecretSchema,
    TestSentSchema,
)

blueprint = Blueprint("webhooks out", __name__, description="Where notifications are sent, and how each one got there.")

_ENDPOINTS = "/v1/webhook-endpoints"
_ENDPOINT = f"{_ENDPOINTS}/<endpoint_id>"
_ONE = {"parameters": [ENDPOINT_ID_PARAMETER]}
_ONE_DELIVERY = {"parameters": [DELIVERY_ID_PARAMETER]}


@blueprint.post(_ENDPOINTS, operation_id="addWebhookEndpoint")
@requires(Scope.ADMIN)
@in_transaction
@blueprint.arguments(AddEndpointSchema, example=examples.ADD_ENDPOINT)
@blueprint.response(201, NewEndpointSchema, example=examples.NEW_ENDPOINT)
@blueprint.alt_response(409, response="CONFLICT")
def add_an_endpoint(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """Add an endpoint.

    Notifications from now on are sent to it, signed with the secret that is shown this once. An app may have 20.
    """
    made = add_endpoint(
        session,
        service().sealer,
        app_id=current_tenant().app_id,
        url=body["url"],
        events=body["events"],
        development=service().settings.development,
        actor=current_key_id(),
        now=service().clock.now(),
    )
    return _shown_once(made)


@blueprint.get(_ENDPOINTS, operation_id="listWebhookEndpoints")
@requires(Scope.READ)
@in_reading
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, page_schema(EndpointSchema), example=examples.ENDPOINTS)
def endpoints(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """List this app's endpoints."""
    scope = scope_of("webhook-endpoints", args)
    app_id = current_tenant().app_id
    rows = list_endpoints(session, app_id=app_id, after=read_cursor(args, scope), limit=args["limit"] + 1)
    return page(rows, args["limit"], scope, key=lambda row: [row.id])


@blueprint.get(_ENDPOINT, operation_id="getWebhookEndpoint", **_ONE)
@requires(Scope.READ)
@in_reading
@blueprint.response(200, EndpointSchema, example=examples.ENDPOINT)
def an_endpoint(session: Session, endpoint_id: str) -> WebhookEndpoint:
    """Read an endpoint."""
    return read_endpoint(session, app_id=current_tenant().app_id, endpoint_id=endpoint_id)


@blueprint.patch(_ENDPOINT, operation_id="changeWebhookEndpoint", **_ONE)
@requires(Scope.ADMIN)
@in_transaction
@blueprint.arguments(ChangeEndpointSchema, example=examples.CHANGE_ENDPOINT)
@blueprint.response(200, EndpointSchema, example=examples.CHANGED_ENDPOINT)
def change_an_endpoint(session: Session, body: dict[str, Any], endpoint_id: str) -> WebhookEndpoint:
    """Change an endpoint, or switch it on or off.

    What is left out stays. Other filters apply from the next notification. What comes while it is disabled is kept as
    `disabled` deliveries, and sent by `resend`.
    """
    return change_endpoint(
        session,
        app_id=current_tenant().app_id,
        endpoint_id=endpoint_id,
        changes=body,
        development=service().settings.development,
        actor=current_key_id(),
        now=service().clock.now(),
    )


@blueprint.delete(_ENDPOINT, operation_id="deleteWebhookEndpoint", **_ONE)
@requires(Scope.ADMIN)
@in_transaction
@blueprint.response(204)
def delete_an_endpoint(session: Session, endpoint_id: str) -> None:
    """Delete an endpoint.

    Nothing more is sent to it. Its deliveries stay readable.
    """
    delete_endpoint(
        session,
        app_id=current_tenant().app_id,
        endpoint_id=endpoint_id,
        actor=current_key_id(),
        now=service().clock.now(),
    )


@blueprint.post(f"{_ENDPOINT}/rotate-secret", operation_id="rotateWebhookEndpointSecret", **_ONE)
@requires(Scope.ADMIN)
@in_transaction
@blueprint.response(200, RotatedEndpointSecretSchema, example=examples.ROTATED_SECRET)
def rotate_an_endpoints_secret(session: Session, endpoint_id: str) -> dict[str, Any]:
    """Replace an endpoint's secret.

    For 24 hours messages are signed with both, so that one can be put in place of the other. Rotated again within
    them, the oldest signs nothing more at once.
    """
    rotated = rotate_secret(
        session,
        service().sealer,
        app_id=current_tenant().app_id,
        endpoint_id=endpoint_id,
        actor=current_key_id(),
        now=service().clock.now(),
    )
    return {**_shown_once(rotated.endpoint), "old_secret_valid_until": rotated.old_valid_until}


@blueprint.post(f"{_ENDPOINT}/test", operation_id="testWebhookEndpoint", **_ONE)
@requires(Scope.WRITE)
@in_transaction
@blueprint.response(202, TestSentSchema, example=examples.TEST_SENT)
@blueprint.alt_response(409, response="CONFLICT")
def test_an_endpoint(session: Session, endpoint_id: str) -> dict[str, str]:
    """Send a test to an endpoint.

    A notification of the type `endpoint.test`, to this endpoint alone and whatever its filters are. How it went stands
    in the list of deliveries.
    """
    app_id, now = current_tenant().app_id, service().clock.now()
    return {"notification_id": send_test(session, app_id=app_id, endpoint_id=endpoint_id, now=now)}


@blueprint.post(f"{_ENDPOINT}/resend", operation_id="resendToWebhookEndpoint", **_ONE)
@requires(Scope.WRITE)
@in_transaction
@blueprint.arguments(ResendSchema, required=False, example=examples.RESEND)
@blueprint.response(200, ResentSchema, example=examples.RESENT)
@blueprint.alt_response(409, response="CONFLICT")
def resend_an_endpoints_deliveries(session: Session, body: dict[str, Any], endpoint_id: str) -> Resent:
    """Send an endpoint's deliveries again.

    Those that are `dead` or `disabled`, or all of them, oldest first and at most 10,000 a call. While `more` is true,
    send the same body with the answer's `after` to go on. Each keeps its `webhook-id`.
    """
    return resend_to_endpoint(
        session,
        app_id=current_tenant().app_id,
        endpoint_id=endpoint_id,
        **body,
        now=service().clock.now(),
    )


@blueprint.get("/v1/deliveries", operation_id="listDeliveries")
@requires(Scope.READ)
@in_reading
@blueprint.arguments(DeliveryArgs, location="query")
@blueprint.response(200, page_schema(DeliverySchema), example=examples.DELIVERIES)
def deliveries(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """List which notifications are sent where, the newest first, and how that went."""
    scope = scope_of("deliveries", args)
    rows = list_deliveries(
        session,
        app_id=current_tenant().app_id,
        endpoint_id=args["endpoint_id"],
        notification_id=args["notification_id"],
        state=args["state"],
        after=read_cursor(args, scope),
        limit=args["limit"] + 1,
    )
    return page(rows, args["limit"], scope, key=lambda row: [row.id])


@blueprint.get("/v1/deliveries/<delivery_id>", operation_id="getDelivery", **_ONE_DELIVERY)
@requires(Scope.READ)
@in_reading
@blueprint.response(200, DeliverySchema, example=examples.DELIVERY)
def a_delivery(session: Session, delivery_id: str) -> Row[Any]:
    """Read a delivery."""
    return read_delivery(session, app_id=current_tenant().app_id, delivery_id=delivery_id)


@blueprint.post("/v1/deliveries/<delivery_id>/resend", operation_id="resendDelivery", **_ONE_DELIVERY)
@requires(Scope.WRITE)
@in_transaction
@blueprint.response(200, DeliverySchema, example=examples.RESENT_DELIVERY)
@blueprint.alt_response(409, response="CONFLICT")
def resend_a_delivery(session: Session, delivery_id: str) -> Row[Any]:
    """Send a delivery again.

    It is scheduled for now, with all its attempts before it. One that is being sent is left as it is.
    """
    now = service().clock.now()
    return resend_delivery(session, app_id=current_tenant().app_id, delivery_id=delivery_id, now=now)


def _shown_once(made: NewEndpoint) -> dict[str, Any]:
    shown = {name: getattr(made.row, name) for name in endpoint_document(made.row)}
    return {**shown, "secret": made.secret}
