"""Share tokens as they are written over HTTP."""

from __future__ import annotations

import marshmallow as ma

from referral_service.kit.http.fields import Moment, RequestSchema, ResponseSchema, Text, WholeNumber
from referral_service.share.tokens import LIFETIME_SECONDS, LIFETIME_SECONDS_MAX, LIFETIME_SECONDS_MIN


class MintShareTokenSchema(RequestSchema):
    program_id = Text(maximum=48, required=True, metadata={"description": "`prg_…`: whose share page it opens."})
    expires_in_seconds = WholeNumber(
        minimum=LIFETIME_SECONDS_MIN,
        maximum=LIFETIME_SECONDS_MAX,
        load_default=LIFETIME_SECONDS,
        metadata={"description": "How long it counts, by the app's own clock: one hour to 366 days."},
    )


class ShareTokenSchema(ResponseSchema):
    token = ma.fields.String(
        required=True,
        metadata={"description": "Capital letters and digits. Whoever holds it sees the customer's share page."},
    )
    url = ma.fields.String(required=True, metadata={"description": "The share page."})
    expires_at = Moment(required=True)
