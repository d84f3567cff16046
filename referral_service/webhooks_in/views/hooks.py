"""The hooks, which providers call."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Any

from flask import request

from referral_service.events.given import Answer
from referral_service.journeys.schemas.events import AnswerSchema, answer_document
from referral_service.journeys.views.wiring import current_tools
from referral_service.kit.http.edge import service
from referral_service.kit.http.ingress.joint import joint
from referral_service.kit.http.limits import BAD_SIGNATURES, HOOK_BODY_BYTES_MAX, body_limit, client_address
from referral_service.tenants.auth import public
from referral_service.tenants.errors import SourceNotFound
from referral_service.webhooks_in import examples
from referral_service.webhooks_in.errors import SignatureRefused
from referral_service.webhooks_in.inbox import Arrived
from referral_service.webhooks_in.providers.provider import BadSignature, Greeting, Verified
from referral_service.webhooks_in.read_message import read_message
from referral_service.webhooks_in.receive import IGNORED
from referral_service.webhooks_in.schemas import SOURCE_ID_PARAMETER
from referral_service.webhooks_in.senders import Sender
from referral_service.webhooks_in.views.blueprint import blueprint, current_inbox, current_senders

GREETING = "greeting"


@blueprint.post("/v1/hooks/<source_id>", operation_id="receiveWebhook", parameters=[SOURCE_ID_PARAMETER])
@public("The provider's signature over the raw body says who sends.")
@body_limit(HOOK_BODY_BYTES_MAX)
@blueprint.doc(requestBody=examples.HOOK_REQUEST, parameters=examples.SIGNATURE_HEADERS)  # type: ignore[untyped-decorator]
@blueprint.response(200, AnswerSchema, example=examples.ANSWER)
@blueprint.alt_response(401, "UNAUTHORIZED")
@blueprint.alt_response(413, HTTPStatus(413).name)
@blueprint.alt_response(429, "TOO_MANY_REQUESTS")
@joint
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
    business = current_senders().business_time(sender, now)
    message = read_message(
        sender.provider,
        raw,
        external_id=verified.external_id,
        provider_type=verified.provider_type,
        is_test=tenant.is_test,
        now=business,
    )
    answer = current_inbox().do(
        Arrived(
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


def _prove(source_id: str, raw: bytes, now: datetime) -> tuple[Sender, Verified]:
    """Return who sends; raise SourceNotFound, SignatureRefused, or RateLimited where that happens too often."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        sender = current_senders().find(source_id)
        return sender, sender.verify(raw=raw, headers=headers, now=now)
    except (SourceNotFound, BadSignature) as refused:
        # Only what is refused is counted: a genuine sender is never slowed down.
        service().limits.charge(BAD_SIGNATURES, client_address())
        if isinstance(refused, SourceNotFound):
            raise
        raise SignatureRefused from None
