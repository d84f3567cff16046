"""The invite page as a friend sees it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from browser.live import LiveService
from browser.shop import Shop
from browser.visitor import DESKTOP, PHONE, Visitor
from builders import a_code, a_customer, expect
from cast import ALICE
from referral_service.share.languages import LOCALES

BYTES_MAX, REQUESTS_MAX = 100 * 1024, 4
BRANDING = {"display_name": "Kavarna", "colour": "#0f766e", "terms_url": "https://kavarna.example/terms"}


@pytest.fixture
def code(live: LiveService, shop: Shop) -> Any:
    """Alice's code; she lets her name be shown."""
    expect(live.api.patch(f"/v1/programs/{shop.program['id']}", {"branding": BRANDING}), 200)
    a_customer(live.api, ALICE, invite_name_opt_in=True)
    return a_code(live.api, shop.program)


@pytest.fixture
def visit(new_visitor: Callable[..., Visitor], live: LiveService, shop: Shop) -> Callable[..., Visitor]:
    """Make friends, who may load from the service and end up in the shop."""
    return partial(new_visitor, allowed=[live.url, shop.url])


@pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_page_can_be_read_by_everybody(visit: Callable[..., Visitor], code: Any, device: Any, colours: Any) -> None:
    friend = visit(device=device, colours=colours)
    friend.open(code["invite_url"])
    assert friend.accessibility_faults() == []
    assert friend.kept() == {"local": {}, "session": {}, "cookie": "", "cookies": []}
    load = friend.load()
    assert load.transferred_bytes < BYTES_MAX
    assert load.requests <= REQUESTS_MAX


@pytest.mark.parametrize("locale", LOCALES)
def test_the_button_leads_to_the_shop_with_a_click_in_every_language(
    visit: Callable[..., Visitor], code: Any, locale: str
) -> None:
    friend = visit(device=PHONE, locale=locale)
    friend.open(f"{code['invite_url']}?ch=viber")
    assert friend.page.get_attribute("html", "lang") == locale
    assert "Alice" in friend.page.inner_text("main")
    friend.page.click("main a.button")
    friend.page.wait_for_url("**/welcome*")
    query = parse_qs(urlsplit(friend.page.url).query)
    assert query["ref"] == [code["code"]]
    assert len(query["ref_click"][0]) > 50


def test_it_works_without_scripts_and_by_keyboard_alone(visit: Callable[..., Visitor], code: Any) -> None:
    friend = visit(scripts=False)
    friend.open(code["invite_url"])
    friend.page.keyboard.press("Tab")
    assert friend.page.locator(":focus").inner_text() == "Skip to the content"
    friend.page.keyboard.press("Tab")
    assert friend.page.locator(":focus").get_attribute("class") == "button"
    friend.page.keyboard.press("Enter")
    friend.page.wait_for_url("**/welcome*")


def test_a_code_that_was_told_by_phone_leads_to_the_invitation(
    visit: Callable[..., Visitor], live: LiveService, code: Any
) -> None:
    friend = visit(device=PHONE, locale="uk")
    friend.open(f"{live.url}/code/{live.tenant.tenant.slug}")
    assert friend.accessibility_faults() == []
    friend.page.fill("#code", "WRONG-CODE")
    friend.expects("404")
    friend.page.click("button[type=submit]")
    assert friend.page.locator("[role=alert]").is_visible()
    assert friend.page.input_value("#code") == "WRONG-CODE"
    assert friend.accessibility_faults() == []
    friend.page.fill("#code", f" {code['code'].lower()} ")
    friend.page.click("button[type=submit]")
    friend.page.wait_for_url("**/i/*")
    assert "Alice" in friend.page.inner_text("main")
