"""Tell a person's visit from link previews, crawlers and prefetches.

Nobody is kept out by this: any program can send any header. It keeps the numbers honest where messengers unfurl a
link and browsers fetch ahead; a click earns nothing by itself.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Protocol

from crawlerdetect import CrawlerDetect

PERSON = "person"
BOT = "bot"
PREFETCH = "prefetch"

USER_AGENT_CHARACTERS_MAX = 512
# The patterns take a millisecond for a new User-Agent, and most visitors share a few hundred of them.
_USER_AGENTS_MAX = 4096

# Previews and mail scanners that crawlerdetect 0.4 does not know.
_MORE_BOTS = re.compile(
    r"^Viber/|Bluesky Cardyb|url.?preview|link.?preview|kakaotalk-scrap|Proofpoint|Mimecast|Barracuda|ZScaler|"
    r"Nextcloud Server|SummalyBot|Threema",
    re.IGNORECASE,
)
# A developer who tries a link by hand should see what a browser sees. Crawlerdetect calls these bots.
_TOOLS = re.compile(
    r"(?:curl|HTTPie|PostmanRuntime|insomnia|bruno-runtime|python-requests|python-httpx|Python-urllib|Werkzeug|"
    r"Python/[0-9.]+ aiohttp)/[0-9A-Za-z.]+"
)

_detector = CrawlerDetect()
# What a browser says it fetches when somebody opens a page, as against a frame, an image or a script.
_DOCUMENT = "document"
_PURPOSE_HEADERS = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
_AHEAD = re.compile("prefetch|prerender|preview|instant", re.IGNORECASE)


@lru_cache(maxsize=_USER_AGENTS_MAX)
def is_bot(user_agent: str) -> bool:
    """Tell by its User-Agent whether a program looks at the link that nobody sits in front of."""
    if _TOOLS.fullmatch(user_agent):
        return False
    # Every browser says who it is.
    return not user_agent.strip() or bool(_MORE_BOTS.search(user_agent)) or bool(_detector.is_crawler(user_agent))


class Headers(Protocol):
    """Headers of a request; a look-up does not mind the case."""

    def get(self, key: str, /) -> str | None:
        """Return the value of a header, or None."""
        ...


def kind_of_visit(method: str, headers: Headers) -> str:
    """Return `person`, `bot` or `prefetch` for a request.

    Sec-Purpose and Sec-Fetch-Dest are the Fetch standard's and the Fetch Metadata headers; Purpose, X-Purpose and
    X-Moz are what browsers sent before.
    """
    if is_bot((headers.get("User-Agent") or "")[:USER_AGENT_CHARACTERS_MAX]):
        return BOT
    if method != "GET":
        return PREFETCH
    for name in _PURPOSE_HEADERS:
        if _AHEAD.search(headers.get(name) or ""):
            return PREFETCH
    if (headers.get("Sec-Fetch-Dest") or _DOCUMENT) != _DOCUMENT:
        return PREFETCH
    return PERSON
