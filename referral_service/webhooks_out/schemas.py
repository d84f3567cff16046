"""Endpoints and deliveries as they are written over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import marshmallow as ma
from marshmallow import validate

from referral_service.kit.http.fields import Moment, RequestSchema, ResponseSchema, Text
from referral_service.kit.http.pagination import PageArgs
from referral_service.kit.http.parameters import path_parameter
from referral_service.webhooks_out.deliveries.resend import RESENT_MAX, What
from referral_service.webhooks_out.endpoints.event_types import EVERYTHING, FILTERS, filter_fault
from referral_service.webhooks_out.endpoints.policy import Why
from referral_service.webhooks_out.states import DEAD, DISABLED, DONE, ENABLED, LEASED, SCHEDULED

FILTERS_MAX = 50
# Of any text in a body (kit/strict_json.py).
URL_CHARACTERS_MAX = 1024
ENDPOINT_ID_PARAMETER = path_parameter(
    "endpoint_id", "The endpoint's id, `whe_…`.", example="whe_01kq2m8v6wf8dr0c1h3zb2n4xj"
)
DELIVERY_ID_PARAMETER = path_parameter(
    "delivery_id", "The delivery's id, `dlv_…`.", example="dlv_01kq2m9a5gf4bs2t1v0w9x8y7z"
)
_ID_CHARACTERS_MAX = 48
_ENDPOINT_STATES = (ENABLED, DISABLED)
_DELIVERY_STATES = (SCHEDULED, LEASED, DONE, DEAD, DISABLED)
_STATE_SAID = (
    "`scheduled`, `leased` while it is being sent, `done`, `dead` after the last attempt has failed, or `disabled` "
    "where the endpoint was."
)


def _known_filter(wanted: str) -> None:
    fault = filter_fault(wanted)
    if fault is not None:
        raise ma.ValidationError(fault)


def _distinct(filters: list[str]) -> None:
    if len(set(filters)) < len(filters):
        raise ma.ValidationError("Must not hold a filter twice.")


def _url(**options: Any) -> Text:
    said = "Where notifications are sent: https on port 443 or 8443, to a host of the public internet."
    return Text(maximum=URL_CHARACTERS_MAX, metadata={"description": said, "format": "uri"}, **options)


def _events(**options: Any) -> ma.fields.List[Any]:
    said = "Which are sent: types such as `reward.available`, groups such as `reward.*`, or `*` for all."
    wanted = Text(maximum=64, validate=_known_filter, metadata={"enum": sorted(FILTERS)})
    checks: list[Callable[[Any], Any]] = [validate.Length(min=1, max=FILTERS_MAX), _distinct]
    metadata = {"description": said, "uniqueItems": True, **options.pop("metadata", {})}
    return ma.fields.List(wanted, validate=checks, metadata=metadata, **options)


class AddEndpointSchema(RequestSchema):
    url = _url(required=True)
    events = _events(load_default=lambda: [EVERYTHING], metadata={"default": [EVERYTHING]})


class ChangeEndpointSchema(RequestSchema):
    """What is left out stays as it is."""

    url = _url()
    events = _events()
    state = ma.fields.String(
        validate=validate.OneOf(_ENDPOINT_STATES),
        metadata={"description": "What comes while it is disabled is kept, and can be sent later."},
    )

    @ma.validates_schema
    def _changes_something(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data:
            raise ma.ValidationError("Give at least one of url, events and state.")


class EndpointSchema(ResponseSchema):
    id = ma.fields.String(required=True, metadata={"description": "`whe_…`"})
    url = ma.fields.String(required=True)
    events = ma.fields.List(ma.fields.String(), required=True)
    state = ma.fields.String(required=True, validate=validate.OneOf(_ENDPOINT_STATES))
    reason = ma.fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf([*map(str, Why), None]),
        metadata={
            "description": "Why it is disabled: `by_app`, `gone` (it answered 410), or `failing` (nothing has come "
            "through for five days); null where it is enabled."
        },
    )
    failing_since = Moment(
        required=True, allow_none=True, metadata={"description": "The first failure after the last success."}
    )
    paused_until = Moment(
        required=True, allow_none=True, metadata={"description": "After failures in a row nothing is sent before then."}
    )
    created_at = Moment(required=True)


class NewEndpointSchema(EndpointSchema):
    secret = ma.fields.String(
        required=True, metadata={"description": "What messages to it are signed with, shown this once."}
    )


class RotatedEndpointSecretSchema(NewEndpointSchema):
    old_secret_valid_until = Moment(
        required=True, metadata={"description": "Until then messages are signed with the secret before it, too."}
    )


class TestSentSchema(ResponseSchema):
    notification_id = ma.fields.String(
        required=True, metadata={"description": "`ntf_…`: the message's `webhook-id`, and a filter of the deliveries."}
    )


class ResendSchema(RequestSchema):
    what = ma.fields.Enum(
        What,
        by_value=True,
        load_default=What.FAILED,
        metadata={
            "description": "`failed`: what is `dead` or `disabled`. `all`: also what was delivered, or waits to be.",
            "default": str(What.FAILED),
        },
    )
    starts_at = Moment(
        data_key="from",
        load_default=None,
        allow_none=True,
        metadata={"description": "Only deliveries made (`created_at`) at this time or later, in real time."},
    )
    ends_at = Moment(
        data_key="to",
        load_default=None,
        allow_none=True,
        metadata={"description": "Only deliveries made at this time or earlier."},
    )
    after = Text(
        load_default=None,
        allow_none=True,
        maximum=_ID_CHARACTERS_MAX,
        metadata={"description": "To go on: `after` of the answer before, with all else as it was."},
    )

    @ma.validates_schema
    def _runs_forwards(self, data: Mapping[str, Any], **_: Any) -> None:
        starts_at, ends_at = data.get("starts_at"), data.get("ends_at")
        if starts_at is not None and ends_at is not None and ends_at < starts_at:
            raise ma.ValidationError("Must not lie before `from`.", "to")


class ResentSchema(ResponseSchema):
    scheduled = ma.fields.Integer(
        required=True, metadata={"description": f"How many are sent again from now on; at most {RESENT_MAX} a call."}
    )
    more = ma.fields.Boolean(
        required=True, metadata={"description": "Whether there are more. Then ask again, with `after`."}
    )
    after = ma.fields.String(
        required=True,
        allow_none=True,
        attribute="last",
        metadata={"description": "Send it as `after` to go on; null where there are no more."},
    )


class DeliverySchema(ResponseSchema):
    id = ma.fields.String(required=True, metadata={"description": "`dlv_…`"})
    notification_id = ma.fields.String(required=True, metadata={"description": "`ntf_…`, sent as `webhook-id`."})
    type = ma.fields.String(required=True, metadata={"description": "The notification's type."})
    endpoint_id = ma.fields.String(required=True)
    state = ma.fields.String(
        required=True, validate=validate.OneOf(_DELIVERY_STATES), metadata={"description": _STATE_SAID}
    )
    attempts = ma.fields.Integer(
        required=True, metadata={"description": "Since it was scheduled last, the one under way included."}
    )
    next_attempt_at = Moment(
        required=True,
        allow_none=True,
        metadata={
            "description": "Not before then; while it is being sent, when that is given up for lost. Null where "
            "nothing more is tried."
        },
    )
    last_attempt_at = Moment(required=True, allow_none=True)
    last_status = ma.fields.Integer(
        required=True, allow_none=True, metadata={"description": "The status of the last answer, if one came."}
    )
    last_error = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "Why no answer came, in a word such as `timeout`."}
    )
    last_duration_ms = ma.fields.Integer(required=True, allow_none=True)
    created_at = Moment(required=True, metadata={"description": "When it was first scheduled, in real time."})
    done_at = Moment(required=True, allow_none=True)


class DeliveryArgs(PageArgs):
    endpoint_id = Text(
        load_default=None, maximum=_ID_CHARACTERS_MAX, metadata={"description": "Only those to this endpoint."}
    )
    notification_id = Text(
        load_default=None, maximum=_ID_CHARACTERS_MAX, metadata={"description": "Only those of this notification."}
    )
    state = ma.fields.String(
        load_default=None,
        validate=validate.OneOf(_DELIVERY_STATES),
        metadata={"description": "Only what stands like this."},
    )
