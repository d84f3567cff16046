"""What people decide about referrals, as it is written over HTTP: reviews, and moves to newer terms."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import validate

from referral_service.journeys.claiming.migrate_referrals import BATCH_MAX, SAMPLE_MAX
from referral_service.journeys.schemas.claims import STATES
from referral_service.kit.http.fields import Flag, Moment, RequestSchema, ResponseSchema, Text, WholeNumber

REASON_CHARACTERS_MAX = 500
VERSION_MAX = 1_000_000


class ReviewSchema(RequestSchema):
    reason = Text(
        load_default=None,
        allow_none=True,
        maximum=REASON_CHARACTERS_MAX,
        metadata={"description": "Why; kept in the audit log. Name nobody in it."},
    )


class MigrateSchema(RequestSchema):
    to_version = WholeNumber(
        required=True,
        minimum=1,
        maximum=VERSION_MAX,
        metadata={"description": "The version of the program's terms that older open referrals are moved to."},
    )
    dry_run = Flag(
        load_default=False, metadata={"description": "Tell what would change, and change nothing.", "default": False}
    )
    reason = Text(required=True, maximum=REASON_CHARACTERS_MAX, metadata={"description": "Why; kept in the audit log."})


class MovedReferralSchema(ResponseSchema):
    referral_id = ma.fields.String(required=True)
    from_version = ma.fields.Integer(required=True)
    expires_at_before = Moment(required=True)
    expires_at = Moment(required=True)
    state = ma.fields.String(
        required=True,
        validate=validate.OneOf(STATES),
        metadata={"description": "Where it stands by the new terms: still pending, or converted, rejected, expired."},
    )
    reason = ma.fields.String(required=True, allow_none=True)


class MigrationSchema(ResponseSchema):
    program_id = ma.fields.String(required=True)
    to_version = ma.fields.Integer(required=True)
    dry_run = ma.fields.Boolean(required=True)
    moved = ma.fields.Integer(
        required=True, metadata={"description": f"How many were moved: up to {BATCH_MAX} in one call."}
    )
    remaining = ma.fields.Integer(
        required=True, metadata={"description": "How many can still be moved: call again until there are none."}
    )
    states: Any = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "How many of those that were looked at stand where."},
    )
    items = ma.fields.List(
        ma.fields.Nested(MovedReferralSchema),
        required=True,
        metadata={"description": f"What changes for each, of up to {SAMPLE_MAX}."},
    )
