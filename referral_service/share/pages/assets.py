"""The pages' style sheet and scripts: small, read once, kept by browsers for good under the name of their content."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent / "static"
_TAG_CHARACTERS = 16
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file. `tag` is a hash of it, and part of its address."""

    name: str
    content_type: str
    body: bytes
    compressed: bytes
    tag: str

    @property
    def path(self) -> str:
        """Where it is served."""
        return f"/assets/share/{self.tag}/{self.name}"


def _load(path: Path) -> Asset:
    body = path.read_bytes()
    tag = hashlib.sha256(body).hexdigest()[:_TAG_CHARACTERS]
    return Asset(path.name, _TYPES[path.suffix], body, gzip.compress(body, mtime=0), tag)


ASSETS = {path.name: _load(path) for path in sorted(_FOLDER.iterdir())}
