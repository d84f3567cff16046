"""From the referrer's share page to both rewards, in every language, as people do it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from programs.hostile_texts import XSS
from share.sharing import a_token

from browser.live import LiveService
from browser.shop import Shop
from browser.visitor import PHONE, Visitor
from builders import a_code, a_customer, a_program, expect
from cast import ALICE
from referral_service.kit.money import Money
from referral_service.share.languages import LOCALES
from referral_service.share.voice import voice_of


@pytest.mark.timeout(300)
@pytest.mark.parametrize("locale", LOCALES)
def test_alice_copies_her_link_bob_follows_it_and_buys_and_both_see_their_rewards(
    new_visitor: Callable[..., Visitor], live: LiveService, shop: Shop, locale: str
) -> None:
    said = voice_of(locale).gettext
    a_customer(live.api, ALICE, locale=locale, invite_name_opt_in=True)
    a_code(live.api, shop.program)
    mine = f"{live.url}/me/{a_token(live.api, shop.program)}"
    alice = new_visitor(allowed=[live.url], device=PHONE, locale="en")
    alice.context.grant_permissions(["clipboard-read", "clipboard-write"])
    alice.open(mine)
    # Her language is the one that the shop told of her, not her browser's.
    assert alice.page.get_attribute("html", "lang") == locale
    alice.page.get_by_role("button", name=said("Copy the link")).tap()
    link = alice.page.evaluate("() => navigator.clipboard.readText()")

    bob = new_visitor(allowed=[live.url, shop.url, shop.provider_url], device=PHONE, locale=locale)
    bob.open(link)
    assert bob.page.get_attribute("html", "lang") == locale
    assert ALICE.display_name in bob.page.inner_text("main")
    assert bob.accessibility_faults() == []
    bob.page.get_by_role("link", name=said("Accept the invitation")).tap()
    bob.page.wait_for_url(f"{shop.url}/welcome*")
    bob.page.get_by_role("link", name="Sign up").tap()
    bob.page.get_by_role("link", name="Go on with an account").tap()
    bob.page.get_by_role("link", name="Yes, as Bob").tap()
    bob.page.get_by_role("button", name="Make my account").tap()
    bob.page.get_by_role("heading", name="Hello, bob").wait_for()
    alice.page.reload()
    left = voice_of(locale).ngettext("%(number)s day left", "%(number)s days left", 90)
    assert left in alice.page.locator("main").inner_text()
    bob.page.get_by_role("button", name="Buy shoes").tap()
    bob.page.get_by_role("heading", name="Thank you").wait_for()

    rewards = expect(live.api.get("/v1/rewards"), 200)["items"]
    assert {(reward["side"], reward["customer_id"], reward["state"]) for reward in rewards} == {
        ("referrer", "alice", "available"),
        ("referee", "bob", "available"),
    }
    alice.page.reload()
    shown = alice.page.locator("main").inner_text()
    assert said("Rewarded") in shown
    assert voice_of(locale).money(Money(1000, "USD")) in shown
    bobs = new_visitor(allowed=[live.url], device=PHONE, locale=locale)
    token = expect(live.api.post("/v1/customers/bob/share-tokens", {"program_id": shop.program["id"]}), 201)["token"]
    bobs.open(f"{live.url}/me/{token}")
    assert voice_of(locale).money(Money(500, "USD")) in bobs.page.locator("main").inner_text()


@pytest.mark.timeout(600)
def test_no_text_of_a_program_or_a_customer_is_ever_run(new_visitor: Callable[..., Visitor], live: LiveService) -> None:
    """Every hostile text in every place where a page shows one; the visitor notices whatever is run or loaded."""
    program = a_program(live.api)
    path = f"/v1/programs/{program['id']}"
    code = a_code(live.api, program)
    mine = f"/me/{a_token(live.api, program)}"
    visitor = new_visitor(allowed=[live.url])
    visitor.page.add_init_script("window.ran = []; window.alert = (...said) => window.ran.push(said);")
    for text in (text for text in XSS if "{" not in text):
        a_customer(live.api, ALICE, invite_name_opt_in=True, leaderboard_opt_in=True, display_name=text[:100])
        texts = {"headline": text[:140], "lead": text[:300], "button": text[:40], "share_message": text[:300]}
        branding = {"display_name": text[:60], "texts": {"en": texts}}
        expect(live.api.patch(path, {"name": text[:100], "branding": branding}), 200)
        for address in (code["invite_url"].removeprefix(live.url), mine, f"{mine}/embed"):
            visitor.open(live.url + address)
            assert visitor.page.evaluate("() => window.ran") == [], (address, text)
            assert visitor.page.locator("main").count() == 1, (address, text)
