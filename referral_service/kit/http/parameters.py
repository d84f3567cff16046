"""Parameters of paths, as they are documented."""

from __future__ import annotations

from typing import Any


def path_parameter(name: str, said: str, *, example: str, characters_max: int | None = None) -> dict[str, Any]:
    """Return the documentation of one parameter of a path; `example` is one as callers will meet it."""
    schema: dict[str, Any] = {"type": "string", "minLength": 1}
    if characters_max is not None:
        schema["maxLength"] = characters_max
    return {"name": name, "in": "path", "required": True, "description": said, "schema": schema, "example": example}
