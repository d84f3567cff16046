"""Events over HTTP."""

from __future__ import annotations

from typing import Any

from flask import jsonify
from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.events.given import Answer, GivenEvent
from referral_service.journeys import examples
from referral_service.journeys.recording.intake import Brought
from referral_service.journeys.recording.record_events import record_events
from referral_service.journeys.schemas.events import (
    AnswerSchema,
    BatchAnswerSchema,
    EstimatedRewardSchema,
    EventArgs,
    EventBatchSchema,
    EventSchema,
    EventsSchema,
    answer_document,
    load_event,
)
from referral_service.journeys.telling.tell_people import with_reward_people
from referral_service.journeys.views.wiring import current_intake, current_tools
from referral_service.kit.errors import Problem
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import in_own_transactions, service
from referral_service.kit.http.ingress.joint import joint
from referral_service.tenants.auth import Scope, business_now, current_tenant, requires
from referral_service.tenants.errors import SourceNotFound
from referral_service.tenants.models import Source
from referral_service.tenants.open_app import api_source_id

blueprint = Blueprint("events", __name__, description="Facts: purchases, refunds, disputes and events of your own.")


@blueprint.post("/v1/events", operation_id="recordEvents")
@requires(Scope.WRITE, limited=False)
@joint
@in_own_transactions
@blueprint.arguments(EventArgs, location="query")
@blueprint.arguments(EventsSchema, documented_as=[EventSchema, EventBatchSchema], examples=examples.EVENTS)
@blueprint.response(201, AnswerSchema, example=examples.CONVERTED)
@blueprint.alt_response(
    200,
    schema={"anyOf": [AnswerSchema, BatchAnswerSchema]},
    description="One event that was seen before, or a batch.",
    examples=examples.EVENT_ANSWERS,
)
@blueprint.alt_response(404, description="The event names a source that is not there.")
def take_events(args: dict[str, Any], body: dict[str, Any]) -> Any:
    """Record one event, or a batch of up to 100.

    An event's id makes it happen once, however often it is sent; so does what it says: the same confirmed purchase,
    refund or dispute under another id is answered with the first answer and `"duplicate": true`. In a batch every item
    is answered for itself, in order; an item that cannot be read has the outcome `invalid` and spoils no other.

    With `?dry_run=true` everything happens as it would and nothing is kept: the answer (200) shows the rewards as they
    would stand. Limits are then an estimate, and the items of a batch do not see each other's rewards.
    """
    estimate = args["dry_run"]
    if "events" in body:
        results = _record([_load(document) for document in body["events"]], estimate)
        told = [
            _invalid(document, said) if isinstance(said, Problem) else said
            for document, said in zip(body["events"], results, strict=True)
        ]
        return jsonify({"results": told})
    event = load_event(body, now=business_now())
    if estimate or event.order_source_id is not None:
        (said,) = _record([event], estimate)
        if isinstance(said, Problem):
            raise said
        return said, 200 if said["duplicate"] or estimate else 201
    app_id = current_tenant().app_id
    answer = current_intake().do(
        Brought(tools=current_tools(), app_id=app_id, source_id=api_source_id(app_id), event=event, now=business_now())
    )
    return answer_document(answer), 200 if answer.duplicate else 201


def _load(document: object) -> GivenEvent | Problem:
    try:
        return load_event(document, now=business_now())
    except Problem as problem:
        return problem


def _record(loaded: list[GivenEvent | Problem], estimate: bool) -> list[dict[str, Any] | Problem]:
    """Record the events in one transaction; gives what each is answered, or what is wrong with it."""

    def work(session: Session) -> list[dict[str, Any] | Problem]:
        sound = [_with_its_source(session, item) for item in loaded]
        app_id = current_tenant().app_id
        answers = iter(
            record_events(
                session,
                tools=current_tools(),
                app_id=app_id,
                source_id=api_source_id(app_id),
                given=[item for item in sound if isinstance(item, GivenEvent)],
                now=business_now(),
                estimate=estimate,
            )
        )
        told = [item if isinstance(item, Problem) else _document(session, next(answers), estimate) for item in sound]
        if estimate:
            session.rollback()
        return told

    return service().database.transact(work)


def _with_its_source(session: Session, item: GivenEvent | Problem) -> GivenEvent | Problem:
    """The event, unless it names a source that the app does not have."""
    if isinstance(item, Problem) or item.order_source_id is None or _has_source(session, item.order_source_id):
        return item
    return SourceNotFound(errors={"source_id": ["There is no such source in this app."]})


def _document(session: Session, answer: Answer, estimate: bool) -> dict[str, Any]:
    document = answer_document(answer)
    if not estimate:
        return document
    rewards = with_reward_people(session, answer.would_stand, app_id=current_tenant().app_id)
    return document | {"dry_run": True, "estimate": True, "rewards": EstimatedRewardSchema(many=True).dump(rewards)}


def _has_source(session: Session, source_id: str) -> bool:
    statement = select(Source.id).where(Source.app_id == current_tenant().app_id, Source.id == source_id)
    return session.execute(statement).one_or_none() is not None


def _invalid(document: object, problem: Problem) -> dict[str, Any]:
    said = document.get("id") if isinstance(document, dict) else None
    return {
        "id": said if isinstance(said, str) else None,
        "outcome": "invalid",
        "error": problem.to_document(service().settings.base_url),
    }
