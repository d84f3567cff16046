"""Sources and inbound events as they are written over HTTP."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import validate

from referral_service.journeys.schemas.events import AnswerSchema
from referral_service.kit.cursors import CURSOR_CHARACTERS_MAX
from referral_service.kit.http.fields import Moment, RequestSchema, ResponseSchema, Text, WholeNumber
from referral_service.kit.http.pagination import LIMIT_DEFAULT, LIMIT_MAX, PageArgs
from referral_service.kit.http.parameters import path_parameter
from referral_service.kit.http.problems import ProblemSchema
from referral_service.webhooks_in.choose_inbound import STATES
from referral_service.webhooks_in.providers.registry import PROVIDERS
from referral_service.webhooks_in.receive import PARKED

SOURCE_ID_PARAMETER = path_parameter(
    "source_id", "The source's id, `src_…`.", example="src_1_01kq2m8v6wf8dr0c1h3zb2n4xj"
)
INBOUND_ID_PARAMETER = path_parameter(
    "inbound_id", "The inbound event's id, `inb_…`.", example="inb_01kq2m9a5gf4bs2t1v0w9x8y7z"
)
_SECRET = (
    "The signing secret that the provider shows. Leave it out for `standard`, whose secret the service makes; "
    "for `chargebee`, which signs nothing, give `user:password`."
)


class AddSourceSchema(RequestSchema):
    provider = ma.fields.String(
        required=True,
        validate=validate.OneOf(list(PROVIDERS), error="Must be one of: {choices}."),
        metadata={"description": "Who sends: `standard` is the app itself, by Standard Webhooks."},
    )
    secret = Text(load_default=None, allow_none=True, metadata={"description": _SECRET})
    name = Text(load_default=None, allow_none=True, maximum=100, metadata={"description": "For people."})


class RotateSecretSchema(RequestSchema):
    secret = Text(load_default=None, allow_none=True, metadata={"description": _SECRET})


class SourceSchema(ResponseSchema):
    id = ma.fields.String(required=True, metadata={"description": "`src_…`"})
    provider = ma.fields.String(required=True, validate=validate.OneOf(list(PROVIDERS)))
    name = ma.fields.String(required=True)
    url = ma.fields.String(required=True, metadata={"description": "Where the webhooks are to be sent."})
    created_at = Moment(required=True)


class NewSourceSchema(SourceSchema):
    secret = ma.fields.String(
        metadata={"description": "What to sign with, shown this once; absent where the provider made it."}
    )


class RotatedSecretSchema(NewSourceSchema):
    old_secret_valid_until = Moment(
        required=True, metadata={"description": "Until then what the secret before it signed is taken too."}
    )


class InboundEventSchema(ResponseSchema):
    id = ma.fields.String(required=True, metadata={"description": "`inb_…`"})
    source_id = ma.fields.String(required=True)
    provider = ma.fields.String(required=True)
    external_id = ma.fields.String(required=True, metadata={"description": "The message's id at the provider."})
    provider_type = ma.fields.String(
        required=True, metadata={"description": "Its type in the provider's words; empty where it could not be read."}
    )
    type = ma.fields.String(required=True, metadata={"description": "Its type here; empty where it means nothing."})
    state = ma.fields.String(required=True, validate=validate.OneOf(STATES))
    reason = ma.fields.String(required=True, allow_none=True)
    received_at = Moment(required=True)


class InboundEventArgs(PageArgs):
    state = ma.fields.String(
        load_default=None,
        validate=validate.OneOf(STATES),
        metadata={"description": "Only what this became of."},
    )
    reason = Text(load_default=None, maximum=64, metadata={"description": "Only what was parked for this reason."})
    source_id = Text(load_default=None, maximum=48, metadata={"description": "Only what came from this source."})


class ReplaySchema(RequestSchema):
    state = ma.fields.String(
        load_default=PARKED, validate=validate.OneOf(STATES), metadata={"description": "Only what this became of."}
    )
    reason = Text(load_default=None, allow_none=True, maximum=64, metadata={"description": "Only this reason."})
    source_id = Text(load_default=None, allow_none=True, maximum=48, metadata={"description": "Only this source's."})
    received_from = Moment(load_default=None, allow_none=True, metadata={"description": "Only what came since then."})
    received_to = Moment(load_default=None, allow_none=True, metadata={"description": "Only what came until then."})
    limit = WholeNumber(
        load_default=LIMIT_DEFAULT, minimum=1, maximum=LIMIT_MAX, metadata={"description": "How many at most."}
    )
    cursor = ma.fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(min=1, max=CURSOR_CHARACTERS_MAX),
        metadata={"description": "`next_cursor` of the call before. The filter must stay the same."},
    )


class ReplayedSchema(ResponseSchema):
    """What became of one message: either an answer, or what was wrong with it."""

    inbound_event_id = ma.fields.String(required=True, metadata={"description": "`inb_…`"})
    answer = ma.fields.Nested(AnswerSchema, required=True, allow_none=True)
    error = ma.fields.Nested(ProblemSchema, required=True, allow_none=True)


class ReplayedPageSchema(ResponseSchema):
    items = ma.fields.List(ma.fields.Nested(ReplayedSchema), required=True)
    next_cursor = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "Pass it as `cursor`; null when all is done."}
    )
