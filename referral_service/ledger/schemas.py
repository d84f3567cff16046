"""Balances and redemptions as they are written over HTTP."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import validate

from referral_service.kit.http.fields import Moment, RequestSchema, ResponseSchema, Text, WholeNumber
from referral_service.kit.money import AMOUNT_MINOR_MAX

UNIT_CHARACTERS_MAX = 16
REFERENCE_CHARACTERS_MAX = 255
REASON_CHARACTERS_MAX = 500


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


class UnitField(Text):
    """A currency, `points`, or a quota's unit."""

    def __init__(self) -> None:
        super().__init__(
            required=True,
            maximum=UNIT_CHARACTERS_MAX,
            validate=validate.Regexp(r"[A-Za-z][A-Za-z0-9_]*\Z", error="A letter, then letters, digits and _."),
            metadata={"description": "As in the customer's balances.", "example": "USD"},
        )


class RedeemSchema(RequestSchema):
    unit = UnitField()
    amount = WholeNumber(
        required=True, minimum=1, metadata={"description": "Minor units of a currency, else whole units."}
    )
    reference = Text(
        required=True,
        maximum=REFERENCE_CHARACTERS_MAX,
        metadata={"description": "The app's own word for what it was spent on. Put nothing in it that names a person."},
    )


class AdjustSchema(RequestSchema):
    unit = UnitField()
    amount = WholeNumber(
        required=True,
        minimum=-AMOUNT_MINOR_MAX,
        metadata={"description": "Minor units of a currency, else whole units; given, or taken where it is below 0."},
    )
    reason = Text(
        required=True,
        maximum=REASON_CHARACTERS_MAX,
        metadata={"description": "Why, for whoever reads the audit log later, which alone keeps it."},
    )
    expires_at = Moment(
        load_default=None, allow_none=True, metadata={"description": "When what is given ends; null: never."}
    )

    @ma.validates("amount")
    def _moves_something(self, value: int, **_: Any) -> None:
        if value == 0:
            raise ma.ValidationError("Must not be 0.")


class AdjustmentSchema(ResponseSchema):
    id = ma.fields.String(required=True, metadata={"description": "`adj_…`"})
    customer_id = ma.fields.String(required=True)
    unit = ma.fields.String(required=True)
    amount = ma.fields.Integer(required=True)
    reason = ma.fields.String(required=True)
    expires_at = Moment(required=True, allow_none=True)
    recorded_at = Moment(required=True)


class RedemptionSchema(ResponseSchema):
    id = ma.fields.String(required=True, metadata={"description": "`rdm_…`"})
    customer_id = ma.fields.String(required=True)
    unit = ma.fields.String(required=True)
    amount = ma.fields.Integer(required=True)
    reference = ma.fields.String(required=True)
    recorded_at = Moment(required=True)
