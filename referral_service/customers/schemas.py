"""People as they are written over HTTP, and the fields that every room uses for a customer id and an e-mail address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import validate

from referral_service.customers.emails import EMAIL_CHARACTERS_MAX, is_email
from referral_service.customers.policy import CUSTOMER_ID_CHARACTERS_MAX, customer_id_fault
from referral_service.kit.http.fields import Flag, Moment, RequestSchema, ResponseSchema, Text
from referral_service.kit.http.parameters import path_parameter

ATTRIBUTES_MAX = 50
# What an audience can name (see the terms document): longer ones could never match.
ATTRIBUTE_NAME_CHARACTERS_MAX = 64
ATTRIBUTE_VALUE_CHARACTERS_MAX = 200
DISPLAY_NAME_CHARACTERS_MAX = 200

CUSTOMER_ID_DESCRIPTION = (
    "The app's own id of the person: 1 to 255 printable characters, compared byte by byte, without slash or "
    "backslash, not `.` or `..`, no space at either end. In a path, percent-encode it as one segment."
)
CUSTOMER_ID_PARAMETER = path_parameter(
    "customer_id", CUSTOMER_ID_DESCRIPTION, example="alice", characters_max=CUSTOMER_ID_CHARACTERS_MAX
)


def _demand_few(attributes: dict[str, str]) -> None:
    if len(attributes) > ATTRIBUTES_MAX:
        raise ma.ValidationError(f"Must not name more than {ATTRIBUTES_MAX} attributes.")


class CustomerIdField(Text):
    """An app's own `customer_id`."""

    def __init__(self, **options: Any) -> None:
        metadata = {"description": CUSTOMER_ID_DESCRIPTION} | options.pop("metadata", {})
        super().__init__(maximum=CUSTOMER_ID_CHARACTERS_MAX, validate=_demand_customer_id, metadata=metadata, **options)


class EmailField(Text):
    """An e-mail address; space around it is taken away. Nothing is looked up."""

    def __init__(self, **options: Any) -> None:
        super().__init__(maximum=EMAIL_CHARACTERS_MAX, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs).strip()
        if not is_email(text):
            raise ma.ValidationError("Not a valid e-mail address.")
        return text


class PutCustomerSchema(RequestSchema):
    """A whole profile: what is left out is empty afterwards."""

    email = EmailField(
        load_default=None,
        allow_none=True,
        metadata={"description": "Stored encrypted, and found again by a keyed hash.", "format": "email"},
    )
    display_name = Text(
        load_default=None,
        allow_none=True,
        maximum=DISPLAY_NAME_CHARACTERS_MAX,
        metadata={
            "description": "Shown to others only on leaderboards with `leaderboard_opt_in`, and on the person's own "
            "invitations with `invite_name_opt_in`."
        },
    )
    locale = ma.fields.String(
        load_default=None,
        allow_none=True,
        validate=[
            validate.Length(max=35),
            validate.Regexp(
                r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*\Z", error="Must be a language tag such as uk or pt-BR."
            ),
        ],
        metadata={"description": "A language tag (BCP 47), such as `uk` or `pt-BR`."},
    )
    leaderboard_opt_in = Flag(
        load_default=False,
        metadata={"description": "Whether the person may be shown on leaderboards, by display name."},
    )
    invite_name_opt_in = Flag(
        load_default=False,
        metadata={
            "description": "Whether the person agreed that friends see, by display name, who invites them. Without it "
            "an invitation comes from “a friend”."
        },
    )
    attributes = ma.fields.Dict(
        keys=Text(maximum=ATTRIBUTE_NAME_CHARACTERS_MAX),
        values=Text(maximum=ATTRIBUTE_VALUE_CHARACTERS_MAX),
        load_default=dict,
        validate=_demand_few,
        metadata={
            "maxProperties": ATTRIBUTES_MAX,
            "description": f"What audiences can ask for, as texts; at most {ATTRIBUTES_MAX}. Kept as they are, "
            "so put nothing in them that names a person.",
        },
    )


class CustomerSchema(ResponseSchema):
    id = ma.fields.String(required=True, metadata={"description": "`cus_…`, the id inside the service."})
    customer_id = ma.fields.String(required=True, metadata={"description": "The app's own id of the person."})
    email = ma.fields.String(required=True, allow_none=True)
    display_name = ma.fields.String(required=True, allow_none=True)
    locale = ma.fields.String(required=True, allow_none=True)
    leaderboard_opt_in = ma.fields.Boolean(required=True)
    invite_name_opt_in = ma.fields.Boolean(required=True)
    attributes = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


def _demand_customer_id(text: str) -> None:
    fault = customer_id_fault(text)
    if fault is not None:
        raise ma.ValidationError(fault)
