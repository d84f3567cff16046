"""Apps and API keys as they are written over HTTP."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import validate

from referral_service.kit.http.fields import Moment, RequestSchema, ResponseSchema, Text, WholeNumber
from referral_service.kit.http.parameters import path_parameter
from referral_service.tenants.open_app import SLUG_CHARACTERS_MAX
from referral_service.tenants.rotate_key import GRACE_SECONDS_MAX
from referral_service.tenants.scopes import TENANT_SCOPES
from referral_service.tenants.tenant import LIVE, TEST

KEY_ID_PARAMETER = path_parameter("key_id", "The key's id, `key_…`.", example="key_01k0c7r5d2a8h4j6k9m3p7s1vb")


class OpenAppSchema(RequestSchema):
    name = Text(required=True, maximum=100, metadata={"description": "For people."})
    mode = ma.fields.String(
        load_default=LIVE,
        validate=validate.OneOf([LIVE, TEST]),
        metadata={"description": "A test app has a clock of its own, which can be advanced."},
    )
    slug = Text(
        load_default=None,
        allow_none=True,
        maximum=SLUG_CHARACTERS_MAX,
        validate=validate.Regexp("^[a-z0-9]+(-[a-z0-9]+)*$", error="Lower-case letters, digits and single hyphens."),
        metadata={"description": "Part of pretty share links; made from the name where it is left out."},
    )
    now = Moment(
        load_default=None,
        allow_none=True,
        metadata={"description": "Where a test app's clock begins: a moment in the past."},
    )


class AppSchema(ResponseSchema):
    id = ma.fields.String(required=True, attribute="public_id", metadata={"description": "`app_…`"})
    name = ma.fields.String(required=True)
    slug = ma.fields.String(required=True)
    mode = ma.fields.String(required=True, validate=validate.OneOf([LIVE, TEST]))
    created_at = Moment(required=True)


class OpenedAppSchema(AppSchema):
    now = Moment(required=True, metadata={"description": "What the app's own clock shows."})
    api_key = ma.fields.String(required=True, metadata={"description": "An admin key, shown this once."})


class CreateKeySchema(RequestSchema):
    name = Text(required=True, maximum=100, metadata={"description": "What the key is for."})
    scopes = ma.fields.List(
        ma.fields.String(validate=validate.OneOf([str(it) for it in TENANT_SCOPES])),
        required=True,
        validate=validate.Length(min=1, max=len(TENANT_SCOPES)),
        metadata={"description": "`admin` includes `write`, and `write` includes `read`."},
    )
    expires_at = Moment(load_default=None, allow_none=True)


class RotateKeySchema(RequestSchema):
    grace_seconds = WholeNumber(
        load_default=24 * 3600,
        maximum=GRACE_SECONDS_MAX,
        metadata={"description": "How long the old key still works; 0 revokes it at once."},
    )


class KeySchema(ResponseSchema):
    id = ma.fields.String(required=True, metadata={"description": "`key_…`"})
    name = ma.fields.String(required=True)
    prefix = ma.fields.String(required=True, metadata={"description": "How the key begins, to recognise it by."})
    scopes = ma.fields.List(ma.fields.String(), required=True)
    created_at = Moment(required=True)
    expires_at = Moment(required=True, allow_none=True)
    revoked_at = Moment(required=True, allow_none=True)


class NewKeySchema(KeySchema):
    api_key = ma.fields.String(required=True, metadata={"description": "The key itself, shown this once."})
