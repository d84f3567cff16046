"""Somebody with a browser, who notices everything that is wrong with a page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

# Loaded from nowhere.
OWN_SCHEMES = {"about", "blob", "data"}
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WAIT_MILLISECONDS_MAX = 15_000


@dataclass(frozen=True, slots=True)
class Device:
    width: int
    height: int
    scale: float = 1
    is_phone: bool = False


PHONE = Device(390, 844, scale=3, is_phone=True)
DESKTOP = Device(1280, 800)


@dataclass(frozen=True, slots=True)
class Load:
    """What a visitor has loaded: the requests sent, and the bytes that came, headers included."""

    requests: int
    transferred_bytes: int


class Visitor:
    """A fresh profile and one page. `problems` fills with console errors, uncaught exceptions, what a content security
    policy refused, and requests to origins that are not `allowed`; the fixture fails the test over any.
    """

    def __init__(
        self,
        browser: Browser,
        *,
        allowed: Iterable[str],
        device: Device = DESKTOP,
        colours: Literal["light", "dark"] = "light",
        locale: str = "en",
        scripts: bool = True,
    ) -> None:
        self.allowed = {origin_of(url) for url in allowed}
        self.problems: list[str] = []
        self.requests: list[Request] = []
        self._expected: list[re.Pattern[str]] = []
        self.context: BrowserContext = browser.new_context(
            viewport={"width": device.width, "height": device.height},
            device_scale_factor=device.scale,
            is_mobile=device.is_phone,
            has_touch=device.is_phone,
            color_scheme=colours,
            locale=locale,
            user_agent=_user_agent(browser, device),
            java_script_enabled=scripts,
        )
        self.context.set_default_timeout(WAIT_MILLISECONDS_MAX)
        self.context.on("request", self._on_request)
        self.context.on("console", self._on_console)
        self.context.on("weberror", lambda error: self.problems.append(f"uncaught: {error.error}"))
        self.page: Page = self.context.new_page()

    def open(self, url: str, *, status: int = 200) -> Response:
        """Open an address, and insist on the answer's status."""
        response = self.page.goto(url)
        assert response is not None
        assert response.status == status, f"{url} answered {response.status}"
        return response

    def expects(self, pattern: str) -> None:
        """Let problems pass that hold this pattern: a test that provokes one."""
        self._expected.append(re.compile(pattern))

    def unexpected(self) -> list[str]:
        """Return the problems that no test has asked for."""
        return [said for said in self.problems if not any(pattern.search(said) for pattern in self._expected)]

    def load(self) -> Load:
        """Return what was loaded since the visitor is there, or since `forget_load`."""
        sizes = [request.sizes() for request in self.requests if request.response() is not None]
        return Load(len(self.requests), sum(it["responseBodySize"] + it["responseHeadersSize"] for it in sizes))

    def forget_load(self) -> None:
        self.requests.clear()

    def kept(self) -> dict[str, Any]:
        """Return all that the page's origin keeps in this browser."""
        stores: dict[str, Any] = self.page.evaluate(
            "() => ({local: {...localStorage}, session: {...sessionStorage}, cookie: document.cookie})"
        )
        return stores | {"cookies": self.context.cookies()}

    def accessibility_faults(self) -> list[str]:
        """Return what axe finds wrong, a line each. It is run from outside, so it works under the page's own policy."""
        options = {"runOnly": {"type": "tag", "values": AXE_TAGS}, "resultTypes": ["violations"]}
        found = Axe().run(self.page, options=options).response["violations"]
        return [
            f"{fault['id']} ({fault['impact']}): {fault['help']}: {node['html'][:200]}"
            for fault in found
            for node in fault["nodes"]
        ]

    def close(self) -> None:
        self.context.close()

    def _on_request(self, request: Request) -> None:
        self.requests.append(request)
        parts = urlsplit(request.url)
        if parts.scheme not in OWN_SCHEMES and origin_of(request.url) not in self.allowed:
            self.problems.append(f"asked another origin: {request.url}")

    def _on_console(self, message: ConsoleMessage) -> None:
        # What a policy refuses is said there as well.
        if message.type == "error":
            self.problems.append(f"console: {message.text}")


def origin_of(url: str) -> str:
    """Return scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _user_agent(browser: Browser, device: Device) -> str:
    """Return a name without "Headless" in it: to the service what says so is a machine, whose visits are no clicks."""
    system = "Linux; Android 10; K" if device.is_phone else "X11; Linux x86_64"
    version = browser.version.split(".")[0]
    kind = " Mobile" if device.is_phone else ""
    return f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0{kind} Safari/537.36"
