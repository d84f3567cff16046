"""What the OpenAPI document says of a field beyond what apispec knows: exact patterns, bounds and alternatives.

Each function is one of apispec's attribute functions: it is bound to the converter, gets a field and what has been
said of it so far, and returns what is to be added.
"""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from referral_service.kit.http.fields import Text

# What `Text` refuses.
NO_CONTROL_CHARACTERS = r"^[^\x00-\x1f\x7f]*$"


def ecma_pattern(pattern: str) -> str:
    """Return a pattern as JSON Schema has them (ECMA-262, found anywhere in the text) for one of Python's that is
    matched at the beginning.
    """
    whole = pattern.removesuffix(r"\Z")
    if whole == pattern:
        return pattern if pattern.startswith("^") else f"^(?:{pattern})"
    return f"^(?:{whole})$" if "|" in whole else f"^{whole}$"


def describe_pattern(_converter: Any, field: ma.fields.Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """Patterns that every reader understands; `Text` has one even where it was given none."""
    if "pattern" in ret:
        return {"pattern": ecma_pattern(ret["pattern"])}
    return {"pattern": NO_CONTROL_CHARACTERS} if isinstance(field, Text) else {}


def describe_size(_converter: Any, field: ma.fields.Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """An object's size is counted in members; apispec counts it in characters."""
    if not isinstance(field, ma.fields.Dict):
        return {}
    counted = {"minLength": "minProperties", "maxLength": "maxProperties"}
    return {ours: ret.pop(theirs) for theirs, ours in counted.items() if theirs in ret}


def describe_alternatives(converter: Any, field: ma.fields.Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """A field with `alternatives` (schemas) is one of several objects."""
    alternatives: tuple[ma.Schema, ...] = getattr(field, "alternatives", ())
    if not alternatives:
        return {}
    ret.pop("type", None)
    return {"oneOf": [converter.resolve_nested_schema(schema) for schema in alternatives]}


DESCRIPTIONS = (describe_pattern, describe_size, describe_alternatives)
