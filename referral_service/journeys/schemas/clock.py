"""The test clock as it is written over HTTP."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from referral_service.kit.http.fields import Moment, RequestSchema, ResponseSchema, WholeNumber

# Ten years.
SECONDS_MAX = 10 * 366 * 24 * 3600


class AdvanceSchema(RequestSchema):
    seconds = WholeNumber(minimum=1, maximum=SECONDS_MAX, metadata={"description": "How far, in seconds."})
    to = Moment(metadata={"description": "Where to, in the app's own time."})

    @ma.validates_schema
    def exactly_one(self, data: dict[str, Any], **_: Any) -> None:
        if len(data) != 1:
            raise ma.ValidationError("Say either seconds or to.")


class AdvancedSchema(ResponseSchema):
    now = Moment(required=True)
