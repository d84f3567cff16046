"""Rewards as they are written over HTTP."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import validate

from referral_service.customers.schemas import CustomerIdField
from referral_service.kit.http.fields import ResponseSchema, Text
from referral_service.kit.http.pagination import PageArgs
from referral_service.kit.http.parameters import path_parameter
from referral_service.rewards.policy import LEGAL

REWARD_ID_PARAMETER = path_parameter("reward_id", "The reward's id, `rwd_…`.", example="rwd_01k0c8bq7dfc1n3g5s8z2y4hkp")
STATES = sorted(state for state in LEGAL if state is not None)


class AmountSchema(ResponseSchema):
    """Money as amount_minor and currency; points and the like as quantity and unit."""

    amount_minor = ma.fields.Integer()
    currency = ma.fields.String()
    quantity = ma.fields.Integer()
    unit = ma.fields.String()


class GrantedRewardSchema(ResponseSchema):
    id = ma.fields.String(required=True, metadata={"description": "`rwd_…`"})
    key = ma.fields.String(required=True, metadata={"description": "Which reward of the program's terms."})
    side = ma.fields.String(required=True, validate=validate.OneOf(["referrer", "referee", "self"]))
    state = ma.fields.String(required=True, validate=validate.OneOf(STATES))
    kind = ma.fields.String(required=True)
    reason = ma.fields.String(required=True, allow_none=True)
    badge = ma.fields.String(required=True, allow_none=True)
    ordinal = ma.fields.Integer(required=True)
    amount = ma.fields.Nested(AmountSchema, required=True)
    reversed = ma.fields.Nested(AmountSchema, required=True)
    customer_id = ma.fields.String(required=True, allow_none=True, metadata={"description": "Null once erased."})
    referral_id = ma.fields.String(required=True, allow_none=True)
    program_id = ma.fields.String(required=True)
    hold_ends_at = ma.fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    accept_by = ma.fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    expires_at = ma.fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    created_at = ma.fields.String(required=True, metadata={"format": "date-time"})
    coupon = ma.fields.Dict(required=True, allow_none=True)


class RewardArgs(PageArgs):
    customer_id = CustomerIdField(load_default=None, metadata={"description": "Only rewards of this customer."})
    referral_id = Text(load_default=None, maximum=48, metadata={"description": "Only rewards of this referral."})
    program_id = Text(load_default=None, maximum=48, metadata={"description": "Only rewards of this program."})
    state = ma.fields.String(
        load_default=None,
        validate=validate.OneOf(STATES),
        metadata={"description": "Only rewards that stand like this."},
    )
