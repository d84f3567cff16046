"""The sections of the terms document, and the document itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from referral_service.programs.terms.conditions import Alternative, Step
from referral_service.programs.terms.document import (
    Attribution,
    Budget,
    Eligibility,
    OnRefund,
    Qualification,
    Schedule,
)
from referral_service.programs.terms.schemas import fields as strict
from referral_service.programs.terms.schemas.gives import give
from referral_service.programs.terms.schemas.rewards import RewardSchema

STEPS_MAX = 20
ALTERNATIVES_MAX = 10
REWARDS_MAX = 20
PRIZES_MAX = 100
LATE_CLAIM_DAYS_MAX = 365

_ATTRIBUTION, _ELIGIBILITY, _QUALIFICATION, _ON_REFUND, _BUDGET, _SCHEDULE = map(
    strict.defaults, (Attribution, Eligibility, Qualification, OnRefund, Budget, Schedule)
)
_CONDITIONS, _STEP = strict.defaults(Alternative), strict.defaults(Step)


class EvidenceList(fields.List[str]):
    """What may prove a referral, each at most once; kept in one order."""

    def __init__(self) -> None:
        known = _ATTRIBUTION["evidence"]
        super().__init__(
            strict.one_of(*known),
            validate=validate.Length(1, len(known)),
            load_default=lambda: list(known),
        )

    def _deserialize(self, *args: Any, **kwargs: Any) -> list[Any]:
        listed: list[Any] = super()._deserialize(*args, **kwargs)
        if len(set(listed)) < len(listed):
            raise ValidationError("Must not name the same evidence twice.")
        return sorted(listed, key=_ATTRIBUTION["evidence"].index)


class AttributionSchema(strict.StrictSchema):
    touch = strict.one_of("first", "last", default=_ATTRIBUTION["touch"])
    window_days = strict.whole(1, strict.DAYS_MAX, default=_ATTRIBUTION["window_days"])
    late_claim_days = strict.whole(0, LATE_CLAIM_DAYS_MAX, default=_ATTRIBUTION["late_claim_days"])
    evidence = EvidenceList()


class EligibilitySchema(strict.StrictSchema):
    referee_is_new = strict.flag(default=_ELIGIBILITY["referee_is_new"])
    referrer_has_purchased = strict.flag(default=_ELIGIBILITY["referrer_has_purchased"])
    referee_audience = strict.Matching()
    referrer_audience = strict.Matching()
    one_program_per_referee = strict.flag(default=_ELIGIBILITY["one_program_per_referee"])
    max_referees_per_referrer = strict.whole(1, strict.COUNT_MAX, default=_ELIGIBILITY["max_referees_per_referrer"])


class _ConditionsSchema(strict.StrictSchema):
    min_amount_minor = strict.amount(low=0, default=_CONDITIONS["min_amount_minor"])
    count = strict.whole(1, strict.COUNT_MAX, default=_CONDITIONS["count"])
    cumulative_minor = strict.amount(default=_CONDITIONS["cumulative_minor"])
    distinct_days = strict.flag(default=_CONDITIONS["distinct_days"])
    where = strict.Matching()
    # A line has a category and an amount: there is nothing else to leave it out by.
    exclude_ = strict.Matching(names=["category"], name="exclude")


class AlternativeSchema(_ConditionsSchema):
    event = strict.event_type()


class PlainStepSchema(_ConditionsSchema):
    key = strict.key(default=_STEP["key"])
    event = strict.event_type(default=_CONDITIONS["event"])

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _demand_a_key(self, _data: Any, original: Any, **_: Any) -> None:
        """The default step says its key itself; a step for another event must be given one."""
        if "key" not in original and original.get("event", _CONDITIONS["event"]) != _CONDITIONS["event"]:
            raise ValidationError({"key": ["Missing data for required field."]})


class AnyOfStepSchema(strict.StrictSchema):
    key = strict.key()
    any_of = strict.list_of(fields.Nested(AlternativeSchema()), 1, ALTERNATIVES_MAX)


_PLAIN_STEP, _ANY_OF_STEP = PlainStepSchema(), AnyOfStepSchema()


def _step_schema(step: Mapping[str, Any]) -> Schema:
    if "any_of" not in step:
        return _PLAIN_STEP
    beside = [name for name in step if name in _CONDITIONS]
    if beside:
        why = "any_of replaces the step's own conditions: say this inside its alternatives."
        raise ValidationError({name: [why] for name in beside})
    return _ANY_OF_STEP


class QualificationSchema(strict.StrictSchema):
    within_days = strict.whole(1, strict.DAYS_MAX, default=_QUALIFICATION["within_days"])
    ordered = strict.flag(default=_QUALIFICATION["ordered"])
    steps = strict.list_of(
        strict.Dispatched(_step_schema, alternatives=[_PLAIN_STEP, _ANY_OF_STEP]),
        1,
        STEPS_MAX,
        default=lambda: [_PLAIN_STEP.load({})],
    )


class OnRefundSchema(strict.StrictSchema):
    spent = strict.one_of("negative_balance", "write_off", default=_ON_REFUND["spent"])
    below_minimum = strict.one_of("reverse", "proportional", default=_ON_REFUND["below_minimum"])
    requalify = strict.flag(default=_ON_REFUND["requalify"])


class BudgetSchema(strict.StrictSchema):
    amount_minor = strict.amount(default=_BUDGET["amount_minor"])
    count = strict.amount(default=_BUDGET["count"])
    reserve = strict.one_of("granted", "claimed", default=_BUDGET["reserve"])


class ScheduleSchema(strict.StrictSchema):
    starts_at = strict.instant(default=_SCHEDULE["starts_at"])
    ends_at = strict.instant(default=_SCHEDULE["ends_at"])
    sunset_days = strict.whole(0, strict.DAYS_MAX, default=_SCHEDULE["sunset_days"])


class PrizeSchema(strict.StrictSchema):
    rank = strict.whole(1, strict.COUNT_MAX)
    give = give()


class TermsSchema(strict.StrictSchema):
    currency = strict.text("[A-Z]{3}", "Must be the three capital letters of an ISO 4217 currency, such as USD.")
    attribution = strict.section(AttributionSchema())
    eligibility = strict.section(EligibilitySchema())
    qualification = strict.section(QualificationSchema())
    rewards = strict.list_of(fields.Nested(RewardSchema()), 0, REWARDS_MAX)
    on_refund = strict.section(OnRefundSchema())
    budget = strict.section(BudgetSchema())
    schedule = strict.section(ScheduleSchema())
    prizes = strict.list_of(fields.Nested(PrizeSchema()), 0, PRIZES_MAX, default=list)


_TERMS = TermsSchema()


class DocumentErrors(ValueError):
    """The document is not of the right form; `by_path` says where and why."""

    def __init__(self, by_path: dict[str, list[str]]) -> None:
        super().__init__("The terms document is not of the right form.")
        self.by_path = by_path


def load_document(doc: object) -> dict[str, Any]:
    """Return the complete, canonical document; raise DocumentErrors, with the root's own errors under ""."""
    try:
        loaded: dict[str, Any] = _TERMS.load(doc)  # type: ignore[arg-type]
    except ValidationError as error:
        by_path: dict[str, list[str]] = {}
        _flatten(error.messages, (), by_path)
        raise DocumentErrors(by_path) from None
    return loaded


def _flatten(messages: Any, path: tuple[str, ...], by_path: dict[str, list[str]]) -> None:
    """Turn marshmallow's nested messages into one list of sentences for each dotted path."""
    if isinstance(messages, dict):
        for name, inner in messages.items():
            _flatten(inner, path if name == "_schema" else (*path, _shown(name)), by_path)
    elif isinstance(messages, list):
        for inner in messages:
            _flatten(inner, path, by_path)
    else:
        by_path.setdefault(".".join(path), []).append(str(messages))


def _shown(name: object) -> str:
    """A field's name as an answer may show it: an unknown one is the sender's text."""
    return str(name)[: strict.NAME_CHARS_MAX].encode("ascii", "backslashreplace").decode()
