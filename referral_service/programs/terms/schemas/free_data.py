"""The one place where the terms hold what is not ours: the data of a custom reward, any JSON within bounds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from marshmallow import ValidationError, fields

DATA_DEPTH_MAX = 6
DATA_NODES_MAX = 200
DATA_TEXT_CHARS_MAX = 1024
# The largest whole number that every JSON reader keeps exactly (RFC 8259, section 6).
DATA_NUMBER_MAX = 2**53 - 1


class FreeData(fields.Field[dict[str, Any]]):
    """Any JSON object, within bounds on its depth, its size and its numbers."""

    def __init__(self) -> None:
        super().__init__(load_default=dict, metadata={"type": "object"})

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("Must be an object.")
        waiting: list[tuple[object, int]] = [(value, 1)]
        for seen, (node, depth) in enumerate(_grow(waiting), start=1):
            if depth > DATA_DEPTH_MAX:
                raise ValidationError(f"Must not be nested deeper than {DATA_DEPTH_MAX} levels.")
            if seen > DATA_NODES_MAX:
                raise ValidationError(f"Must not hold more than {DATA_NODES_MAX} values.")
            if why := _refusal_of_data(node):
                raise ValidationError(why)
        return value


def _grow(waiting: list[tuple[object, int]]) -> Iterator[tuple[object, int]]:
    """Yield every value of a JSON tree with its depth, without recursion; the caller stops at its bounds."""
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        if isinstance(node, dict):
            waiting.extend((name, depth + 1) for name in node)
            waiting.extend((child, depth + 1) for child in node.values())
        elif isinstance(node, list):
            waiting.extend((child, depth + 1) for child in node)


def _refusal_of_data(node: object) -> str | None:
    match node:
        case None | bool() | dict() | list():
            return None
        case str():
            well_formed = len(node) <= DATA_TEXT_CHARS_MAX and "\x00" not in node
            surrogates = any("\ud800" <= char <= "\udfff" for char in node)
            return None if well_formed and not surrogates else "Holds a text that is too long or not well-formed."
        case int():
            return None if abs(node) <= DATA_NUMBER_MAX else "Holds a number that not every reader keeps exactly."
        case float():
            return None if math.isfinite(node) else "Holds a number that is not finite."
        case _:
            return "Must hold JSON values only."
