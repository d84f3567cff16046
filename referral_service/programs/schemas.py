"""Programs as they are written over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import marshmallow as ma
from marshmallow import validate

from referral_service.kit.http.fields import Flag, Moment, RequestSchema, ResponseSchema, Text
from referral_service.kit.http.limits import API_BODY_BYTES_MAX
from referral_service.kit.http.pagination import PageArgs
from referral_service.kit.http.parameters import path_parameter
from referral_service.programs.branding import COLOUR, LINKS_LEAD_TO, TEXTS
from referral_service.programs.check_branding import (
    COLOUR_PATTERN,
    DISPLAY_NAME_CHARACTERS_MAX,
    EMBED_ORIGINS_MAX,
    LANGUAGES_MAX,
    ORIGIN_CHARACTERS_MAX,
)
from referral_service.programs.check_settings import NAME_CHARACTERS_MAX
from referral_service.programs.create_program import CLICK_PARAMETER, CODE_PARAMETER
from referral_service.programs.logo import (
    BYTES_MAX,
    DATA_URL_CHARACTERS_MAX,
    DATA_URL_PATTERN,
    SENT_SIDE_MAX,
    SIDE_MAX,
    UnusableLogo,
    read_logo,
)
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


class LogoField(ma.fields.String):
    """A picture as a data URL, read into a `Logo`."""

    def __init__(self, **options: Any) -> None:
        said = (
            f"A still PNG, JPEG or WebP of at most {BYTES_MAX // 1024} KiB and {SENT_SIDE_MAX} pixels a side, as a "
            f"data URL in base64. It is drawn anew as a PNG of at most {SIDE_MAX} pixels a side."
        )
        metadata = {"description": said, "maxLength": DATA_URL_CHARACTERS_MAX, "pattern": f"^{DATA_URL_PATTERN}$"}
        super().__init__(metadata=metadata, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return read_logo(text)
        except UnusableLogo as error:
            raise ma.ValidationError(str(error)) from None


class ByLanguage(ma.fields.Dict):
    """One object for each language. What is wrong is named by the way that leads to it, and by nothing else."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> Any:
        try:
            return super()._deserialize(value, attr, data, **options)  # type: ignore[no-untyped-call]
        except ma.ValidationError as error:
            if not isinstance(error.messages, dict):
                raise
            plain = {language: wrong.get("value", wrong) for language, wrong in error.messages.items()}
            raise ma.ValidationError(plain) from None


def _text(name: str, said: str) -> Text:
    description = f"{said} Plain text with {{referrer}}, {{program}}, {{offer}} and {{link}}; null: made of the terms."
    return Text(maximum=TEXTS[name], load_default=None, allow_none=True, metadata={"description": description})


def _address(said: str) -> Text:
    metadata = {"description": f"{said} https only.", "format": "uri"}
    return Text(maximum=URL_BYTES_MAX, load_default=None, allow_none=True, metadata=metadata)


class BrandingTextsSchema(RequestSchema):
    headline = _text("headline", "The invite page's first line.")
    lead = _text("lead", "What stands below it.")
    button = _text("button", "What the one button says.")
    share_message = _text("share_message", "What is sent along with the link.")


class BrandingSchema(RequestSchema):
    """How the program's pages look. What is left out has its default: a branding is replaced whole."""

    display_name = Text(
        maximum=DISPLAY_NAME_CHARACTERS_MAX,
        load_default=None,
        allow_none=True,
        metadata={"description": "What people know you by; null: the program's name."},
    )
    colour = ma.fields.String(
        load_default=COLOUR,
        validate=validate.Regexp(rf"{COLOUR_PATTERN}\Z", error="Must be a colour such as #5b21b6."),
        metadata={
            "description": "Any colour: what is written on it, and the tones of it that are text, are chosen so that "
            "they can be read."
        },
    )
    logo = LogoField(load_default=None, allow_none=True)
    logo_url = Text(
        maximum=URL_BYTES_MAX,
        load_default=None,
        allow_none=True,
        metadata={"description": "As the answer has it: keeps the logo that is there. No other address is taken."},
    )
    terms_url = _address("The terms that people agree to.")
    privacy_url = _address("What becomes of people's data.")
    embed_origins = ma.fields.List(
        Text(maximum=ORIGIN_CHARACTERS_MAX),
        load_default=list,
        validate=validate.Length(max=EMBED_ORIGINS_MAX),
        metadata={
            "description": "Where the share panel may be framed: origins as browsers write them, such as "
            "`https://shop.example`. None: nowhere."
        },
    )
    attribution_consent = Flag(
        load_default=False,
        metadata={"description": "Whether the attribution script keeps nothing before the visitor has agreed."},
    )
    links_lead_to = ma.fields.String(
        load_default=LINKS_LEAD_TO[0],
        validate=validate.OneOf(LINKS_LEAD_TO),
        metadata={
            "description": "Where the links lead that the share page, the widget and messages carry: to the "
            "invitation, or straight to your landing page."
        },
    )
    texts = ByLanguage(
        keys=ma.fields.String(),
        values=ma.fields.Nested(BrandingTextsSchema),
        load_default=dict,
        metadata={
            "maxProperties": LANGUAGES_MAX,
            "description": f"By language, such as `uk` or `pt-BR`; at most {LANGUAGES_MAX}.",
        },
    )


class BrandingTextsShownSchema(ResponseSchema):
    headline = ma.fields.String(required=True, allow_none=True)
    lead = ma.fields.String(required=True, allow_none=True)
    button = ma.fields.String(required=True, allow_none=True)
    share_message = ma.fields.String(required=True, allow_none=True)


class BrandingShownSchema(ResponseSchema):
    display_name = ma.fields.String(required=True, allow_none=True)
    colour = ma.fields.String(required=True)
    logo_url = ma.fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Where the logo is served, as a PNG; another logo has another address."},
    )
    terms_url = ma.fields.String(required=True, allow_none=True)
    privacy_url = ma.fields.String(required=True, allow_none=True)
    embed_origins = ma.fields.List(ma.fields.String(), required=True)
    attribution_consent = ma.fields.Boolean(required=True)
    links_lead_to = ma.fields.String(required=True, validate=validate.OneOf(LINKS_LEAD_TO))
    texts = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(BrandingTextsShownSchema), required=True)


def _branding() -> ma.fields.Nested:
    return ma.fields.Nested(BrandingSchema, metadata={"description": "How the program's pages look and what they say."})


# No other text of a program is longer than any body's may be. Larger pictures are refused as such.
LONG_TEXTS: Mapping[tuple[str, ...], int] = {("branding", "logo"): API_BODY_BYTES_MAX}


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
    long_texts: ClassVar[Mapping[tuple[str, ...], int]] = LONG_TEXTS

    name = _name(required=True)
    landing_url = _landing_url(required=True)
    allowed_hosts = _allowed_hosts(load_default=list)
    code_parameter = _parameter(_CODE_PARAMETER_SAID, load_default=CODE_PARAMETER)
    click_parameter = _parameter(_CLICK_PARAMETER_SAID, load_default=CLICK_PARAMETER)
    signed_links_only = Flag(load_default=False, metadata={"description": _SIGNED_ONLY_SAID})
    branding = _branding()
    terms = TermsField(required=True, metadata={"description": _TERMS_SAID})


class ChangeProgramSchema(RequestSchema):
    """What is left out stays as it is. `branding` and `terms` are replaced whole; other `terms` make a new version."""

    long_texts: ClassVar[Mapping[tuple[str, ...], int]] = LONG_TEXTS

    name = _name()
    landing_url = _landing_url()
    allowed_hosts = _allowed_hosts()
    code_parameter = _parameter(_CODE_PARAMETER_SAID)
    click_parameter = _parameter(_CLICK_PARAMETER_SAID)
    signed_links_only = Flag(metadata={"description": _SIGNED_ONLY_SAID})
    branding = _branding()
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
    branding = ma.fields.Nested(BrandingShownSchema, required=True)
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
