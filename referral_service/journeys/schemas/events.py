"""Events and their answers as they are written over HTTP, by the API and by the app's own webhooks alike."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import marshmallow as ma
from marshmallow import validate

from referral_service.customers.schemas import CustomerIdField
from referral_service.events.given import (
    DISPUTE,
    OUTCOMES,
    PURCHASE,
    REFUND,
    Answer,
    GivenDispute,
    GivenEvent,
    GivenRefund,
    strongest,
)
from referral_service.events.policy import FINALITY, lies_ahead
from referral_service.kit.errors import InvalidRequest
from referral_service.kit.http.fields import (
    Moment,
    MoneyField,
    QueryFlag,
    RequestSchema,
    ResponseSchema,
    Text,
    WholeNumber,
)
from referral_service.kit.http.problems import ProblemSchema, flatten
from referral_service.referrals.errors import OccurredInFuture
from referral_service.rewards.schemas import AmountSchema

BATCH_MAX = 100
LINES_MAX = 100
ATTRIBUTES_MAX = 50
EVENT_TYPE = validate.Regexp(r"[a-z][a-z0-9_.]{0,39}\Z", error="Lower-case letters, digits, `_` and `.`; at most 40.")


class LineSchema(RequestSchema):
    category = Text(required=True, maximum=64)
    amount_minor = WholeNumber(required=True)


class EventSchema(RequestSchema):
    id = Text(required=True, metadata={"description": "Unique among the events you send; the same id is one event."})
    type = ma.fields.String(
        required=True,
        validate=EVENT_TYPE,
        metadata={"description": "`purchase`, `refund`, `dispute`, or any other word for an event of your own."},
    )
    occurred_at = Moment(required=True, metadata={"description": "When it happened, not when you send it."})
    customer_id = CustomerIdField(load_default=None, allow_none=True)
    order_id = Text(load_default=None, allow_none=True, metadata={"description": "Names the purchase."})
    source_id = Text(
        load_default=None, allow_none=True, maximum=48, metadata={"description": "The source whose order it is."}
    )
    amount = MoneyField(load_default=None, allow_none=True)
    code = Text(load_default=None, allow_none=True, maximum=64)
    signed_code = Text(load_default=None, allow_none=True)
    click_token = Text(load_default=None, allow_none=True)
    lines = ma.fields.List(ma.fields.Nested(LineSchema), load_default=list, validate=validate.Length(max=LINES_MAX))
    attributes = ma.fields.Dict(
        keys=Text(maximum=64),
        values=Text(maximum=200),
        load_default=dict,
        validate=validate.Length(max=ATTRIBUTES_MAX),
        metadata={"description": "What the program's terms may ask for; text only, no personal data."},
    )
    refunded_total = MoneyField(
        load_default=None, allow_none=True, metadata={"description": "Refunded so far, all refunds together."}
    )
    refund_id = Text(
        load_default=None, allow_none=True, maximum=200, metadata={"description": "With `amount`: this one refund."}
    )
    dispute_id = Text(load_default=None, allow_none=True)
    status = ma.fields.String(load_default=None, allow_none=True, validate=validate.OneOf(FINALITY))

    @ma.validates_schema
    def fits_its_type(self, data: dict[str, Any], **_: Any) -> None:
        """Each type demands its own fields and has no use for the others'."""
        given = {name for name, value in data.items() if value not in (None, [], {})}
        kind = data["type"]
        needed, allowed = _FIELDS.get(kind, (_PERSON, _OTHER))
        errors = {name: ["Missing for an event of this type."] for name in needed - given}
        errors |= {name: ["Means nothing for an event of this type."] for name in given - needed - allowed - _ALWAYS}
        if kind == REFUND and ("refunded_total" in given) == bool({"refund_id", "amount"} & given):
            errors["refunded_total"] = ["Say either this, or refund_id and amount."]
        elif kind == REFUND and "refunded_total" not in given and not {"refund_id", "amount"} <= given:
            errors["refund_id"] = ["A single refund needs both refund_id and amount."]
        if len({"code", "signed_code", "click_token"} & given) > 1:
            errors["code"] = ["Say at most one of code, signed_code and click_token."]
        if errors:
            raise ma.ValidationError(errors)


_ALWAYS = frozenset({"id", "type", "occurred_at"})
_PERSON = frozenset({"customer_id"})
_OTHER = frozenset({"amount", "lines", "attributes"})
_FIELDS = {
    PURCHASE: (
        frozenset({"customer_id", "order_id", "amount"}),
        frozenset({"source_id", "code", "signed_code", "click_token", "lines", "attributes"}),
    ),
    REFUND: (frozenset({"order_id"}), frozenset({"source_id", "refunded_total", "refund_id", "amount", "customer_id"})),
    DISPUTE: (frozenset({"order_id", "status"}), frozenset({"source_id", "dispute_id", "customer_id"})),
}
_EVENT = EventSchema()


class EventsSchema(RequestSchema):
    """One event, or `events` with up to 100 of them: how it begins; each event is then read for itself."""

    class Meta:
        unknown = ma.INCLUDE

    events = ma.fields.List(ma.fields.Raw(allow_none=True), validate=validate.Length(min=1, max=BATCH_MAX))

    @ma.validates_schema
    def one_or_many(self, data: dict[str, Any], **_: Any) -> None:
        if "events" in data and len(data) > 1:
            raise ma.ValidationError("A batch holds nothing but `events`.")


class EventBatchSchema(RequestSchema):
    """A batch as it is documented: an item that cannot be read is answered for itself, and spoils no other."""

    events = ma.fields.List(
        ma.fields.Raw(allow_none=True, metadata={"description": "An event, as it is sent alone."}),
        required=True,
        validate=validate.Length(min=1, max=BATCH_MAX),
    )


def load_event(document: object, *, now: datetime, default_id: str | None = None) -> GivenEvent:
    """Read one event; `now` is business time. Raises InvalidRequest (OccurredInFuture) with every fault."""
    if not isinstance(document, dict):
        raise InvalidRequest(errors={"event": ["Must be a JSON object."]})
    if default_id is not None and "id" not in document:
        document = {**document, "id": default_id}
    try:
        data: dict[str, Any] = _EVENT.load(document)
    except ma.ValidationError as error:
        raise InvalidRequest(errors=flatten(error.messages, root="event")) from None
    if lies_ahead(data["occurred_at"], now=now):
        raise OccurredInFuture(errors={"occurred_at": ["Lies more than a minute ahead of the app's clock."]})
    return _given(data)


def _given(data: dict[str, Any]) -> GivenEvent:
    kind = data["type"]
    refund, dispute = None, None
    if kind == REFUND:
        total = data["refunded_total"]
        if total is not None:
            refund = GivenRefund("cumulative", f"total:{total.amount_minor}:{total.currency}", total)
        else:
            refund = GivenRefund("single", f"refund:{data['refund_id']}", data["amount"])
    elif kind == DISPUTE:
        dispute = GivenDispute(data["dispute_id"] or "", data["status"])
    return GivenEvent(
        external_id=data["id"],
        type=kind,
        occurred_at=data["occurred_at"],
        customer_id=None if kind in (REFUND, DISPUTE) else data["customer_id"],
        aliases=(data["order_id"],) if data["order_id"] else (),
        order_source_id=data["source_id"],
        amount=None if kind == REFUND else data["amount"],
        lines=data["lines"],
        attributes=data["attributes"],
        code=data["code"],
        signed_code=data["signed_code"],
        click_token=data["click_token"],
        refund=refund,
        dispute=dispute,
    )


class ResultSchema(ResponseSchema):
    program_id = ma.fields.String(required=True)
    referral_id = ma.fields.String(required=True, allow_none=True)
    outcome = ma.fields.String(required=True, validate=validate.OneOf(OUTCOMES))
    reason = ma.fields.String(required=True, allow_none=True)
    reward_ids = ma.fields.List(ma.fields.String(), required=True)


class EventArgs(RequestSchema):
    dry_run = QueryFlag(
        load_default=False,
        metadata={"description": "`true` answers what would happen and changes nothing."},
    )


class EstimatedRewardSchema(ResponseSchema):
    """A reward as it would stand."""

    key = ma.fields.String(required=True)
    side = ma.fields.String(required=True)
    state = ma.fields.String(required=True)
    reason = ma.fields.String(required=True, allow_none=True)
    kind = ma.fields.String(required=True)
    amount = ma.fields.Nested(AmountSchema, required=True)
    reversed = ma.fields.Nested(AmountSchema, required=True)
    badge = ma.fields.String(required=True, allow_none=True)
    ordinal = ma.fields.Integer(required=True)
    customer_id = ma.fields.String(required=True, allow_none=True)
    program_id = ma.fields.String(required=True)


class AnswerSchema(ResponseSchema):
    """What became of an event: the strongest of its results, and each of them."""

    id = ma.fields.String(required=True)
    outcome = ma.fields.String(required=True, validate=validate.OneOf(OUTCOMES))
    reason = ma.fields.String(required=True, allow_none=True)
    duplicate = ma.fields.Boolean(required=True)
    referral_id = ma.fields.String(required=True, allow_none=True)
    reward_ids = ma.fields.List(ma.fields.String(), required=True)
    results = ma.fields.List(ma.fields.Nested(ResultSchema), required=True)
    dry_run = ma.fields.Boolean(metadata={"description": "Only in a dry run: nothing of this was kept."})
    estimate = ma.fields.Boolean(
        metadata={
            "description": "Only in a dry run: caps and budgets were read, not held, so by the time the event comes "
            "they may have been used up by others."
        }
    )
    rewards = ma.fields.List(
        ma.fields.Nested(EstimatedRewardSchema),
        metadata={"description": "Only in a dry run: the rewards that the event would make or change."},
    )


class InvalidItemSchema(ResponseSchema):
    """An item of a batch that could not be read."""

    id = ma.fields.String(required=True, allow_none=True, metadata={"description": "As it was sent, if it is a text."})
    outcome = ma.fields.String(required=True, validate=validate.Equal("invalid"))
    error = ma.fields.Nested(ProblemSchema, required=True)


class BatchItemField(ma.fields.Field[Any]):
    """One item's answer, or what is wrong with the item; only documented."""

    alternatives = (AnswerSchema(), InvalidItemSchema())


class BatchAnswerSchema(ResponseSchema):
    """What became of a batch: an answer for each item, in order."""

    results = ma.fields.List(BatchItemField(), required=True)


def answer_document(answer: Answer) -> dict[str, Any]:
    """The answer as `AnswerSchema` writes it."""
    best = strongest(answer.results) if answer.results else None
    return {
        "id": answer.external_id,
        "outcome": answer.outcome,
        "reason": answer.reason,
        "duplicate": answer.duplicate,
        "referral_id": best.referral_id if best else None,
        "reward_ids": best.reward_ids if best else [],
        "results": [
            {
                "program_id": result.program_id,
                "referral_id": result.referral_id,
                "outcome": result.outcome,
                "reason": result.reason,
                "reward_ids": result.reward_ids,
            }
            for result in answer.results
        ],
    }
