"""The project's pages as the house tests read them: prose, blocks of code, headings, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from house.source_tree import ROOT, tracked_files

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language and its text."""

    language: str
    text: str


class Page:
    """One Markdown file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.blocks = [Block(*found) for found in _FENCE.findall(self.text)]
        self.prose = _FENCE.sub("", self.text)

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def spans(self) -> list[str]:
        """Code within the prose; one that is folded over two lines is one."""
        return [" ".join(span.split()) for span in _SPAN.findall(self.prose)]

    @property
    def code_lines(self) -> Iterator[str]:
        """Everything that is set as code, a line at a time."""
        for block in self.blocks:
            yield from block.text.splitlines()
        yield from self.spans

    @property
    def links(self) -> list[str]:
        """Targets of links and pictures."""
        return _LINK.findall(_SPAN.sub("", self.prose)) + _LINK.findall(self.prose)

    @property
    def anchors(self) -> set[str]:
        """What `#…` may name, made from headings as GitHub makes it."""
        return {_slug(heading) for heading in _HEADING.findall(self.prose)}


def pages() -> list[Page]:
    """Every Markdown file of the project."""
    return [Page(ROOT / name) for name in sorted(tracked_files()) if name.endswith(".md")]


def page(name: str) -> Page:
    """Return the page of this name, from the project's root."""
    return Page(ROOT / name)


def _slug(heading: str) -> str:
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
