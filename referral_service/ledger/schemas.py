"""Balances and redemptions as they are written over HTTP."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import validate

from referral_service.kit.http.fields import Moment, RequestSchema, ResponseSchema, Text, WholeNumber

UNIT_CHARACTERS_MAX = 16
REFERENCE_CHARACTERS_MAX = 255


class BalanceSchema(ResponseSchema):
    unit = ma.fields.String(
        required=True, metadata={"description": "A currency (then in minor units), `points`, or a quota's unit."}
    )
    available = ma.fields.Integer(
        required=True, metadata={"description": "What can be spent; below zero where the customer owes."}
    )
    pending = ma.fields.Integer(required=True, metadata={"description": "Granted, and still held."})


class BalancesSchema(ResponseSchema):
    items = ma.fields.List(ma.fields.Nested(BalanceSchema), required=True)


class RedeemSchema(RequestSchema):
    unit = Text(
        required=True,
        maximum=UNIT_CHARACTERS_MAX,
        validate=validate.Regexp(r"[A-Za-z][A-Za-z0-9_]*\Z", error="A letter, then letters, digits and _."),
        metadata={"description": "As in the customer's balances.", "example": "USD"},
    )
    amount = WholeNumber(
        required=True, minimum=1, metadata={"description": "Minor units of a currency, else whole units."}
    )
    reference = Text(
        required=True,
        maximum=REFERENCE_CHARACTERS_MAX,
        metadata={"description": "The app's own word for what it was spent on. Put nothing in it that names a person."},
    )


class RedemptionSchema(ResponseSchema):
    id = ma.fields.String(required=True, metadata={"description": "`rdm_…`"})
    customer_id = ma.fields.String(required=True)
    unit = ma.fields.String(required=True)
    amount = ma.fields.Integer(required=True)
    reference = ma.fields.String(required=True)
    recorded_at = Moment(required=True)
