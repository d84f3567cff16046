"""One reward of the terms document."""

from __future__ import annotations

from marshmallow import fields

from referral_service.programs.terms.rewards import Cap, Limit, Reward
from referral_service.programs.terms.schemas import fields as strict
from referral_service.programs.terms.schemas.gives import give

NTHS_MAX = 50
MONTHS_MAX = 120
MOMENT = rf"claimed|converted|repeat_purchase|every_purchase|step:{strict.KEY}|event:{strict.EVENT_TYPE}"

_CAP, _LIMIT, _REWARD = map(strict.defaults, (Cap, Limit, Reward))


class _NthSchema(strict.StrictSchema):
    """What the n-th grant may give instead."""

    amount_minor = strict.amount(default=None)
    quantity = strict.amount(default=None)
    percent = strict.percent(default=None)
    badge = strict.badge()


class TierSchema(_NthSchema):
    from_nth = strict.whole(1, strict.COUNT_MAX, name="from")


class MilestoneSchema(_NthSchema):
    at = strict.whole(1, strict.COUNT_MAX)


class CapSchema(strict.StrictSchema):
    count = strict.whole(1, strict.COUNT_MAX, default=_CAP["count"])
    amount_minor = strict.amount(default=_CAP["amount_minor"])
    per = strict.one_of("lifetime", "calendar_year", "calendar_month", "rolling_30_days", default=_CAP["per"])


class LimitSchema(strict.StrictSchema):
    count = strict.whole(1, strict.COUNT_MAX, default=_LIMIT["count"])
    months = strict.whole(1, MONTHS_MAX, default=_LIMIT["months"])


class RewardSchema(strict.StrictSchema):
    key = strict.key()
    side = strict.one_of("referrer", "referee", "self")
    on = strict.text(MOMENT, "Must be claimed, converted, repeat_purchase, every_purchase, step:<key> or event:<type>.")
    give = give()
    hold_days = strict.whole(0, strict.DAYS_MAX, default=_REWARD["hold_days"])
    accept_within_days = strict.whole(1, strict.DAYS_MAX, default=_REWARD["accept_within_days"])
    expires_days = strict.whole(1, strict.DAYS_MAX, default=_REWARD["expires_days"])
    tiers = strict.list_of(fields.Nested(TierSchema()), 0, NTHS_MAX, default=list)
    every = strict.whole(1, strict.COUNT_MAX, default=_REWARD["every"])
    milestones = strict.list_of(fields.Nested(MilestoneSchema()), 0, NTHS_MAX, default=list)
    cap = fields.Nested(CapSchema(), load_default=_REWARD["cap"], allow_none=True)
    audience = strict.Matching()
    limit = strict.section(LimitSchema())
    value_minor = strict.amount(low=0, default=_REWARD["value_minor"])
    on_refund = strict.one_of("reverse", "keep", default=_REWARD["on_refund"])
