"""Writes docs/errors.md from the catalogue: `make errors`. The page is generated, so that it cannot fall behind."""

from __future__ import annotations

import referral_service.app  # noqa: F401  (imports every room, and so every error)
from referral_service.kit.errors import Problem, catalogue

HEAD = """# Errors

Every error is `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) with a stable `code`. The
`type` of an answer leads to its section here. `detail` says more about the case at hand where more is known, `errors`
names the fields that are wrong, and some codes carry facts of their own, such as `referral_id`.

Branch on `code`, never on `title` or `detail`: those are written for people and may be reworded.

| code | status | title |
|---|---|---|
"""


def render() -> str:
    """The whole page."""
    kinds = catalogue()
    table = "".join(f"| [`{kind.code}`](#{kind.code}) | {kind.status} | {kind.title} |\n" for kind in kinds)
    return HEAD + table + "".join(map(section, kinds))


def section(kind: type[Problem]) -> str:
    """One error: its heading is the anchor that `type` points to."""
    return f"\n## {kind.code}\n\n`{kind.status}` {kind.title}\n\n{kind.remedy}\n"


if __name__ == "__main__":
    print(render(), end="")  # noqa: T201  (the page is the output)
