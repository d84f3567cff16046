"""A script with a program's settings in it, ready to be sent."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from referral_service.share.scripts.settings import ScriptSettings

# The settings stand where the source has this.
PLACE = '"{{program}}"'
_FOLDER = Path(__file__).parent
_RENDERED_MAX = 1024


@dataclass(frozen=True, slots=True)
class Script:
    """The bytes to send, plain and compressed, and a tag that is another when they are."""

    body: bytes
    compressed: bytes
    tag: str


def _attribution(settings: ScriptSettings) -> dict[str, Any]:
    return {
        "id": settings.program_id,
        "code_parameter": settings.code_parameter,
        "click_parameter": settings.click_parameter,
        "touch": settings.touch,
        "window_days": settings.window_days,
        "consent": settings.consent,
    }


def _widget(settings: ScriptSettings) -> dict[str, Any]:
    return {"id": settings.program_id}


_SETTINGS: dict[str, Callable[[ScriptSettings], dict[str, Any]]] = {
    "attribution.js": _attribution,
    "widget.js": _widget,
}
_SOURCES = {name: (_FOLDER / name).read_text(encoding="utf-8") for name in _SETTINGS}


@lru_cache(maxsize=_RENDERED_MAX)
def render(name: str, settings: ScriptSettings) -> Script:
    """Return `attribution.js` or `widget.js` for a program."""
    # Escaped so that it is the same value in a file and inside a script element.
    value = json.dumps(_SETTINGS[name](settings)).replace("<", "\\u003c")
    body = _SOURCES[name].replace(PLACE, value, 1).encode()
    return Script(body, gzip.compress(body, mtime=0), hashlib.sha256(body).hexdigest()[:20])
