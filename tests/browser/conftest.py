"""A real browser, the real service behind a real port, and a shop that uses it.

The browser belongs to this folder and not to the whole session: while it is there, its event loop counts as running in
this thread, and tests elsewhere start loops of their own. It starts in a second.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import EmptySqlite
from playwright.sync_api import Browser, sync_playwright

from browser.live import LiveService, live_service
from browser.serving import served
from browser.shop import Shop, make_provider
from browser.visitor import PHONE, Visitor
from builders import a_program, expect

# As Debian, Ubuntu, Fedora and Google call it.
EXECUTABLES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    executable = next(filter(None, map(shutil.which, EXECUTABLES)), None)
    if executable is None:
        pytest.skip(f"needs a Chromium: none of {', '.join(EXECUTABLES)} is installed (Debian: apt install chromium)")
    # Containers have little shared memory. Its sandbox does not work as root.
    flags = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def sqlite_for_pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmptySqlite]:
    made = EmptySqlite(tmp_path_factory.mktemp("browser"))
    yield made
    made.database.dispose()


@pytest.fixture
def live(sqlite_for_pages: EmptySqlite, tmp_path: Path) -> Iterator[LiveService]:
    """The service, running, with an empty test app."""
    with live_service(sqlite_for_pages.empty(), tmp_path) as service:
        yield service
    sqlite_for_pages.database.dispose()


@pytest.fixture
def provider_url() -> Iterator[str]:
    """Where people sign in with an account that they have elsewhere."""
    with served(lambda _: make_provider()) as url:
        yield url


@pytest.fixture
def shop(live: LiveService, provider_url: str) -> Iterator[Shop]:
    """A shop with an active program whose share links lead to it. `shop.program` can be changed through the API."""
    made: list[Shop] = []

    def make(url: str) -> Shop:
        program = a_program(live.api)
        landing = {"landing_url": f"{url}/welcome", "allowed_hosts": []}
        program = expect(live.api.patch(f"/v1/programs/{program['id']}", landing), 200)
        made.append(Shop(url, service_url=live.url, api_key=live.key, program=program, provider_url=provider_url))
        return made[0]

    with served(make):
        yield made[0]
        made[0].close()


@pytest.fixture
def new_visitor(browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Make visitors: `new_visitor(allowed=[url, …], device=PHONE, colours="dark", locale="uk")`. A test in which one of
    them met a problem that it did not expect has failed.
    """
    visitors: list[Visitor] = []

    def make(**options: object) -> Visitor:
        visitors.append(Visitor(browser, **options))  # type: ignore[arg-type]
        return visitors[-1]

    yield make
    problems = [problem for visitor in visitors for problem in visitor.unexpected()]
    for visitor in visitors:
        visitor.close()
    assert problems == []


@pytest.fixture
def desktop(new_visitor: Callable[..., Visitor], live: LiveService, shop: Shop) -> Visitor:
    """Somebody at a desk, in the shop."""
    return new_visitor(allowed=[live.url, shop.url, shop.provider_url])


@pytest.fixture
def phone(new_visitor: Callable[..., Visitor], live: LiveService, shop: Shop) -> Visitor:
    """Somebody with a phone, in the shop."""
    return new_visitor(allowed=[live.url, shop.url, shop.provider_url], device=PHONE)
