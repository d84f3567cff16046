"""Inbound events over HTTP: what arrived, and once more."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from referral_service.journeys.schemas.events import AnswerSchema, answer_document
from referral_service.journeys.views.wiring import current_tools
from referral_service.kit.clock import format_rfc3339, parse_rfc3339
from referral_service.kit.http.edge import in_own_transactions, in_reading, in_transaction, service
from referral_service.kit.http.pagination import page, page_schema, read_cursor, scope_of
from referral_service.tenants.auth import Scope, business_now, current_tenant, requires
from referral_service.webhooks_in import examples
from referral_service.webhooks_in.choose_inbound import Chosen
from referral_service.webhooks_in.list_inbound import list_inbound
from referral_service.webhooks_in.replay import replay
from referral_service.webhooks_in.replay_many import Replayed, chosen_ids, replay_many
from referral_service.webhooks_in.schemas import (
    INBOUND_ID_PARAMETER,
    InboundEventArgs,
    InboundEventSchema,
    ReplayedPageSchema,
    ReplaySchema,
)
from referral_service.webhooks_in.views.blueprint import blueprint


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
        chosen=Chosen(args["state"], args["reason"], args["source_id"]),
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


@blueprint.post("/v1/inbound-events/replay", operation_id="replayInboundEvents")
@requires(Scope.WRITE)
@in_own_transactions
@blueprint.arguments(ReplaySchema, required=False, example=examples.REPLAY)
@blueprint.response(200, ReplayedPageSchema, example=examples.REPLAYED)
def replay_inbound_events(body: dict[str, Any]) -> dict[str, Any]:
    """Take in many webhooks once more.

    The oldest first, up to `limit` of those that the filter chooses when the call begins; without one, all that are
    parked. Each is carried out for itself: one that cannot be replayed says why in its item, and spoils no other.
    Send `next_cursor` with the same filter until it is null. What arrives meanwhile is not among them.

    To repeat a call is harmless, so it takes no Idempotency-Key: what is done already stays as it is.
    """
    tenant, real = current_tenant(), service().clock.now()
    scope = scope_of("replay-inbound-events", body)
    after, until = _place(read_cursor(body, scope))
    until = until or min(real, body["received_to"] or real)
    chosen = Chosen(body["state"], body["reason"], body["source_id"], body["received_from"], until)
    limit = body["limit"]
    ids = service().database.read(
        lambda session: chosen_ids(session, app_id=tenant.app_id, chosen=chosen, after=after, limit=limit + 1)
    )
    done = replay_many(service().database, tools=current_tools(), tenant=tenant, ids=ids[:limit], now=business_now())
    place = [ids[limit - 1], format_rfc3339(until)] if len(ids) > limit else None
    return {
        "items": [_replayed(one) for one in done],
        "next_cursor": service().cursors.sign(scope, place) if place is not None else None,
    }


def _place(cursor: list[Any] | None) -> tuple[str | None, datetime | None]:
    """Return behind which message to go on, and which arrivals count: the walk would never end for a busy shop."""
    return (None, None) if cursor is None else (cursor[0], parse_rfc3339(cursor[1]))


def _replayed(one: Replayed) -> dict[str, Any]:
    return {
        "inbound_event_id": one.inbound_id,
        "answer": None if one.answer is None else answer_document(one.answer),
        "error": None if one.problem is None else one.problem.to_document(service().settings.base_url),
    }
