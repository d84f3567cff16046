"""Codes as they are written over HTTP."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import validate

from referral_service.codes.links import CHANNEL_PATTERN
from referral_service.customers.schemas import CustomerIdField
from referral_service.kit.http.fields import ReadySchema, RequestSchema, Text
from referral_service.kit.http.parameters import path_parameter

STATES = ("active", "revoked")
REASONS = ("code_revoked", "program_not_active", "program_not_started")
CODE_CHARACTERS_MAX = 128

CODE_PARAMETER = path_parameter(
    "code",
    "A code as it was typed (case, hyphens, look-alike letters make no difference), or a signed one.",
    example="K7QM3XTS",
    characters_max=CODE_CHARACTERS_MAX,
)


class IssueCodeSchema(RequestSchema):
    customer_id = CustomerIdField(required=True)
    vanity = Text(
        load_default=None,
        allow_none=True,
        maximum=64,
        metadata={
            "description": "A text of one's own: 3 to 20 letters A to Z and digits, single hyphens between them. "
            "Left out of account where the customer has an active code."
        },
    )
    channel = ma.fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(rf"{CHANNEL_PATTERN}\Z", error="1 to 32 of a-z, 0-9, _ and -."),
        metadata={"description": "How the link will be shared, such as `whatsapp`; noted in its `ch` parameter."},
    )


class CodeSchema(ReadySchema):
    code = ma.fields.String(required=True, metadata={"description": "What people see and type."})
    signed_code = ma.fields.String(
        required=True,
        metadata={"description": "Proves itself with no look-up. Another one after a key rotation; both work."},
    )
    customer_id = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "Whose code it is; null once that person was erased."}
    )
    program_id = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=validate.OneOf(STATES))
    share_url = ma.fields.String(required=True, metadata={"description": "Records a click and redirects."})
    invite_url = ma.fields.String(required=True, metadata={"description": "A page that invites."})
    qr_url = ma.fields.String(required=True, metadata={"description": "The share link as a QR code."})


class CheckedCodeSchema(CodeSchema):
    valid = ma.fields.Boolean(required=True, metadata={"description": "May a claim use it now?"})
    reason = ma.fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(REASONS),
        metadata={"description": "Why it is not valid."},
    )
