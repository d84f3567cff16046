"""A page as a reader sees it: its texts, links and structure. Markup that is not whole is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "link", "input", "img", "br", "hr"}


@dataclass(slots=True)
class PageSeen(HTMLParser):
    """What stands on a page. `links` are what can be followed, by the text on them."""

    texts: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    _open: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {names}"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        opened = self._open.pop()[0] if self._open else None
        assert opened == tag, f"</{tag}> closes <{opened}>"

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if not text or any(attributes.get("aria-hidden") == "true" for _, attributes in self._open):
            return
        self.texts.append(text)
        for tag, attributes in self._open:
            if tag == "a":
                self.links[text] = attributes["href"] or ""

    @property
    def text(self) -> str:
        """All of its texts, a line each."""
        return "\n".join(self.texts)

    def after(self, heading: str) -> list[str]:
        """The texts that follow a heading, to the end."""
        return self.texts[self.texts.index(heading) + 1 :]

    def finish(self) -> None:
        """Insist on a whole document in which no id is there twice and every reference leads to one."""
        assert self._open == []
        ids = [attributes["id"] for _, attributes in self.elements if "id" in attributes]
        assert len(ids) == len(set(ids))
        referred = {attributes.get("aria-labelledby") or attributes.get("for") for _, attributes in self.elements}
        assert referred - {None} <= set(ids)


def seen(response: Any, *, status: int = 200) -> PageSeen:
    """Read an answer that is a page."""
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    page = PageSeen()
    page.feed(response.get_data(as_text=True))
    page.close()
    page.finish()
    return page
