"""Fields and bases that schemas share: nothing is guessed, everything has a limit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import marshmallow as ma
from marshmallow import validate

from referral_service.kit.clock import format_rfc3339, parse_rfc3339
from referral_service.kit.money import AMOUNT_MINOR_MAX, CURRENCIES, Money

# Far from where adding a span to a time, or taking one from it, overflows.
YEAR_MIN, YEAR_MAX = 2000, 2199
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DIGITS = re.compile("-?[0-9]{1,18}")


class RequestSchema(ma.Schema):
    """A body that comes in: a field that is not declared is refused."""

    class Meta:
        unknown = ma.RAISE


class ResponseSchema(ma.Schema):
    """A body that goes out; more fields may come with later versions, so a client must not mind them."""

    class Meta:
        unknown = ma.INCLUDE


class ReadySchema(ResponseSchema):
    """A body that goes out as the view made it: a dictionary of just these keys, and of JSON's types alone.

    For what is answered most often: to copy it field by field took a tenth of the request.
    """

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:  # noqa: ARG002 -- as marshmallow has it
        return obj


class Moment(ma.fields.Field[datetime]):
    """An RFC 3339 time with its offset; read into an aware UTC datetime, written with a Z."""

    default_error_messages = {  # noqa: RUF012 -- as marshmallow has it
        "invalid": "Not an RFC 3339 time such as 2026-01-31T09:30:00Z.",
        "range": f"Must lie in the years {YEAR_MIN} to {YEAR_MAX}.",
    }

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **_: Any) -> str | None:  # noqa: ARG002
        return None if value is None else format_rfc3339(value)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> datetime:  # noqa: ARG002
        if not isinstance(value, str) or len(value) > 40:
            raise self.make_error("invalid")
        try:
            moment = parse_rfc3339(value)
        except ValueError:
            raise self.make_error("invalid") from None
        if not YEAR_MIN <= moment.year <= YEAR_MAX:
            raise self.make_error("range")
        return moment


class WholeNumber(ma.fields.Integer):
    """An integer that was written as one: neither 1.0 nor "1" nor true."""

    def __init__(self, *, minimum: int = 0, maximum: int = AMOUNT_MINOR_MAX, **options: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(min=minimum, max=maximum), **options)

    def _validated(self, value: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid", input=value)
        return value


class QueryNumber(ma.fields.Integer):
    """An integer in a query: plain digits, and nothing else that Python would read as a number."""

    def __init__(self, *, minimum: int = 0, maximum: int = AMOUNT_MINOR_MAX, **options: Any) -> None:
        super().__init__(validate=validate.Range(min=minimum, max=maximum), **options)

    def _validated(self, value: Any) -> int:
        if not isinstance(value, str) or not _DIGITS.fullmatch(value):
            raise self.make_error("invalid", input=value)
        return int(value)


class Flag(ma.fields.Boolean):
    """true or false: neither 1 nor "yes"."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> bool:  # noqa: ARG002
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class QueryFlag(ma.fields.Boolean):
    """A flag in a query: the words true or false, and nothing else."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> bool:  # noqa: ARG002
        if value not in ("true", "false"):
            raise self.make_error("invalid", input=value)
        return bool(value == "true")


class Text(ma.fields.String):
    """A text of bounded length without control characters; `Text(maximum=64)`."""

    default_error_messages = {"control": "Must not hold control characters."}  # noqa: RUF012 -- as marshmallow has it

    def __init__(self, *, minimum: int = 1, maximum: int = 255, **options: Any) -> None:
        self.bounds = validate.Length(min=minimum, max=maximum)
        extra = options.pop("validate", [])
        extra = [extra] if callable(extra) else list(extra)
        super().__init__(validate=[self.bounds, *extra], **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if _CONTROL.search(text):
            raise self.make_error("control")
        return text


class MoneySchema(ma.Schema):
    """Money in whole minor units: `{"amount_minor": 1000, "currency": "USD"}` are ten dollars."""

    class Meta:
        unknown = ma.RAISE

    amount_minor = WholeNumber(required=True, metadata={"description": "Whole minor units, such as cents."})
    currency = ma.fields.String(
        required=True,
        validate=[
            validate.Length(equal=3),
            validate.OneOf(sorted(CURRENCIES), error="Not the code of an active ISO 4217 currency, such as USD."),
        ],
        metadata={"description": "ISO 4217, upper case.", "example": "USD"},
    )


class MoneyField(ma.fields.Nested):
    """Money, read into and written from `kit.money.Money`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(MoneySchema, **options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, partial: Any = None, **kwargs: Any
    ) -> Any:
        loaded = super()._deserialize(value, attr, data, partial=partial, **kwargs)
        return Money(loaded["amount_minor"], loaded["currency"])
