"""What may be logged of an error."""

from __future__ import annotations

import traceback
from typing import Any

CAUSES_MAX, FRAMES_MAX = 5, 30


def told(error: BaseException) -> dict[str, Any]:
    """Return its kinds, its places, and by which name the database calls it (`40P01`, `SQLITE_BUSY`).

    Not its text: that may quote a person's data (a value that is not unique, say).
    """
    kinds: list[str] = []
    link: BaseException | None = error
    while link is not None and len(kinds) < CAUSES_MAX:
        kinds.append(f"{type(link).__module__}.{type(link).__qualname__}")
        link = link.__cause__ or link.__context__
    original = getattr(error, "orig", None)
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_MAX:]
    return {
        "error": kinds,
        "database_error": getattr(original, "sqlstate", None) or getattr(original, "sqlite_errorname", None),
        "traceback": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
