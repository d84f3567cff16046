"""attribution.js where a program asks for consent, and where the browser or the address does what it can to disturb."""

from __future__ import annotations

import json
from typing import Any

import pytest

from browser.live import LiveService
from browser.shop import Shop
from browser.visitor import Visitor

ADDRESS = "?ref=ALICE20&ref_click=TOKEN"
TOUCH = [{"click_token": "TOKEN"}]
NOTHING: dict[str, Any] = {"local": {}, "session": {}, "cookie": "", "cookies": []}

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "</script><svg onload=alert(1)>",
    "__proto__",
    "constructor",
    "' OR 1=1 --",
    "\u0000\u2028",
    "ALICE20\u202e",
    "А" * 20,
    "A" * 65,
]


@pytest.fixture
def asking(live: LiveService, shop: Shop) -> Shop:
    """The shop, with a program that keeps nothing before the visitor agrees."""
    live.brand(shop.program, attribution_consent=True)
    return shop


def touches(visitor: Visitor) -> Any:
    return visitor.page.evaluate("() => Referral.touches()")


# --- consent ---------------------------------------------------------------------------------------------------


def test_nothing_is_kept_before_the_visitor_agrees_but_the_page_itself_knows(asking: Shop, desktop: Visitor) -> None:
    desktop.open(f"{asking.url}/sign-up{ADDRESS}")
    assert touches(desktop) == TOUCH
    assert desktop.kept() == NOTHING
    fields = desktop.page.evaluate("() => new FormData(document.querySelector('form')).get('referral_click_token')")
    assert fields == "TOKEN"
    desktop.open(f"{asking.url}/shoes")
    assert touches(desktop) == []
    assert desktop.kept() == NOTHING


def test_once_agreed_the_touch_is_kept_on_later_pages_too(asking: Shop, desktop: Visitor) -> None:
    asking.head = asking.attribution_tag(attributes="data-clean")
    desktop.open(f"{asking.url}/welcome{ADDRESS}")
    # Before that, loading the page again must bring the touch again.
    assert desktop.page.url.endswith(ADDRESS)
    desktop.page.get_by_role("button", name="Agree").click()
    assert desktop.page.url == f"{asking.url}/welcome"
    desktop.open(f"{asking.url}/shoes")
    assert touches(desktop) == TOUCH
    desktop.open(f"{asking.url}/welcome?ref=CAROL20&ref_click=ANOTHER")
    assert touches(desktop) == [*TOUCH, {"click_token": "ANOTHER"}]
    assert desktop.page.url == f"{asking.url}/welcome"


def test_whoever_refuses_is_forgotten(asking: Shop, desktop: Visitor) -> None:
    desktop.open(f"{asking.url}/welcome{ADDRESS}")
    desktop.page.get_by_role("button", name="Agree").click()
    desktop.page.get_by_role("button", name="Refuse").click()
    assert touches(desktop) == []
    assert desktop.kept() == NOTHING
    desktop.open(f"{asking.url}/welcome?ref=CAROL20")
    desktop.page.get_by_role("button", name="Refuse").click()
    assert desktop.kept() == NOTHING


def test_what_was_kept_before_the_program_asked_for_consent_does_not_stand_for_it(
    live: LiveService, shop: Shop, desktop: Visitor
) -> None:
    desktop.open(f"{shop.url}/welcome{ADDRESS}")
    assert desktop.kept()["local"] != {}
    live.brand(shop.program, attribution_consent=True)
    # The browser would go on with the script that it has for five minutes.
    shop.head = shop.head.replace(".js", ".js?newer")
    desktop.open(f"{shop.url}/shoes")
    assert touches(desktop) == []
    assert desktop.kept() == NOTHING


def test_without_a_need_for_consent_a_page_may_still_refuse_for_its_visitor(shop: Shop, desktop: Visitor) -> None:
    desktop.open(f"{shop.url}/welcome{ADDRESS}")
    assert desktop.kept()["local"] != {}
    desktop.page.evaluate("() => Referral.deny()")
    assert (touches(desktop), desktop.kept()) == ([], NOTHING)
    desktop.page.evaluate("() => Referral.grant()")
    assert touches(desktop) == []


# --- storage ---------------------------------------------------------------------------------------------------


def test_where_the_local_storage_is_blocked_the_session_keeps_the_touch(shop: Shop, desktop: Visitor) -> None:
    desktop.page.add_init_script(blocked("localStorage"))
    desktop.open(f"{shop.url}/welcome{ADDRESS}")
    desktop.open(f"{shop.url}/shoes")
    assert touches(desktop) == TOUCH
    assert list(desktop.page.evaluate("() => ({...sessionStorage})")) == [f"referral:{shop.program['id']}"]


def test_where_all_storage_is_blocked_the_page_works_and_the_form_is_filled(shop: Shop, desktop: Visitor) -> None:
    desktop.page.add_init_script(blocked("localStorage") + blocked("sessionStorage"))
    shop.head = shop.attribution_tag(attributes="data-clean")
    desktop.open(f"{shop.url}/sign-up{ADDRESS}")
    # The address is all that keeps it.
    assert desktop.page.url.endswith(ADDRESS)
    desktop.page.get_by_label("Your name").fill("bob")
    desktop.page.get_by_role("button", name="Make my account").click()
    desktop.page.get_by_role("heading", name="Hello, bob").wait_for()
    assert len(shop.claims) == 1


def test_where_the_local_storage_is_full_the_session_keeps_the_touch(shop: Shop, desktop: Visitor) -> None:
    desktop.open(f"{shop.url}/shoes")
    desktop.page.evaluate("""() => {
        for (let size = 5_000_000; size >= 1; size = Math.floor(size / 2))
            try { for (let n = 0; ; n++) localStorage.setItem(`${size}.${n}`, "x".repeat(size)); } catch {}
    }""")
    desktop.open(f"{shop.url}/welcome{ADDRESS}")
    desktop.open(f"{shop.url}/shoes")
    assert touches(desktop) == TOUCH
    assert list(desktop.page.evaluate("() => ({...sessionStorage})")) == [f"referral:{shop.program['id']}"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "null",
        "7",
        '"text"',
        "[]",
        '{"touches":7}',
        '{"touches":[null,7,"x",[],{},{"code":7,"at":1},{"code":"A"},{"code":"A","at":"now"}]}',
        '{"touches":[{"code":"<b>","at":1e15},{"code":7,"at":1e15},{"code":["A"],"click_token":true,"at":1e15}]}',
        json.dumps({"touches": [{"code": "A" * 65, "at": 1}], "__proto__": {"touches": []}}),
    ],
)
def test_whatever_is_found_in_the_storage_breaks_nothing(shop: Shop, desktop: Visitor, text: str) -> None:
    desktop.open(f"{shop.url}/shoes")
    desktop.page.evaluate(
        "([key, text]) => { localStorage.setItem(key, text); sessionStorage.setItem(key, text); }",
        [f"referral:{shop.program['id']}", text],
    )
    desktop.open(f"{shop.url}/sign-up")
    assert touches(desktop) == []
    desktop.open(f"{shop.url}/sign-up{ADDRESS}")
    assert touches(desktop) == TOUCH


# --- addresses -------------------------------------------------------------------------------------------------


def test_hostile_parameters_are_neither_kept_nor_written_into_the_page(shop: Shop, desktop: Visitor) -> None:
    desktop.page.add_init_script("window.alert = () => { window.executed = true; };")
    for text in HOSTILE:
        desktop.page.goto("about:blank")
        query = desktop.page.evaluate("(text) => String(new URLSearchParams({ref: text, ref_click: text}))", text)
        desktop.open(f"{shop.url}/sign-up?{query}")
        if text in {"__proto__", "constructor"}:
            # A word like any other, which the service will not know.
            desktop.page.evaluate("() => Referral.clear()")
            continue
        allowed = text == "A" * 65
        assert touches(desktop) == ([{"click_token": text}] if allowed else []), text
        assert desktop.page.evaluate("() => window.executed") is None
        if not allowed:
            assert desktop.page.locator("[data-referral-field]").count() == 0
            assert desktop.kept() == NOTHING
        desktop.page.evaluate("() => Referral.clear()")


def test_a_page_with_the_strictest_policy_is_left_as_accessible_as_it_was(shop: Shop, desktop: Visitor) -> None:
    response = desktop.open(f"{shop.url}/sign-up{ADDRESS}")
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert desktop.page.locator("[data-referral-field]").count() == 3
    assert desktop.accessibility_faults() == []


def blocked(store: str) -> str:
    """Return a script that makes a store as unreachable as a browser does that blocks it."""
    refuse = 'get() { throw new DOMException("Access is denied.", "SecurityError"); }'
    return f"Object.defineProperty(window, '{store}', {{ {refuse} }});"
