"""What a reward or a prize gives: one schema for each kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError

from referral_service.programs.terms.gives import Coupon
from referral_service.programs.terms.schemas import fields as strict
from referral_service.programs.terms.schemas.free_data import FreeData

UNIT = r"[A-Za-z][A-Za-z0-9_]{0,15}"
PREFIX = r"[A-Z][A-Z0-9]{0,15}"


class CreditSchema(strict.StrictSchema):
    kind = strict.one_of("credit")
    amount_minor = strict.amount()


class PercentSchema(strict.StrictSchema):
    kind = strict.one_of("percent")
    percent = strict.percent()
    max_amount_minor = strict.amount(default=None)


class PointsSchema(strict.StrictSchema):
    kind = strict.one_of("points")
    quantity = strict.amount()
    per_minor = strict.amount(default=None)


class QuotaSchema(strict.StrictSchema):
    kind = strict.one_of("quota")
    quantity = strict.amount()
    unit = strict.text(UNIT, "Must be 1 to 16 of A-Z, a-z, 0-9 and _, and begin with a letter.")
    per_minor = strict.amount(default=None)


class CouponSchema(strict.StrictSchema):
    kind = strict.one_of("coupon")
    percent_off = strict.percent(default=None)
    amount_off_minor = strict.amount(default=None)
    valid_days = strict.whole(1, strict.DAYS_MAX, default=None)
    valid_from = strict.instant(default=None)
    valid_until = strict.instant(default=None)
    prefix = strict.text(PREFIX, "Must be 1 to 16 of A-Z and 0-9, and begin with a letter.", default=None)
    on_order_cancelled = strict.one_of("burn", "restore", default=strict.defaults(Coupon)["on_order_cancelled"])


class CustomSchema(strict.StrictSchema):
    kind = strict.one_of("custom")
    data = FreeData()


_SCHEMAS: dict[str, Schema] = {
    "credit": CreditSchema(),
    "percent": PercentSchema(),
    "points": PointsSchema(),
    "quota": QuotaSchema(),
    "coupon": CouponSchema(),
    "custom": CustomSchema(),
}


def give() -> strict.Dispatched:
    return strict.Dispatched(_schema_of, alternatives=list(_SCHEMAS.values()), required=True)


def _schema_of(value: Mapping[str, Any]) -> Schema:
    """Choose by `kind`, the one field that every `give` has."""
    kind = value.get("kind")
    if kind is None:
        raise ValidationError({"kind": ["Missing data for required field."]})
    if not isinstance(kind, str) or kind not in _SCHEMAS:
        raise ValidationError({"kind": [f"Must be one of: {', '.join(_SCHEMAS)}."]})
    return _SCHEMAS[kind]
