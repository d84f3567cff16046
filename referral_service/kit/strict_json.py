"""JSON as RFC 8259 and RFC 7493 (I-JSON) mean it, with a limit on everything.

The standard parser takes duplicate keys, NaN, infinite floats, lone surrogates and endless integers, and
falls over deep nesting. Here every such body is refused with a reason before any of it is used.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import orjson

INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
# The longest float that a serializer writes has 25 characters; this is generous, and bounds the work.
_NUMBER_CHARACTERS_MAX = 64

SENTENCES = {
    "bad_number": "A number is not finite, or an integer does not fit 64 bits.",
    "duplicate_key": "An object has the same key twice.",
    "lone_surrogate": "A text holds half of a surrogate pair.",
    "not_utf8": "The body is not UTF-8.",
    "nul_character": "A text holds the character NUL.",
    "string_too_long": "A text is longer than is allowed here.",
    "syntax": "The body is not one JSON document.",
    "too_deep": "Objects and arrays are nested too deeply.",
    "too_large": "The body is larger than is allowed here.",
}

_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_NEITHER_QUOTE_NOR_BRACKET = bytes(set(range(256)) - set(b'"[]{}'))
_SURROGATE = re.compile("[\ud800-\udfff]")


class MalformedJson(ValueError):
    """A body that is refused. `reason` is a key of SENTENCES, the text its sentence, and where, if known."""

    def __init__(self, reason: str, where: str = "") -> None:
        super().__init__(f"{SENTENCES[reason]} {where}".rstrip())
        self.reason = reason


def loads(
    raw: bytes,
    *,
    max_bytes: int,
    max_depth: int = 32,
    max_string: int = 1024,
    longer: Mapping[tuple[str, ...], int] | None = None,
) -> Any:
    """Return the one JSON document in `raw`; raise MalformedJson for anything else.

    `max_depth` counts nested objects and arrays, `max_string` the characters of each string and key. Integers
    must fit 64 bits with a sign, floats must be finite; a float too small to be held becomes zero. `longer` says how
    many characters a string may have at a few places of nested objects, given by their keys.
    """
    if len(raw) > max_bytes:
        raise MalformedJson("too_large")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedJson("not_utf8") from None
    _check_depth(raw, max_depth)
    try:
        document = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise MalformedJson("syntax", f"See line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise MalformedJson("too_deep") from None
    if _may_hold_bad_strings(raw, max_string):
        _check_strings(document, max_string, longer or {})
    return document


def dumps(document: Any) -> bytes:
    """Return the document as compact UTF-8; raise TypeError for what JSON or 64 bits cannot hold."""
    return orjson.dumps(document)


def _check_depth(raw: bytes, max_depth: int) -> None:
    """Refuse deep nesting before the parser, which recurses, meets it.

    Without escapes every quote opens or closes a string, and what is left between two strings are brackets. As
    far as the parser gets before its first error it sees the same strings, so it never goes deeper than this.
    """
    if raw.count(b"[") + raw.count(b"{") <= max_depth:
        return
    if b"\\" in raw:
        raw = _ESCAPE.sub(b"", raw)
    skeleton = raw.translate(None, _NEITHER_QUOTE_NOR_BRACKET).replace(b'""', b"")
    depth = 0
    for bracket in b"".join(skeleton.split(b'"')[::2]):
        if bracket in b"[{":
            depth += 1
            if depth > max_depth:
                raise MalformedJson("too_deep")
        else:
            depth -= 1


def _may_hold_bad_strings(raw: bytes, max_string: int) -> bool:
    """Tell whether any string needs a look; valid JSON writes NUL and surrogates as escapes only."""
    if b"\\" in raw:
        return True
    return len(raw) > max_string and re.search(rb'"[^"]{%d}' % (max_string + 1), raw) is not None


def _check_strings(document: Any, max_string: int, longer: Mapping[tuple[str, ...], int]) -> None:
    # By identity: the parser makes each value anew.
    bounds = {id(_at(document, place)): characters for place, characters in longer.items()}
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if len(value) > bounds.get(id(value), max_string):
                raise MalformedJson("string_too_long")
            if "\0" in value:
                raise MalformedJson("nul_character")
            if not value.isascii() and _SURROGATE.search(value):
                raise MalformedJson("lone_surrogate")
        elif isinstance(value, dict):
            waiting.extend(value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _at(document: Any, place: tuple[str, ...]) -> Any:
    for key in place:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise MalformedJson("duplicate_key")
    return unique


def _integer(literal: str) -> int:
    # Checked before it is converted: int() refuses more than 4300 digits and takes quadratic time below.
    if len(literal) > _NUMBER_CHARACTERS_MAX or not INTEGER_MIN <= (number := int(literal)) <= INTEGER_MAX:
        raise MalformedJson("bad_number")
    return number


def _float(literal: str) -> float:
    if len(literal) > _NUMBER_CHARACTERS_MAX or not math.isfinite(number := float(literal)):
        raise MalformedJson("bad_number")
    return number


def _constant(_literal: str) -> Any:
    """NaN, Infinity and -Infinity are JavaScript, not JSON."""
    raise MalformedJson("bad_number")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant)
