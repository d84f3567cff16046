"""Rewards as they are written over HTTP."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import validate

from referral_service.customers.schemas import CustomerIdField
from referral_service.kit.http.fields import RequestSchema, ResponseSchema, Text
from referral_service.kit.http.pagination import PageArgs
from referral_service.kit.http.parameters import path_parameter
from referral_service.rewards.coupons.policy import REASONS as COUPON_REASONS
from referral_service.rewards.coupons.policy import STATES as COUPON_STATES
from referral_service.rewards.policy import LEGAL

REWARD_ID_PARAMETER = path_parameter("reward_id", "The reward's id, `rwd_…`.", example="rwd_01k0c8bq7dfc1n3g5s8z2y4hkp")
STATES = sorted(state for state in LEGAL if state is not None)
COUPON_PARAMETER = path_parameter(
    "code",
    "The coupon's code as it was typed: case, hyphens and look-alike letters make no difference.",
    example="FRIEND-7Q2M4XTD",
    characters_max=128,
)
ORDER_ID_CHARACTERS_MAX = 255
REASON_CHARACTERS_MAX = 500


class AmountSchema(ResponseSchema):
    """Money as amount_minor and currency; points and the like as quantity and unit."""

    amount_minor = ma.fields.Integer()
    currency = ma.fields.String()
    quantity = ma.fields.Integer()
    unit = ma.fields.String()


class RewardCouponSchema(ResponseSchema):
    """What a coupon takes off, and when: a percentage, or an amount in minor units of the currency."""

    code = ma.fields.String(required=True, metadata={"description": "As it is shown; case and hyphens do not matter."})
    percent_off = ma.fields.String(required=True, allow_none=True, metadata={"example": "15.00"})
    amount_off_minor = ma.fields.Integer(required=True, allow_none=True)
    currency = ma.fields.String(required=True)
    valid_from = ma.fields.String(required=True, metadata={"format": "date-time"})
    valid_until = ma.fields.String(
        required=True,
        allow_none=True,
        metadata={"format": "date-time", "description": "From then on it is over; null: it has no end."},
    )
    state = ma.fields.String(required=True, validate=validate.OneOf(COUPON_STATES))


class IssuedCouponSchema(RewardCouponSchema):
    valid = ma.fields.Boolean(required=True, metadata={"description": "Whether an order may redeem it now."})
    reason = ma.fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf([*COUPON_REASONS, None]),
        metadata={"description": "Why not, as the code of the problem that a redemption would be answered with."},
    )
    customer_id = ma.fields.String(required=True, allow_none=True, metadata={"description": "Null once erased."})
    reward_id = ma.fields.String(required=True)
    program_id = ma.fields.String(required=True)
    redeemed_order = ma.fields.String(required=True, allow_none=True)
    redeemed_at = ma.fields.String(required=True, allow_none=True, metadata={"format": "date-time"})


class CouponOrderSchema(RequestSchema):
    order_id = Text(
        required=True,
        maximum=ORDER_ID_CHARACTERS_MAX,
        metadata={"description": "The order, by the name that its purchase has in POST /v1/events."},
    )


class FulfilSchema(RequestSchema):
    reference = Text(
        load_default=None,
        allow_none=True,
        maximum=255,
        metadata={"description": "The app's own word for what was handed over; kept in the audit log."},
    )


class DecisionSchema(RequestSchema):
    reason = Text(
        required=True,
        maximum=REASON_CHARACTERS_MAX,
        metadata={"description": "Why, for whoever reads the audit log later, which alone keeps it."},
    )


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
    coupon = ma.fields.Nested(
        RewardCouponSchema,
        required=True,
        allow_none=True,
        metadata={"description": "The code it gave, from its release on; null for all other kinds."},
    )


class RewardArgs(PageArgs):
    customer_id = CustomerIdField(load_default=None, metadata={"description": "Only rewards of this customer."})
    referral_id = Text(load_default=None, maximum=48, metadata={"description": "Only rewards of this referral."})
    program_id = Text(load_default=None, maximum=48, metadata={"description": "Only rewards of this program."})
    state = ma.fields.String(
        load_default=None,
        validate=validate.OneOf(STATES),
        metadata={"description": "Only rewards that stand like this."},
    )
