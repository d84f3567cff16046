"""Claims, referrals and their explanations as they are written over HTTP."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import validate

from referral_service.customers.schemas import CustomerIdField, EmailField
from referral_service.journeys.claiming.given import GivenTouch
from referral_service.kit.http.fields import Moment, ReadySchema, RequestSchema, ResponseSchema, Text
from referral_service.kit.http.pagination import PageArgs
from referral_service.kit.http.parameters import path_parameter
from referral_service.referrals.policy import CONVERTED, EXPIRED, PENDING, REJECTED, REVERSED, UNDER_REVIEW

STATES = [PENDING, CONVERTED, REVERSED, EXPIRED, REJECTED, UNDER_REVIEW]
REFERRAL_ID_PARAMETER = path_parameter(
    "referral_id", "The referral's id, `ref_…`.", example="ref_01k0c8aaj5e0hr7k2m9x4v6tqw"
)
EVIDENCE = ("click_token", "signed_code", "code")
TOKEN_CHARACTERS_MAX = 255
TOUCHES_MAX = 10


class TouchSchema(RequestSchema):
    """One piece of evidence: exactly one of the three."""

    click_token = Text(maximum=TOKEN_CHARACTERS_MAX, metadata={"description": "From the landing URL's `ref_click`."})
    signed_code = Text(maximum=TOKEN_CHARACTERS_MAX, metadata={"description": "The signed form of a code."})
    code = Text(maximum=64, metadata={"description": "A code as somebody typed it.", "example": "K7QM3XTS"})

    @ma.validates_schema
    def exactly_one(self, data: dict[str, Any], **_: Any) -> None:
        if len(data) != 1:
            raise ma.ValidationError("Say exactly one of click_token, signed_code and code.")


class RefereeSchema(RequestSchema):
    customer_id = CustomerIdField(required=True)
    email = EmailField(
        load_default=None,
        allow_none=True,
        metadata={"description": "Kept where the customer has none yet; also shows who refers himself."},
    )


class ClaimSchema(RequestSchema):
    click_token = Text(maximum=TOKEN_CHARACTERS_MAX)
    signed_code = Text(maximum=TOKEN_CHARACTERS_MAX)
    code = Text(maximum=64)
    touches = ma.fields.List(
        ma.fields.Nested(TouchSchema),
        validate=validate.Length(min=1, max=TOUCHES_MAX),
        metadata={"description": "Everything the app has kept; the program picks the first or the last valid one."},
    )
    referee = ma.fields.Nested(RefereeSchema, required=True)
    occurred_at = Moment(
        load_default=None, allow_none=True, metadata={"description": "When the referee signed up; now if left out."}
    )

    @ma.validates_schema
    def exactly_one(self, data: dict[str, Any], **_: Any) -> None:
        if sum(name in data for name in (*EVIDENCE, "touches")) != 1:
            raise ma.ValidationError("Say exactly one of click_token, signed_code, code and touches.")


def given_touches(body: dict[str, Any]) -> list[GivenTouch]:
    """The evidence of a loaded claim."""
    if "touches" in body:
        return [GivenTouch(**touch) for touch in body["touches"]]
    return [GivenTouch(**{name: body[name] for name in EVIDENCE if name in body})]


class PersonSchema(ResponseSchema):
    customer_id = ma.fields.String(required=True, allow_none=True, metadata={"description": "Null once erased."})


class ReferralSchema(ReadySchema):
    id = ma.fields.String(required=True, metadata={"description": "`ref_…`"})
    program_id = ma.fields.String(required=True)
    program_version = ma.fields.Integer(required=True)
    state = ma.fields.String(required=True, validate=validate.OneOf(STATES))
    reason = ma.fields.String(required=True, allow_none=True)
    referrer = ma.fields.Nested(PersonSchema, required=True)
    referee = ma.fields.Nested(PersonSchema, required=True)
    claimed_at = ma.fields.String(required=True, metadata={"format": "date-time"})
    converted_at = ma.fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    expires_at = ma.fields.String(required=True, metadata={"format": "date-time"})


class ReferralArgs(PageArgs):
    program_id = Text(load_default=None, maximum=48, metadata={"description": "Only referrals in this program."})
    state = ma.fields.String(
        load_default=None,
        validate=validate.OneOf(STATES),
        metadata={"description": "Only referrals that stand like this."},
    )
    referrer = CustomerIdField(load_default=None, metadata={"description": "Only referrals by this customer."})
    referee = CustomerIdField(load_default=None, metadata={"description": "Only referrals of this customer."})


class ExplainTouchSchema(ResponseSchema):
    kind = ma.fields.String(required=True)
    at = ma.fields.String(required=True, allow_none=True)
    code = ma.fields.String(required=True, allow_none=True)
    counted = ma.fields.Boolean(required=True)
    reason = ma.fields.String(required=True, allow_none=True)


class CheckSchema(ResponseSchema):
    rule = ma.fields.String(required=True, metadata={"description": "Where the rule stands in the terms."})
    required = ma.fields.String(required=True)
    observed = ma.fields.String(required=True, allow_none=True)
    passed = ma.fields.Boolean(required=True)
    at = ma.fields.String(required=True, allow_none=True)


class ExplainRewardSchema(ResponseSchema):
    key = ma.fields.String(required=True)
    state = ma.fields.String(required=True)
    reason = ma.fields.String(required=True, allow_none=True)
    expected_at = ma.fields.String(required=True, allow_none=True)


class ExplanationSchema(ResponseSchema):
    referral_id = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=validate.OneOf(STATES))
    summary = ma.fields.String(required=True, metadata={"description": "One sentence for the person concerned."})
    touches = ma.fields.List(ma.fields.Nested(ExplainTouchSchema), required=True)
    checks = ma.fields.List(ma.fields.Nested(CheckSchema), required=True)
    next_step = ma.fields.String(required=True, allow_none=True)
    deadline = ma.fields.String(required=True, allow_none=True)
    rewards = ma.fields.List(ma.fields.Nested(ExplainRewardSchema), required=True)
