"""Programs as they are written over HTTP."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import validate

from referral_service.kit.http.fields import Flag, Moment, RequestSchema, ResponseSchema, Text
from referral_service.kit.http.pagination import PageArgs
from referral_service.kit.http.parameters import path_parameter
from referral_service.programs.check_settings import NAME_CHARACTERS_MAX
from referral_service.programs.create_program import CLICK_PARAMETER, CODE_PARAMETER
from referral_service.programs.policy import (
    ALLOWED_HOSTS_MAX,
    HOST_CHARACTERS_MAX,
    PARAMETER_PATTERN,
    STATUSES,
    URL_BYTES_MAX,
)
from referral_service.programs.terms.schemas.sections import TermsSchema

PROGRAM_ID_PARAMETER = path_parameter(
    "program_id", "The program's id, `prg_…`.", example="prg_01k0c7q2v8f3w9n5x4z6t1r0me"
)


class TermsField(ma.fields.Nested):
    """The terms document: described by its schema, but passed on as it is, for the verbs parse it (see `parse.py`)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(TermsSchema, **options)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if not isinstance(value, dict):
            raise ma.ValidationError("Must be an object.")
        return value

    def _serialize(self, *said: Any, **_: Any) -> Any:
        return said[0]


def _name(**options: Any) -> Text:
    return Text(maximum=NAME_CHARACTERS_MAX, metadata={"description": "For people."}, **options)


def _landing_url(**options: Any) -> Text:
    said = (
        "Where friends are sent, with the code and the click token added to the query. https, or http to this machine."
    )
    return Text(maximum=URL_BYTES_MAX, metadata={"description": said, "format": "uri"}, **options)


def _allowed_hosts(**options: Any) -> ma.fields.List[Any]:
    said = "Other hosts that a share link may lead to, beside the landing URL's own. No scheme, port or wildcard."
    host = Text(maximum=HOST_CHARACTERS_MAX)
    length = validate.Length(max=ALLOWED_HOSTS_MAX)
    return ma.fields.List(host, validate=length, metadata={"description": said}, **options)


def _parameter(said: str, **options: Any) -> ma.fields.String:
    pattern = validate.Regexp(rf"{PARAMETER_PATTERN}\Z", error="Must be 1 to 64 of A-Z, a-z, 0-9, _, ., ~ and -.")
    return ma.fields.String(validate=pattern, metadata={"description": said}, **options)


_CODE_PARAMETER_SAID = "Under which name the public code is added to the landing URL."
_CLICK_PARAMETER_SAID = "Under which name the click token is added to the landing URL."
_SIGNED_ONLY_SAID = "Whether only signed links work, and not /r/{app slug}/{public code}."
_TERMS_SAID = "The whole terms document; only `currency` and `rewards` are required, the answer has every default."


class CreateProgramSchema(RequestSchema):
    name = _name(required=True)
    landing_url = _landing_url(required=True)
    allowed_hosts = _allowed_hosts(load_default=list)
    code_parameter = _parameter(_CODE_PARAMETER_SAID, load_default=CODE_PARAMETER)
    click_parameter = _parameter(_CLICK_PARAMETER_SAID, load_default=CLICK_PARAMETER)
    signed_links_only = Flag(load_default=False, metadata={"description": _SIGNED_ONLY_SAID})
    terms = TermsField(required=True, metadata={"description": _TERMS_SAID})


class ChangeProgramSchema(RequestSchema):
    """What is left out stays as it is. `terms` are replaced whole, and make a new version where they differ."""

    name = _name()
    landing_url = _landing_url()
    allowed_hosts = _allowed_hosts()
    code_parameter = _parameter(_CODE_PARAMETER_SAID)
    click_parameter = _parameter(_CLICK_PARAMETER_SAID)
    signed_links_only = Flag(metadata={"description": _SIGNED_ONLY_SAID})
    terms = TermsField(metadata={"description": _TERMS_SAID})


class ProgramSchema(ResponseSchema):
    id = ma.fields.String(required=True, metadata={"description": "`prg_…`"})
    status = ma.fields.String(required=True, validate=validate.OneOf(STATUSES))
    version = ma.fields.Integer(required=True, metadata={"description": "The newest version of its terms."})
    name = ma.fields.String(required=True)
    landing_url = ma.fields.String(required=True)
    allowed_hosts = ma.fields.List(ma.fields.String(), required=True)
    code_parameter = ma.fields.String(required=True)
    click_parameter = ma.fields.String(required=True)
    signed_links_only = ma.fields.Boolean(required=True)
    terms = TermsField(required=True, metadata={"description": "The newest version's whole terms document."})
    created_at = Moment(required=True)
    version_created_at = Moment(required=True)
    activated_at = Moment(required=True, allow_none=True)
    archived_at = Moment(required=True, allow_none=True)
    ended_at = Moment(required=True, allow_none=True)


class ProgramListArgs(PageArgs):
    status = ma.fields.String(
        load_default=None,
        validate=validate.OneOf(STATUSES),
        metadata={"description": "Only programs that stand like this."},
    )
