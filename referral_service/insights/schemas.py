"""Funnels, leaderboards and liabilities as they are written over HTTP."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import marshmallow as ma

from referral_service.insights.span import DAYS_DEFAULT, DAYS_MAX
from referral_service.insights.stats import CHANNELS_MAX
from referral_service.kit.http.fields import YEAR_MAX, YEAR_MIN, Moment, RequestSchema, ResponseSchema
from referral_service.kit.http.pagination import PageArgs

_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


class DayOrMoment(ma.fields.Field[date]):
    """A date, or an RFC 3339 time, which is a `datetime`."""

    default_error_messages = {  # noqa: RUF012 -- as marshmallow has it
        "invalid": "Neither a date such as 2026-01-31 nor an RFC 3339 time such as 2026-01-31T09:30:00Z.",
        "range": f"Must lie in the years {YEAR_MIN} to {YEAR_MAX}.",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> date:
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            try:
                moment: datetime = Moment().deserialize(value, attr, data)
            except ma.ValidationError:
                raise self.make_error("invalid") from None
            return moment
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise self.make_error("invalid") from None
        if not YEAR_MIN <= day.year <= YEAR_MAX:
            raise self.make_error("range")
        return day


def _edge(name: str, said: str) -> DayOrMoment:
    metadata = {"type": "string", "description": said, "example": "2026-11-21"}
    return DayOrMoment(data_key=name, load_default=None, metadata=metadata)


class StatsArgs(RequestSchema):
    """Which span of time is asked about."""

    start = _edge(
        "from",
        f"From here on: a date (from its start, in UTC) or an RFC 3339 time. Left out: {DAYS_DEFAULT} days in all. "
        f"At most {DAYS_MAX} days before `to`.",
    )
    end = _edge("to", "Up to here: a date (to its end, in UTC) or an RFC 3339 time, included. Left out: today.")


def _count(said: str) -> ma.fields.Integer:
    return ma.fields.Integer(required=True, metadata={"description": said})


class DayStatsSchema(ResponseSchema):
    day = ma.fields.String(required=True, metadata={"description": "A day in UTC.", "format": "date"})
    clicks = _count("Visits of people through share links.")
    claims = _count("Claims that were accepted.")
    conversions = _count("Conversions that happened.")


class ChannelStatsSchema(ResponseSchema):
    channel = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "What the links said (`?ch=`); null where nothing."}
    )
    clicks = _count("Visits of people through such links.")


class StatsSchema(ResponseSchema):
    clicks = _count("Visits of people through share links; previews, prefetches and robots are none.")
    claims = _count("Claims that were accepted, whatever became of them since.")
    conversions = _count("Conversions that happened, whatever became of them since.")
    reversed = _count("How many of these conversions stand reversed now.")
    rewards = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "The rewards granted, or recorded as capped, by the state that each is in now."},
    )
    by_day = ma.fields.List(
        ma.fields.Nested(DayStatsSchema),
        required=True,
        metadata={"description": "The same by days; those on which nothing happened are left out."},
    )
    by_channel = ma.fields.List(
        ma.fields.Nested(ChannelStatsSchema),
        required=True,
        metadata={"description": f"The clicks by channel, the busiest {CHANNELS_MAX} channels first."},
    )


class LeaderboardArgs(PageArgs):
    """Nothing but which page."""


class StandingSchema(ResponseSchema):
    rank = _count("One more than the number of all the program's referrers who have more conversions.")
    customer_id = ma.fields.String(required=True, allow_none=True)
    display_name = ma.fields.String(required=True, allow_none=True)
    conversions = _count("How many of their referrals stand converted.")
    badge = ma.fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "That of their latest released reward in the program that has one."},
    )


class LiabilitySchema(ResponseSchema):
    unit = ma.fields.String(
        required=True, metadata={"description": "A currency (then in minor units), `points`, or a quota's unit."}
    )
    outstanding = _count("Can be spent now, less what customers owe; below zero where they owe more than they hold.")
    held = _count("Granted, and waiting for the end of a hold, an acceptance or a review.")
    expected = _count("What open referrals would bring at fixed amounts, if each of them converted.")


class LiabilitiesSchema(ResponseSchema):
    items = ma.fields.List(ma.fields.Nested(LiabilitySchema), required=True)
