"""Notifications as they are written over HTTP."""

from __future__ import annotations

import marshmallow as ma

from referral_service.kit.http.fields import Moment, QueryNumber, ResponseSchema
from referral_service.kit.http.pagination import PageArgs

POSITION_MAX = 2**53 - 1


class NotificationArgs(PageArgs):
    after = QueryNumber(
        load_default=0,
        maximum=POSITION_MAX,
        metadata={"description": "The position of the last notification that was read; 0 from the beginning."},
    )


class ChangeSchema(ma.Schema):
    object = ma.fields.Dict(required=True, metadata={"description": "The object as its GET showed it then."})
    previous_state = ma.fields.String(required=True, allow_none=True)
    state = ma.fields.String(required=True)
    reason = ma.fields.String(required=True, allow_none=True)


class NotificationSchema(ResponseSchema):
    type = ma.fields.String(required=True)
    id = ma.fields.String(required=True, metadata={"description": "`ntf_…`, the same each time it is sent or read."})
    timestamp = Moment(required=True)
    api_version = ma.fields.String(
        required=True, metadata={"description": "The version of the API whose GET shows `object` in this way."}
    )
    object_id = ma.fields.String(
        required=True, metadata={"description": "The object that changed, by one name for ever."}
    )
    sequence = ma.fields.Integer(required=True, metadata={"description": "Counts this object's changes from 1."})
    position = ma.fields.Integer(
        required=True,
        metadata={"description": "Its place in the one order of all notifications of the app, without gaps."},
    )
    data = ma.fields.Nested(ChangeSchema, required=True)
