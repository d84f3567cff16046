"""attribution.js in a real browser, on the pages of a shop with a strict policy."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.wrappers import Request, Response

from browser.live import LiveService
from browser.serving import served
from browser.shop import Shop
from browser.visitor import Visitor
from builders import a_code, a_program, expect
from cast import ALICE, BOB, CAROL, Person
from referral_service.kit.clock import SystemClock


def share_link(live: LiveService, shop: Shop, *, referrer: Person = ALICE) -> str:
    url: str = a_code(live.api, shop.program, referrer=referrer)["share_url"]
    return url


def opened(visitor: Visitor, link: str) -> dict[str, str]:
    """Follow a share link, and return what it brought to the landing page."""
    visitor.open(link)
    query = parse_qs(urlsplit(visitor.page.url).query)
    return {name: values[0] for name, values in query.items()}


def touches(visitor: Visitor) -> Any:
    return visitor.page.evaluate("() => Referral.touches()")


def with_terms(live: LiveService, shop: Shop, **attribution: Any) -> None:
    """Change what the shop's program says of attribution."""
    terms = shop.program["terms"] | {"attribution": shop.program["terms"]["attribution"] | attribution}
    expect(live.api.patch(f"/v1/programs/{shop.program['id']}", {"terms": terms}), 200)


def submitted_touches(visitor: Visitor, name: str) -> Any:
    """Return what the marked form of this page would send."""
    text = visitor.page.evaluate(
        "(name) => new FormData(document.querySelector('form[data-referral]')).get(name)", name
    )
    return json.loads(text) if text else text


def test_a_friend_signs_up_through_a_provider_and_buys_and_both_are_rewarded(
    live: LiveService, shop: Shop, phone: Visitor
) -> None:
    brought = opened(phone, share_link(live, shop))
    assert brought.keys() == {"ref", "ref_click"}
    phone.page.get_by_role("link", name="Shoes").tap()
    phone.page.get_by_role("link", name="Sign up to buy").tap()
    phone.page.get_by_role("link", name="Go on with an account").tap()
    phone.page.get_by_role("link", name="Yes, as Bob").tap()
    assert "ref" not in phone.page.url
    phone.page.get_by_role("button", name="Make my account").tap()
    phone.page.get_by_role("heading", name="Hello, bob").wait_for()
    (claim,) = shop.claims
    assert (claim["state"], claim["referrer"]["customer_id"]) == ("pending", "alice")
    explained = expect(live.api.get(f"/v1/referrals/{claim['id']}/explain"), 200)
    assert [(touch["kind"], touch["counted"]) for touch in explained["touches"]] == [("click", True)]
    phone.page.get_by_role("button", name="Buy shoes").tap()
    phone.page.get_by_role("heading", name="Thank you").wait_for()
    rewards = expect(live.api.get("/v1/rewards"), 200)["items"]
    assert {(reward["side"], reward["customer_id"], reward["state"]) for reward in rewards} == {
        ("referrer", "alice", "available"),
        ("referee", "bob", "available"),
    }


def test_nothing_is_sent_anywhere_and_no_cookie_is_set(live: LiveService, shop: Shop, desktop: Visitor) -> None:
    opened(desktop, share_link(live, shop))
    desktop.open(f"{shop.url}/shoes")
    assert {(request.resource_type, request.method) for request in desktop.requests} == {
        ("document", "GET"),
        ("script", "GET"),
    }
    kept = desktop.kept()
    assert (kept["cookie"], kept["cookies"], kept["session"]) == ("", [], {})
    assert list(kept["local"]) == [f"referral:{shop.program['id']}"]


@pytest.mark.parametrize(("touch", "counted"), [("first", "alice"), ("last", "carol")])
def test_the_first_or_the_last_touch_is_the_current_one_as_the_program_says(
    live: LiveService, shop: Shop, desktop: Visitor, touch: str, counted: str
) -> None:
    with_terms(live, shop, touch=touch)
    brought = {
        person.customer_id: opened(desktop, share_link(live, shop, referrer=person)) for person in (ALICE, CAROL)
    }
    current = desktop.page.evaluate("() => Referral.current()")
    assert (current["code"], current["click_token"]) == (brought[counted]["ref"], brought[counted]["ref_click"])
    assert touches(desktop) == [{"click_token": each["ref_click"]} for each in brought.values()]
    desktop.open(f"{shop.url}/sign-up")
    desktop.page.get_by_label("Your name").fill(BOB.customer_id)
    desktop.page.get_by_role("button", name="Make my account").click()
    desktop.page.get_by_role("heading", name="Hello, bob").wait_for()
    assert [claim["referrer"]["customer_id"] for claim in shop.claims] == [counted]


def test_a_page_that_is_loaded_again_makes_no_touch_more(live: LiveService, shop: Shop, desktop: Visitor) -> None:
    brought = opened(desktop, share_link(live, shop))
    for _ in range(3):
        desktop.page.reload()
    assert touches(desktop) == [{"click_token": brought["ref_click"]}]


@pytest.mark.parametrize("touch", ["first", "last"])
def test_ten_touches_are_kept_and_a_bare_code_makes_room_for_a_click(
    live: LiveService, shop: Shop, desktop: Visitor, touch: str
) -> None:
    with_terms(live, shop, touch=touch)
    clicks = [opened(desktop, share_link(live, shop))["ref_click"] for _ in range(3)]
    for number in range(8):
        desktop.open(f"{shop.url}/welcome?ref=NEWSLETTER{number}")
    clicks.append(opened(desktop, share_link(live, shop))["ref_click"])
    numbers = range(6) if touch == "first" else range(2, 8)
    bare = [{"code": f"NEWSLETTER{number}"} for number in numbers]
    *early, late = [{"click_token": token} for token in clicks]
    assert touches(desktop) == [*early, *bare, late]


def test_a_touch_is_forgotten_when_the_window_of_the_program_has_passed(
    live: LiveService, shop: Shop, desktop: Visitor
) -> None:
    with_terms(live, shop, window_days=3)
    brought = opened(desktop, share_link(live, shop))
    for days, expected in ((2.99, [{"click_token": brought["ref_click"]}]), (3.01, [])):
        desktop.page.clock.set_fixed_time(SystemClock().now() + timedelta(days=days))
        desktop.open(f"{shop.url}/shoes")
        assert touches(desktop) == expected


def test_forms_are_filled_also_those_that_come_later_or_are_marked_later(
    live: LiveService, shop: Shop, desktop: Visitor
) -> None:
    brought = opened(desktop, share_link(live, shop))
    desktop.page.evaluate("""() => {
        const form = document.createElement("form");
        form.dataset.referral = "";
        document.body.append(form);
    }""")
    assert submitted_touches(desktop, "referral_touches") == [{"click_token": brought["ref_click"]}]
    desktop.page.evaluate("""() => {
        const form = document.createElement("form");
        document.querySelector("form").replaceWith(form);
        form.setAttribute("data-referral", "");
    }""")
    values = desktop.page.evaluate("() => Object.fromEntries(new FormData(document.querySelector('form')))")
    assert values == {
        "referral_touches": json.dumps([{"click_token": brought["ref_click"]}], separators=(",", ":")),
        "referral_code": brought["ref"],
        "referral_click_token": brought["ref_click"],
    }
    desktop.page.evaluate("() => Referral.clear()")
    values = desktop.page.evaluate("() => Object.values(Object.fromEntries(new FormData(document.forms[0])))")
    assert values == ["", "", ""]
    assert desktop.kept()["local"] == {}


def test_forms_that_are_not_marked_and_fields_of_the_page_are_left_alone(
    live: LiveService, shop: Shop, desktop: Visitor
) -> None:
    opened(desktop, share_link(live, shop))
    desktop.page.evaluate("""() => {
        const search = document.createElement("form");
        const marked = document.createElement("form");
        const own = document.createElement("input");
        own.name = "referral_code";
        own.value = "typed by the friend";
        marked.append(own);
        marked.dataset.referral = "";
        document.body.append(search, marked);
    }""")
    found = desktop.page.evaluate(
        "() => [...document.forms].map((form) => [...new FormData(form)].map(([name]) => name))"
    )
    assert found[0] == []
    assert found[1] == ["referral_code", "referral_touches", "referral_click_token"]
    assert desktop.page.evaluate("() => document.forms[1].elements.referral_code.value") == "typed by the friend"


def test_the_parameters_leave_the_address_bar_where_the_shop_wants_it(shop: Shop, desktop: Visitor) -> None:
    shop.head = shop.attribution_tag(attributes="data-clean")
    desktop.open(f"{shop.url}/welcome?a=1%2B1&ref=ALICE20&b=x%20y&ref_click=TOKEN#top")
    assert desktop.page.url == f"{shop.url}/welcome?a=1%2B1&b=x%20y#top"
    assert touches(desktop) == [{"click_token": "TOKEN"}]
    desktop.open(f"{shop.url}/welcome?ref=CAROL20")
    assert desktop.page.url == f"{shop.url}/welcome"


def test_the_names_of_the_parameters_are_the_programs(live: LiveService, shop: Shop, desktop: Visitor) -> None:
    names = {"code_parameter": "friend", "click_parameter": "friend.click"}
    expect(live.api.patch(f"/v1/programs/{shop.program['id']}", names), 200)
    brought = opened(desktop, share_link(live, shop))
    assert brought.keys() == {"friend", "friend.click"}
    assert touches(desktop) == [{"click_token": brought["friend.click"]}]
    desktop.open(f"{shop.url}/welcome?ref=OTHER")
    assert touches(desktop) == [{"click_token": brought["friend.click"]}]


def test_two_programs_share_a_site_and_keep_their_touches_apart(
    live: LiveService, shop: Shop, desktop: Visitor
) -> None:
    partners = a_program(live.api, name="Partners")
    names = {"code_parameter": "partner", "click_parameter": "partner_click"}
    partners = expect(live.api.patch(f"/v1/programs/{partners['id']}", names), 200)
    # Each line twice, as it happens to pages that are put together from parts.
    shop.head = (shop.attribution_tag() + shop.attribution_tag(partners)) * 2
    desktop.open(f"{shop.url}/welcome?ref=ALICE20&partner=AGENCY")
    assert desktop.page.evaluate("() => Referral.programs[Referral.program] === Referral")
    assert touches(desktop) == [{"code": "ALICE20"}]
    of_partners = desktop.page.evaluate("(id) => Referral.programs[id].touches()", partners["id"])
    assert of_partners == [{"code": "AGENCY"}]
    filled = desktop.page.evaluate(
        """async (id) => {
            const [plain, named] = [document.createElement("form"), document.createElement("form")];
            plain.dataset.referral = "";
            named.dataset.referral = id;
            document.body.append(plain, named);
            await null;
            return [plain, named].map((form) => new FormData(form).getAll("referral_code"));
        }""",
        partners["id"],
    )
    assert filled == [["ALICE20"], ["AGENCY"]]
    desktop.page.evaluate("(id) => Referral.programs[id].clear()", partners["id"])
    assert list(desktop.kept()["local"]) == [f"referral:{shop.program['id']}"]


def test_a_page_is_told_when_the_script_is_ready_however_late_it_asks(shop: Shop, desktop: Visitor) -> None:
    desktop.page.add_init_script("window.Referral = { onReady: (referral) => { window.early = referral.program; } };")
    desktop.open(f"{shop.url}/welcome")
    desktop.page.wait_for_function("() => window.early !== undefined")
    desktop.page.evaluate("() => Referral.onReady((referral) => { window.late = referral.program; })")
    desktop.page.wait_for_function("() => window.late !== undefined")
    assert desktop.page.evaluate("() => [early, late]") == [shop.program["id"]] * 2


def test_what_a_hidden_frame_opens_is_no_visit(
    live: LiveService, shop: Shop, new_visitor: Callable[..., Visitor]
) -> None:
    framed = "/framed?ref=ALICE20&ref_click=TOKEN"
    pages = {"/": f'<title>Around</title><iframe src="{framed}"></iframe>', "/framed": shop.head}

    @Request.application
    def careless(request: Request) -> Response:
        """A site that forgets to say who may frame it."""
        return Response(f'<link rel="icon" href="data:,">{pages[request.path]}', content_type="text/html")

    with served(lambda _: careless) as url:
        visitor = new_visitor(allowed=[url, live.url])
        visitor.open(url)
        assert visitor.page.frames[1].evaluate("() => Referral.touches()") == []
        assert visitor.kept()["local"] == {}
        visitor.open(url + framed)
        assert touches(visitor) == [{"click_token": "TOKEN"}]
