"""widget.js on a shop's page and embed.js in the frame, with a stand-in for the share panel between them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Frame, Page
from werkzeug.wrappers import Request, Response

import referral_service.share
from browser.serving import served
from browser.shop import Shop
from browser.visitor import PHONE, Visitor
from referral_service.share.scripts.render import render
from referral_service.share.scripts.settings import ScriptSettings

PROGRAM = {"id": "prg_01k0c7q2v8f3w9n5x4z6t1r0me"}
SETTINGS = ScriptSettings(
    program_id=PROGRAM["id"],
    code_parameter="ref",
    click_parameter="ref_click",
    touch="last",
    window_days=30,
    consent=False,
    is_live=True,
)
EMBED_SCRIPT = Path(referral_service.share.__file__).parent / "pages" / "static" / "embed.js"
TOKEN = "a-token/with?odd&signs"
# The panel is as high as its one paragraph is told to be.
PANEL = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Your share panel</title>
<link rel="stylesheet" href="/panel.css"><script src="/embed.js" data-origins="{origins}">
</script></head><body><main><h1>Share</h1><p id="space"></p>
<button data-channel="whatsapp"><span>WhatsApp</span></button> <button>Copy</button></main></body></html>"""
PANEL_STYLE = "body { margin: 0 } #space { height: 300px; margin: 0 } [data-theme=dark] body { background: #123 }"


class Panel:
    """Stands in for the service: its script, and a panel that pages of `ancestors` may frame and that talks with those
    of `origins` alone.
    """

    def __init__(self) -> None:
        self.ancestors, self.origins = "'none'", ""
        # Path, query and referrer of each request for the panel.
        self.asked: list[tuple[str, dict[str, str], str | None]] = []

    def admit(self, url: str) -> None:
        self.ancestors = self.origins = url

    def answer(self, request: Request) -> Response:
        if request.path == f"/widget/{PROGRAM['id']}.js":
            return Response(render("widget.js", SETTINGS).body, content_type="text/javascript")
        if request.path == "/embed.js":
            return Response(EMBED_SCRIPT.read_bytes(), content_type="text/javascript")
        if request.path == "/panel.css":
            return Response(PANEL_STYLE, content_type="text/css")
        self.asked.append((request.path, request.args.to_dict(), request.headers.get("Referer")))
        policy = f"default-src 'none'; script-src 'self'; style-src 'self'; frame-ancestors {self.ancestors}"
        return Response(
            PANEL.format(origins=self.origins),
            content_type="text/html; charset=utf-8",
            headers={"Content-Security-Policy": policy},
        )


@pytest.fixture
def panel() -> Panel:
    return Panel()


@pytest.fixture
def panel_url(panel: Panel) -> Iterator[str]:
    with served(lambda _: Request.application(panel.answer)) as url:
        yield url


@pytest.fixture
def site(panel: Panel, panel_url: str) -> Iterator[Shop]:
    """A shop that the panel admits."""
    made: list[Shop] = []

    def make(url: str) -> Shop:
        made.append(Shop(url, service_url=panel_url, api_key="none", program=PROGRAM, provider_url=url))
        return made[0]

    with served(make) as url:
        made[0].head = ""
        panel.admit(url)
        yield made[0]
        made[0].close()


@pytest.fixture
def host(new_visitor: Callable[..., Visitor], site: Shop, panel_url: str) -> Visitor:
    visitor = new_visitor(allowed=[site.url, panel_url])
    # What the target hears, in order.
    visitor.page.add_init_script("""
        window.heard = [];
        for (const type of ["referral:height", "referral:shared"])
            document.addEventListener(type, (event) => heard.push([event.target.id, type, event.detail]));
    """)
    return visitor


def opened(host: Visitor, site: Shop, *, attributes: str = 'data-target="#panel"') -> Frame:
    """Open the page with the panel, wait until the panel has spoken, and return its frame."""
    host.open(site.show_panel(TOKEN, attributes=attributes))
    host.page.wait_for_function("() => heard.length > 0")
    return host.page.frames[1]


def heard(page: Page, type_: str) -> Any:
    return page.evaluate("(type) => heard.filter((each) => each[1] === type).map((each) => each[2])", type_)


def frame_height(page: Page) -> int:
    height: int = page.evaluate("() => document.querySelector('iframe').offsetHeight")
    return height


def test_the_panel_is_as_high_as_what_it_holds_and_grows_with_it(host: Visitor, site: Shop) -> None:
    frame = opened(host, site)
    small = frame.evaluate("() => document.documentElement.offsetHeight")
    assert 300 < small == frame_height(host.page)
    frame.evaluate("() => { document.querySelector('#space').style.height = '900px'; }")
    host.page.wait_for_function("() => heard.length > 1")
    assert frame_height(host.page) == small + 600
    assert heard(host.page, "referral:height") == [{"height": small}, {"height": small + 600}]
    frame.evaluate("() => { document.querySelector('#space').style.height = '100px'; }")
    host.page.wait_for_function("() => heard.length > 2")
    assert frame_height(host.page) == small - 200


def test_the_frame_has_a_name_and_tells_the_service_nothing_of_the_page(
    host: Visitor, site: Shop, panel: Panel
) -> None:
    opened(host, site, attributes='data-target="#panel" data-theme="dark" data-locale="uk"')
    frame = host.page.locator("#panel > iframe")
    assert frame.get_attribute("title") == "Your share panel"
    assert frame.get_attribute("loading") == "lazy"
    assert frame.get_attribute("allow") == "clipboard-write; web-share"
    assert panel.asked == [(f"/me/{TOKEN}/embed", {"theme": "dark", "lang": "uk"}, None)]
    assert host.accessibility_faults() == []


def test_without_a_target_the_panel_stands_where_the_script_does(host: Visitor, site: Shop) -> None:
    opened(host, site, attributes="")
    assert host.page.locator("script[data-token] + div > iframe").count() == 1


def test_on_a_phone_the_panel_is_not_wider_than_the_page(
    new_visitor: Callable[..., Visitor], site: Shop, panel_url: str
) -> None:
    phone = new_visitor(allowed=[site.url, panel_url], device=PHONE)
    phone.open(site.show_panel(TOKEN, attributes='data-target="#panel"'))
    phone.page.wait_for_function("() => document.querySelector('iframe')?.title === 'Your share panel'")
    assert phone.page.evaluate("() => document.documentElement.scrollWidth") == 390


def test_the_page_hears_what_was_shared(host: Visitor, site: Shop) -> None:
    frame = opened(host, site)
    frame.get_by_text("WhatsApp").click()
    frame.get_by_text("Copy").click()
    frame.evaluate("() => document.dispatchEvent(new CustomEvent('referral:shared', {detail: {channel: 'copy'}}))")
    host.page.wait_for_function("() => heard.filter((each) => each[1] === 'referral:shared').length === 2")
    assert heard(host.page, "referral:shared") == [{"channel": "whatsapp"}, {"channel": "copy"}]
    assert host.page.evaluate("() => heard.at(-1)[0]") == "panel"


@pytest.mark.parametrize(
    ("theme", "colours", "expected"),
    [("dark", "light", "dark"), ("light", "dark", "light"), ("auto", "dark", None), ("neon", "dark", None)],
)
def test_the_panel_has_the_theme_that_the_page_asks_for(
    new_visitor: Callable[..., Visitor], site: Shop, panel_url: str, theme: str, colours: str, expected: str | None
) -> None:
    visitor = new_visitor(allowed=[site.url, panel_url], colours=colours)
    visitor.open(site.show_panel(TOKEN, attributes=f'data-target="#panel" data-theme="{theme}"'))
    visitor.page.wait_for_function("() => document.querySelector('iframe')?.title === 'Your share panel'")
    assert visitor.page.frames[1].evaluate("() => document.documentElement.dataset.theme ?? null") == expected


def test_a_page_may_mount_the_panel_itself_change_its_theme_and_take_it_away(host: Visitor, site: Shop) -> None:
    site.panel = site.widget_tag("").replace('data-token=""', "")
    host.open(f"{site.url}/refer")
    assert host.page.locator("iframe").count() == 0
    host.page.evaluate(
        "(token) => { window.handle = ReferralWidget.mount(document.querySelector('#panel'), {token}); }", TOKEN
    )
    host.page.wait_for_function("() => heard.length > 0")
    host.page.evaluate("() => handle.setTheme('dark')")
    host.page.frames[1].wait_for_selector("html[data-theme=dark]")
    host.page.evaluate("() => handle.remove()")
    assert host.page.locator("iframe").count() == 0


def test_two_panels_on_one_page_are_told_apart(host: Visitor, site: Shop) -> None:
    frame = opened(host, site)
    height = frame_height(host.page)
    host.page.evaluate("""() => {
        const another = document.createElement("div");
        another.id = "another";
        document.body.append(another);
        ReferralWidget.mount(another, {token: "another"});
    }""")
    host.page.wait_for_function("() => heard.length > 1")
    host.page.frames[2].evaluate("() => { document.querySelector('#space').style.height = '900px'; }")
    host.page.wait_for_function("() => heard.length > 2")
    host.page.frames[2].get_by_text("WhatsApp").click()
    host.page.wait_for_function("() => heard.length > 3")
    assert host.page.evaluate("() => heard.map((each) => each[0])") == ["panel", *["another"] * 3]
    assert frame_height(host.page) == height == frame.evaluate("() => document.documentElement.offsetHeight")


FORGED = [
    {"type": "referral:height", "height": 7777},
    {"type": "referral:shared", "channel": "forged"},
]


@pytest.fixture
def forger() -> Iterator[str]:
    """A page that tells whatever is around it what the panel would."""
    messages = json.dumps(FORGED)

    @Request.application
    def page(_: Request) -> Response:
        script = f"for (const message of {messages}) parent.postMessage(message, '*'); window.isDone = true"
        return Response(f"<title>Forger</title><script>{script}</script>", content_type="text/html")

    with served(lambda _: page) as url:
        yield url


def test_messages_of_the_page_and_of_other_frames_are_ignored(host: Visitor, site: Shop, forger: str) -> None:
    site.frames += f" {forger}"
    host.allowed.add(forger)
    opened(host, site)
    height = frame_height(host.page)
    host.page.evaluate(
        """async ([forged, url]) => {
            for (const message of forged) window.postMessage(message, "*");
            const frame = document.createElement("iframe");
            const loaded = new Promise((resolve) => { frame.onload = resolve; });
            frame.src = url;
            document.body.append(frame);
            await loaded;
        }""",
        [FORGED, forger],
    )
    host.page.frames[2].wait_for_function("() => window.isDone")
    host.page.wait_for_timeout(100)
    assert frame_height(host.page) == height
    assert heard(host.page, "referral:shared") == []


def test_another_site_inside_the_very_frame_is_ignored(host: Visitor, site: Shop, panel: Panel, forger: str) -> None:
    site.frames += f" {forger}"
    host.allowed.add(forger)
    # It is told nothing either, which the browser notes down as an error.
    host.expects("does not match the recipient")
    frame = opened(host, site)
    height = frame_height(host.page)
    frame.evaluate("(url) => { setTimeout(() => { location.href = url; }); }", forger)
    frame.wait_for_url(f"{forger}/")
    frame.wait_for_function("() => window.isDone")
    host.page.wait_for_timeout(100)
    assert frame_height(host.page) == height
    assert heard(host.page, "referral:shared") == []
    assert len(panel.asked) == 1


def test_the_panel_does_not_talk_to_an_origin_that_is_not_on_its_list(host: Visitor, site: Shop, panel: Panel) -> None:
    panel.origins = "https://another.example"
    host.open(site.show_panel(TOKEN, attributes='data-target="#panel" data-theme="dark"'))
    frame = host.page.frames[1]
    frame.wait_for_selector("html[data-theme=dark]")
    host.page.evaluate(
        "([type, origin]) => document.querySelector('iframe').contentWindow.postMessage({type, theme: 'light'}, '*')",
        ["referral:theme", site.url],
    )
    frame.get_by_text("WhatsApp").click()
    host.page.wait_for_timeout(200)
    assert host.page.evaluate("() => heard") == []
    assert frame.evaluate("() => document.documentElement.dataset.theme") == "dark"


def test_the_panel_listens_to_the_page_around_it_and_to_no_other_frame(host: Visitor, site: Shop) -> None:
    frame = opened(host, site, attributes='data-target="#panel" data-theme="dark"')
    host.page.evaluate("() => { document.body.append(document.createElement('iframe')); }")
    # An empty frame has the origin of the page.
    host.page.frames[2].evaluate("() => parent.frames[0].postMessage({type: 'referral:theme', theme: 'light'}, '*')")
    host.page.wait_for_timeout(100)
    assert frame.evaluate("() => document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize(
    "message",
    [
        None,
        7,
        "referral:height",
        {},
        {"type": "referral:height"},
        {"type": "referral:height", "height": -1},
        {"type": "referral:height", "height": 1e9},
        {"type": "referral:height", "height": "50vh"},
        {"type": "referral:shared"},
        {"type": "referral:shared", "channel": "<img src=x>"},
        {"type": "referral:shared", "channel": ["whatsapp"]},
    ],
)
def test_messages_without_sense_do_nothing(host: Visitor, site: Shop, message: Any) -> None:
    frame = opened(host, site)
    before = host.page.evaluate("() => heard.length"), frame_height(host.page)
    frame.evaluate("async (message) => { parent.postMessage(message, '*'); }", message)
    host.page.wait_for_timeout(100)
    assert (host.page.evaluate("() => heard.length"), frame_height(host.page)) == before


def test_where_the_site_is_not_admitted_no_broken_frame_is_left(host: Visitor, site: Shop, panel: Panel) -> None:
    panel.ancestors = "'none'"
    host.expects("frame-ancestors|chrome-error|does not match the recipient")
    warnings: list[str] = []
    host.page.on("console", lambda message: warnings.append(message.text) if message.type == "warning" else None)
    host.page.clock.install()
    host.open(site.show_panel(TOKEN, attributes='data-target="#panel"'))
    host.page.wait_for_timeout(100)
    host.page.clock.fast_forward(6000)
    host.page.locator("iframe").wait_for(state="hidden")
    assert [text for text in warnings if "embed_origins" in text]


def test_a_target_that_is_not_there_breaks_nothing(host: Visitor, site: Shop) -> None:
    warnings: list[str] = []
    host.page.on("console", lambda message: warnings.append(message.text) if message.type == "warning" else None)
    for selector in ("#nowhere", "[[[", "<b>"):
        host.open(site.show_panel(TOKEN, attributes=f'data-target="{selector}"'))
        assert host.page.locator("iframe").count() == 0
    assert len(warnings) == 3
