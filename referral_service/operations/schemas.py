"""What health checks answer."""

from __future__ import annotations

import marshmallow as ma

from referral_service.kit.http.fields import ResponseSchema


class HealthSchema(ResponseSchema):
    status = ma.fields.String(required=True, metadata={"description": "`ok`"})
