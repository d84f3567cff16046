"""`make screenshots`: every page, light and dark, on a phone and on a desk, as PNG files to be looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from share.sharing import a_token, friends

from browser.live import LiveService
from browser.shop import Shop
from browser.visitor import DESKTOP, PHONE, Visitor
from builders import a_claim, a_code, a_customer, a_purchase, expect
from cast import ALICE

FOLDER = Path("screenshots")
BRANDING = {"display_name": "Kavarna", "colour": "#0f766e", "terms_url": "https://kavarna.example/terms"}
LADDER = ((1, "Bronze"), (5, "Silver"), (10, "Gold"))
MONEY = {"kind": "credit", "amount_minor": 1000}
DEVICES = {"phone": PHONE, "desktop": DESKTOP}


@pytest.fixture
def shoot(new_visitor: Callable[..., Visitor], live: LiveService) -> Callable[..., None]:
    """Take a page in both themes on both devices."""

    def take(name: str, url: str, *, locale: str = "en", status: int = 200) -> None:
        FOLDER.mkdir(exist_ok=True)
        for device_name, device in DEVICES.items():
            for colours in ("light", "dark"):
                visitor = new_visitor(allowed=[live.url], device=device, colours=colours, locale=locale)
                visitor.expects("404|410")
                visitor.open(url, status=status)
                path = FOLDER / f"{name}-{locale}-{device_name}-{colours}.png"
                visitor.page.screenshot(path=path, full_page=True)

    return take


@pytest.fixture
def code(live: LiveService, shop: Shop) -> Any:
    expect(live.api.patch(f"/v1/programs/{shop.program['id']}", {"branding": BRANDING}), 200)
    a_customer(live.api, ALICE, invite_name_opt_in=True)
    return a_code(live.api, shop.program)


def test_the_invitation(shoot: Callable[..., None], code: Any) -> None:
    for locale in ("en", "uk", "ru", "bg"):
        shoot("invite", code["invite_url"], locale=locale)


def test_the_share_page(shoot: Callable[..., None], live: LiveService, shop: Shop, code: Any) -> None:
    tiers = [{"at": at, "amount_minor": at * 1000, "badge": badge} for at, badge in LADDER]
    coupon = {"kind": "coupon", "percent_off": "15.00", "valid_days": 30, "prefix": "KAVA"}
    rewards = [
        {"key": "more", "side": "referrer", "on": "converted", "give": MONEY, "milestones": tiers},
        {"key": "each", "side": "referrer", "on": "converted", "hold_days": 14, "give": MONEY},
        {"key": "coupon", "side": "referrer", "on": "converted", "give": coupon},
        {"key": "five", "side": "referee", "on": "converted", "give": {"kind": "credit", "amount_minor": 500}},
    ]
    terms = {"currency": "USD", "rewards": rewards}
    expect(live.api.patch(f"/v1/programs/{shop.program['id']}", {"terms": terms}), 200)
    for number, person in enumerate(friends(4)):
        a_customer(live.api, person, invite_name_opt_in=number > 0)
        a_claim(live.api, code, referee=person)
        if number % 2:
            a_purchase(live.api, customer=person)
    address = f"{live.url}/me/{a_token(live.api, shop.program)}"
    for locale in ("en", "uk", "ru", "bg"):
        shoot("mine", f"{address}?lang={locale}", locale=locale)
    shoot("embed", f"{address}/embed")


def test_its_preview_and_qr_code(live: LiveService, code: Any) -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, url in (("card", code["invite_url"] + "/card.png"), ("qr", code["qr_url"].replace(".svg", ".png"))):
        picture = live.api.with_key(None).get(url.removeprefix(live.url))
        (FOLDER / f"{name}.png").write_bytes(picture.data)


def test_the_page_for_typed_codes(shoot: Callable[..., None], live: LiveService) -> None:
    shoot("code", f"{live.url}/code/shop")


def test_a_dead_link(shoot: Callable[..., None], live: LiveService) -> None:
    shoot("unknown", f"{live.url}/i/{'A' * 32}", locale="uk", status=404)


def test_a_program_that_takes_a_break(shoot: Callable[..., None], live: LiveService, shop: Shop, code: Any) -> None:
    expect(live.api.post(f"/v1/programs/{shop.program['id']}/pause"), 200)
    shoot("paused", code["invite_url"], status=404)
