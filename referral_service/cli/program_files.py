"""What the commands about programs read from files: JSON documents, and the picture of a logo."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import click
import marshmallow as ma

from referral_service.kit import strict_json
from referral_service.kit.errors import InvalidRequest, MalformedBody
from referral_service.kit.http.problems import flatten
from referral_service.programs.logo import BYTES_MAX as LOGO_BYTES_MAX
from referral_service.programs.schemas import LONG_TEXTS

_BYTES_MAX = 64 * 1024
# By the first bytes of each, as their specifications have them.
_KINDS = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"RIFF", "webp"))
# What a file may be that is none of them: whoever reads it says what is taken.
_OTHER_KINDS = {".svg": "svg+xml"}

READABLE_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
branding_option = click.option(
    "--branding", type=READABLE_FILE, help="How its pages look, as JSON: the `branding` of POST /v1/programs."
)
logo_option = click.option("--logo", type=READABLE_FILE, help="A PNG, JPEG or WebP of at most 32 KiB.")


def document_in(file: Path) -> dict[str, Any]:
    """Read the one JSON object of a file; raise MalformedBody."""
    with click.open_file(str(file), "rb") as opened_file:
        raw = opened_file.read(_BYTES_MAX + 1)
    # The file holds a whole body, or the branding alone.
    longer = {**LONG_TEXTS, **{place[1:]: characters for place, characters in LONG_TEXTS.items()}}
    try:
        document = strict_json.loads(raw, max_bytes=_BYTES_MAX, longer=longer)
    except strict_json.MalformedJson as error:
        raise MalformedBody(str(error)) from None
    if not isinstance(document, dict):
        raise MalformedBody("The file must hold one JSON object.")
    return document


def logo_in(file: Path) -> str:
    """Read a picture, and return it as a data URL; whether it can be used is for the branding to say."""
    with click.open_file(str(file), "rb") as opened_file:
        raw = opened_file.read(LOGO_BYTES_MAX + 1)
    found = next((kind for start, kind in _KINDS if raw.startswith(start)), None)
    kind = found or _OTHER_KINDS.get(file.suffix.lower(), "octet-stream")
    return f"data:image/{kind};base64,{b64encode(raw).decode('ascii')}"


def checked(schema: ma.Schema, document: dict[str, Any]) -> dict[str, Any]:
    """Return what a schema reads; raise InvalidRequest, which names every fault."""
    try:
        body: dict[str, Any] = schema.load(document)
    except ma.ValidationError as error:
        raise InvalidRequest(errors=flatten(error.messages, root="body")) from None
    return body
