"""A customer's share page in a real browser, and the share panel in a shop that may frame it."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page
from share.sharing import a_token, friends

from browser.live import LiveService
from browser.shop import Shop
from browser.visitor import DESKTOP, PHONE, Device, Visitor
from builders import a_claim, a_code, a_customer, a_program, a_purchase

BYTES_MAX, REQUESTS_MAX = 100 * 1024, 6
# What navigator.share is given; there is no sheet in a browser without a window.
SHEET = "navigator.share = async (what) => { (window.shared ??= []).push(what); };"
ANOTHER = "https://another.example"
LEFT = "navigator.share = async () => { throw new DOMException('', 'AbortError'); };"


@pytest.fixture
def program(live: LiveService) -> Any:
    """A program in which friends stand everywhere, with rewards and a coupon to show for it."""
    coupon = {"kind": "coupon", "percent_off": "15.00", "valid_days": 30, "prefix": "RIDE"}
    points = {"kind": "points", "quantity": 250}
    ladder = [{"at": at, "amount_minor": at * 1000, "badge": badge} for at, badge in ((1, "Bronze"), (10, "Gold"))]
    made = a_program(
        live.api,
        rewards=[
            {"key": "ten", "side": "referrer", "on": "converted", "hold_days": 14, "give": credit(1000)},
            {"key": "coupon", "side": "referrer", "on": "converted", "give": coupon},
            {"key": "points", "side": "referrer", "on": "claimed", "give": points},
            {"key": "more", "side": "referrer", "on": "converted", "give": credit(1000), "milestones": ladder},
            {"key": "five", "side": "referee", "on": "converted", "give": credit(500)},
        ],
    )
    code = a_code(live.api, made)
    for number, person in enumerate(friends(4)):
        a_customer(live.api, person, invite_name_opt_in=number > 0)
        a_claim(live.api, code, referee=person)
        if number % 2:
            a_purchase(live.api, customer=person)
    return made


def credit(amount_minor: int) -> dict[str, Any]:
    return {"kind": "credit", "amount_minor": amount_minor}


@pytest.fixture
def address(live: LiveService, program: Any) -> str:
    """Of the customer's page."""
    return f"{live.url}/me/{a_token(live.api, program)}"


@pytest.fixture
def link(live: LiveService, program: Any) -> str:
    """What the customer shares."""
    invite_url: str = a_code(live.api, program)["invite_url"]
    return invite_url


@pytest.fixture
def owner(new_visitor: Callable[..., Visitor], live: LiveService) -> Visitor:
    return new_visitor(allowed=[live.url], device=PHONE)


def copied(page: Page) -> str:
    text: str = page.evaluate("() => navigator.clipboard.readText()")
    return text


@pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_page_is_light_whole_and_open_to_everybody(
    new_visitor: Callable[..., Visitor], live: LiveService, address: str, device: Device, colours: str
) -> None:
    visitor = new_visitor(allowed=[live.url], device=device, colours=colours, locale="uk")
    visitor.open(address)
    visitor.page.wait_for_load_state("networkidle")
    assert visitor.load().transferred_bytes < BYTES_MAX
    assert visitor.load().requests <= REQUESTS_MAX
    assert visitor.kept() == {"local": {}, "session": {}, "cookie": "", "cookies": []}
    assert visitor.page.evaluate("() => document.documentElement.scrollWidth") == device.width
    assert visitor.page.evaluate("() => [...document.images].every((it) => it.naturalWidth > 0)")
    assert visitor.accessibility_faults() == []
    visitor.open(f"{address}/embed")
    assert visitor.accessibility_faults() == []


def test_the_link_and_a_coupon_are_copied(owner: Visitor, address: str, link: str) -> None:
    owner.context.grant_permissions(["clipboard-read", "clipboard-write"])
    owner.open(address)
    button = owner.page.locator("[data-by=copy]")
    button.click()
    owner.page.get_by_role("status").filter(has_text="Copied").wait_for(state="attached")
    assert button.inner_text() == "Copied"
    assert copied(owner.page) == f"{link}?ch=copy"
    owner.page.locator(".coupon button").first.click()
    owner.page.locator(".coupon button", has_text="Copied").first.wait_for()
    assert copied(owner.page).startswith("RIDE-")


def test_without_leave_for_the_clipboard_the_link_is_copied_the_old_way(owner: Visitor, address: str) -> None:
    owner.page.add_init_script(
        "Object.defineProperty(navigator, 'clipboard', {value: {writeText: async () => { throw new Error('no'); }}});"
        "document.execCommand = (what) => { window.done = [what, String(document.getSelection())]; return true; };"
    )
    owner.open(address)
    owner.page.get_by_role("button", name="Copy the link").click()
    owner.page.wait_for_function("() => window.done?.[0] === 'copy'")


def test_the_devices_own_sheet_gets_the_message_and_the_link(owner: Visitor, address: str, link: str) -> None:
    owner.page.add_init_script(SHEET)
    owner.open(address)
    owner.page.get_by_role("button", name="More").click()
    owner.page.wait_for_function("() => window.shared")
    assert owner.page.evaluate("() => shared") == [
        {
            "title": "Ride credit",
            "text": "I recommend Ride credit. Get $5.00 for your first order.",
            "url": f"{link}?ch=native",
        }
    ]


def test_where_there_is_no_sheet_there_is_no_button_for_it(owner: Visitor, address: str) -> None:
    owner.page.add_init_script("delete Navigator.prototype.share")
    owner.open(address)
    assert not owner.page.get_by_text("More", exact=True).is_visible()
    assert owner.page.locator(".channels li:visible").count() == 7


def test_without_scripts_everything_but_the_buttons_is_there(
    new_visitor: Callable[..., Visitor], live: LiveService, address: str, link: str
) -> None:
    visitor = new_visitor(allowed=[live.url], scripts=False)
    visitor.open(address)
    assert visitor.page.get_by_label("Your link", exact=True).last.input_value() == f"{link}?ch=copy"
    assert visitor.page.get_by_role("button").count() == 0
    href = visitor.page.get_by_role("link", name="WhatsApp").get_attribute("href")
    assert href is not None
    assert href.startswith("https://wa.me/?text=I%20recommend")
    assert visitor.page.get_by_text("A friend, since").is_visible()
    visitor.page.get_by_role("link", name="Українська").click()
    assert visitor.page.get_by_role("heading", name="Ваші друзі").is_visible()


def test_the_keyboard_goes_through_the_page_in_order(
    new_visitor: Callable[..., Visitor], live: LiveService, address: str
) -> None:
    visitor = new_visitor(allowed=[live.url])
    visitor.page.add_init_script(SHEET)
    visitor.open(address)
    met = []
    for _ in range(16):
        visitor.page.keyboard.press("Tab")
        met.append(
            visitor.page.evaluate("() => (document.activeElement.innerText || document.activeElement.id).trim()")
        )
    channels = ["WhatsApp", "Telegram", "Viber", "X", "Facebook", "E-mail", "SMS"]
    assert met[:12] == ["Skip to the content", "link", "Copy the link", "More", *channels, "Download for print"]
    assert met[12:14] == ["Copy", "Copy"]
    ring = visitor.page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    assert ring == "solid"


def test_a_page_that_is_over_is_a_sound_page_too(owner: Visitor, live: LiveService) -> None:
    owner.expects("404")
    owner.open(f"{live.url}/me/nonsense", status=404)
    assert owner.accessibility_faults() == []


# --- in the shop -------------------------------------------------------------------------------------------------


@pytest.fixture
def panel_page(live: LiveService, shop: Shop, desktop: Visitor) -> str:
    """The shop's page with the panel; what the page hears is kept in `heard`."""
    token = a_token(live.api, shop.program)
    desktop.page.add_init_script("""
        window.heard = [];
        for (const type of ["referral:height", "referral:shared"])
            document.addEventListener(type, (event) => heard.push([type, event.detail]));
    """)
    return shop.show_panel(token, attributes='data-target="#panel" data-theme="dark" data-locale="uk"')


def test_a_shop_that_may_frame_the_panel_shows_it_and_hears_what_is_shared(
    live: LiveService, shop: Shop, desktop: Visitor, panel_page: str
) -> None:
    live.brand(shop.program, embed_origins=[shop.url])
    desktop.context.grant_permissions(["clipboard-read", "clipboard-write"])
    desktop.open(panel_page)
    desktop.page.wait_for_function("() => heard.length > 0")
    panel = desktop.page.frames[1]
    assert panel.locator("html").get_attribute("data-theme") == "dark"
    high = panel.evaluate("() => Math.ceil(document.documentElement.getBoundingClientRect().height)")
    assert desktop.page.evaluate("() => document.querySelector('iframe').offsetHeight") == high
    panel.get_by_role("button", name="Скопіювати посилання").click()
    panel.get_by_text("Скопійовано").first.wait_for()
    desktop.page.wait_for_function("() => heard.some((it) => it[0] === 'referral:shared')")
    # What would leave the machine is kept from doing so.
    panel.evaluate("() => document.addEventListener('click', (event) => event.preventDefault(), true)")
    panel.get_by_role("link", name="Telegram").click()
    desktop.page.wait_for_function("() => heard.filter((it) => it[0] === 'referral:shared').length > 1")
    desktop.page.wait_for_timeout(100)
    assert [detail for type_, detail in desktop.page.evaluate("() => heard") if type_ == "referral:shared"] == [
        {"channel": "copy"},
        {"channel": "telegram"},
    ]
    assert desktop.accessibility_faults() == []


@pytest.mark.parametrize("theme", ["dark", "light", "auto"])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_site_shows_through_around_the_panels_round_corners(
    live: LiveService, shop: Shop, new_visitor: Callable[..., Visitor], theme: str, colours: str
) -> None:
    live.brand(shop.program, embed_origins=[shop.url])
    visitor = new_visitor(allowed=[live.url, shop.url], device=DESKTOP, colours=colours)
    token = a_token(live.api, shop.program)
    visitor.open(shop.show_panel(token, attributes=f'data-target="#panel" data-theme="{theme}"'))
    visitor.page.frame_locator("iframe").get_by_role("button", name="Copy").first.wait_for()
    visitor.page.evaluate("() => { document.documentElement.style.background = 'rgb(1, 250, 2)'; }")
    picture = Image.open(BytesIO(visitor.page.locator("iframe").screenshot())).convert("RGB")
    corners = [(0, 0), (picture.width - 1, 0), (0, picture.height - 1), (picture.width - 1, picture.height - 1)]
    assert [picture.getpixel(corner) for corner in corners] == [(1, 250, 2)] * 4


def test_whoever_leaves_the_sheet_has_shared_nothing(live: LiveService, shop: Shop, desktop: Visitor) -> None:
    live.brand(shop.program, embed_origins=[shop.url])
    desktop.page.add_init_script(LEFT)
    desktop.page.add_init_script(
        "window.heard = []; document.addEventListener('referral:shared', (event) => heard.push(event.detail));"
    )
    desktop.open(shop.show_panel(a_token(live.api, shop.program), attributes='data-target="#panel"'))
    more = desktop.page.frame_locator("iframe").get_by_role("button", name="More")
    more.click()
    desktop.page.wait_for_timeout(200)
    assert desktop.page.evaluate("() => heard") == []


def test_another_site_does_not_get_the_panel(live: LiveService, shop: Shop, desktop: Visitor, panel_page: str) -> None:
    live.brand(shop.program, embed_origins=[ANOTHER])
    desktop.expects("frame-ancestors|chrome-error|does not match the recipient")
    desktop.open(panel_page)
    desktop.page.wait_for_load_state("networkidle")
    assert desktop.page.evaluate("() => heard") == []
    assert desktop.page.frames[1].url.startswith("chrome-error:")
