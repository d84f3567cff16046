"""Fields that take no value for another: 1 is not true, "5" is not 5, 10.0 is not "10.00"."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

from marshmallow import RAISE, Schema, ValidationError, fields, missing, validate

from referral_service.kit.money import AMOUNT_MINOR_MAX

DAYS_MAX = 3650
COUNT_MAX = 1_000_000
ATTRIBUTES_MAX = 20
VALUES_MAX = 50
TEXT_CHARS_MAX = 200
NAME_CHARS_MAX = 64
# Far from where adding a span to a time overflows.
YEAR_MIN, YEAR_MAX = 2000, 2199

KEY = r"[a-z][a-z0-9_]{0,39}"
EVENT_TYPE = r"[a-z][a-z0-9_.]{0,39}"

_PERCENT = re.compile(r"(0|[1-9][0-9]{0,2})(\.[0-9]{1,2})?", re.ASCII)
_VALUE = {"type": "string", "minLength": 1, "maxLength": TEXT_CHARS_MAX}
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)


class StrictSchema(Schema):
    """Refuses what it does not know."""

    class Meta:
        unknown = RAISE


class Described(fields.Field[Any]):
    """A field that says what it is in the API's description, where marshmallow's own kinds say nothing."""

    said: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(metadata=dict(self.said), **options)


class Flag(Described):
    """true or false, and nothing that merely looks like it."""

    said: ClassVar[Mapping[str, Any]] = {"type": "boolean"}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Must be true or false.")
        return value


class PercentText(Described):
    """A decimal string from "0.01" to "100.00"; kept with two decimals."""

    said: ClassVar[Mapping[str, Any]] = {"type": "string", "pattern": f"^{_PERCENT.pattern}$", "example": "15.00"}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str) or not _PERCENT.fullmatch(value) or not 0 < Decimal(value) <= 100:
            raise ValidationError('Must be a decimal string from "0.01" to "100.00", with at most two decimals.')
        return f"{Decimal(value):.2f}"


class Instant(Described):
    """A time as RFC 3339 has it, with its offset; kept in UTC."""

    said: ClassVar[Mapping[str, Any]] = {"type": "string", "format": "date-time"}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            raise ValidationError("Must be a time such as 2026-11-21T10:00:00Z.")
        try:
            moment = datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValidationError("There is no such time.") from None
        if not YEAR_MIN <= moment.year <= YEAR_MAX:
            raise ValidationError(f"Must lie in the years {YEAR_MIN} to {YEAR_MAX}.")
        return moment.isoformat().replace("+00:00", "Z")


class Matching(Described):
    """Attribute names, each with the one text or the list of texts that it may have."""

    said: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "maxProperties": ATTRIBUTES_MAX,
        "additionalProperties": {
            "anyOf": [_VALUE, {"type": "array", "items": _VALUE, "minItems": 1, "maxItems": VALUES_MAX}]
        },
    }

    def __init__(self, *, names: Sequence[str] | None = None, name: str | None = None) -> None:
        super().__init__(load_default=dict, data_key=name, attribute=name)
        self.names = names

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError('Must be an object such as {"attribute": "value"} or {"attribute": ["one", "of"]}.')
        if len(value) > ATTRIBUTES_MAX:
            raise ValidationError(f"Must not name more than {ATTRIBUTES_MAX} attributes.")
        errors = {name: [why] for name, said in value.items() if (why := self._refusal(name, said))}
        if errors:
            raise ValidationError(errors)
        return {name: said if isinstance(said, str) else list(said) for name, said in value.items()}

    def _refusal(self, name: object, said: object) -> str | None:
        if self.names is not None and name not in self.names:
            return f"Unknown field. Known here: {', '.join(self.names)}."
        if not is_plain_text(name, chars_max=NAME_CHARS_MAX):
            return f"An attribute's name is plain text of 1 to {NAME_CHARS_MAX} characters."
        texts = said if isinstance(said, list) else [said]
        if not 1 <= len(texts) <= VALUES_MAX:
            return f"Must list 1 to {VALUES_MAX} values."
        if not all(is_plain_text(text, chars_max=TEXT_CHARS_MAX) for text in texts):
            return f"Must be plain text of 1 to {TEXT_CHARS_MAX} characters, or a list of such texts."
        return None


class Dispatched(fields.Field[dict[str, Any]]):
    """An object that is read by one of the `alternatives`, by what it says of itself."""

    def __init__(
        self, choose: Callable[[Mapping[str, Any]], Schema], *, alternatives: Sequence[Schema], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.choose = choose
        self.alternatives = tuple(alternatives)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("Must be an object.")
        read: dict[str, Any] = self.choose(value).load(value)
        return read


def whole(low: int, high: int, *, default: Any = missing, name: str | None = None) -> fields.Integer:
    """A whole number within both bounds; required without a default, and null only where null is the default.

    `name` is what the document calls the field, where the language does not let an attribute be called that.
    """
    return fields.Integer(
        strict=True,
        validate=validate.Range(low, high),
        data_key=name,
        attribute=name,
        **_presence(default),
    )


def amount(*, low: int = 1, default: Any = missing) -> fields.Integer:
    """Whole minor units, or whole units of what is not money."""
    return whole(low, AMOUNT_MINOR_MAX, default=default)


def flag(*, default: bool) -> Flag:
    return Flag(load_default=default)


def percent(*, default: Any = missing) -> PercentText:
    return PercentText(**_presence(default))


def instant(*, default: None) -> Instant:
    return Instant(**_presence(default))


def one_of(*choices: str, default: Any = missing) -> fields.String:
    return fields.String(validate=validate.OneOf(choices, error="Must be one of: {choices}."), **_presence(default))


def text(pattern: str, why: str, *, default: Any = missing) -> fields.String:
    """ASCII text that matches the whole of `pattern`; `why` is what a person is told otherwise."""
    whole_text = validate.Regexp(rf"(?:{pattern})\Z", re.ASCII, error=why)
    return fields.String(validate=whole_text, **_presence(default))


def key(*, default: Any = missing) -> fields.String:
    return text(KEY, "Must be 1 to 40 of a-z, 0-9 and _, and begin with a letter.", default=default)


def event_type(*, default: Any = missing) -> fields.String:
    return text(EVENT_TYPE, "Must be 1 to 40 of a-z, 0-9, _ and ., and begin with a letter.", default=default)


def badge() -> fields.String:
    return fields.String(validate=_demand_a_name, **_presence(None))


def list_of(
    item: fields.Field[Any], low: int, high: int, *, default: Callable[[], list[Any]] | None = None
) -> fields.List[Any]:
    length = validate.Length(low, high)
    return fields.List(item, validate=length, **_presence(missing if default is None else default))


def section(schema: Schema) -> fields.Nested:
    """A part of the document that may be left out whole: then it is what the schema makes of nothing."""
    return fields.Nested(schema, load_default=lambda: schema.load({}))


def defaults(kind: type) -> dict[str, Any]:
    """Return the defaults of a frozen class by field: the schema knows no other."""
    return {own.name: own.default for own in dataclasses.fields(kind) if own.default is not dataclasses.MISSING}


def is_plain_text(said: object, *, chars_max: int) -> bool:
    """Tell whether `said` is text of 1 to `chars_max` characters, no control character or lone surrogate."""
    return isinstance(said, str) and 0 < len(said) <= chars_max and not any(map(_is_odd, said))


def _presence(default: Any) -> dict[str, Any]:
    return {"required": default is missing, "load_default": default, "allow_none": default is None}


def _demand_a_name(said: str) -> None:
    if not is_plain_text(said, chars_max=NAME_CHARS_MAX):
        raise ValidationError(f"Must be plain text of 1 to {NAME_CHARS_MAX} characters.")


def _is_odd(char: str) -> bool:
    return char < " " or "\x7f" <= char <= "\x9f" or "\ud800" <= char <= "\udfff"
