"""What the browser tests rest on sees what it is there to see."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from werkzeug.wrappers import Request, Response

from browser.serving import served
from browser.visitor import PHONE, Visitor

HEAD = '<!doctype html><html lang="en"><title>A page</title><link rel="icon" href="data:,">'
SOUND = HEAD + "<main><h1>A page</h1></main>"
# By path: a page with one fault each.
FAULTY = {
    "/sound": SOUND,
    "/throws": SOUND + "<script>setTimeout(() => { throw new Error('a fault of the page') })</script>",
    "/complains": SOUND + "<script>console.error('a complaint')</script>",
    "/loads": SOUND + '<img alt="" src="http://127.0.0.1:9/elsewhere.png">',
    "/unlabelled": HEAD + '<main><h1>A page</h1><form><input name="mail"></form></main>',
    "/heavy": SOUND + '<link rel="stylesheet" href="/heavy.css">',
}
REFUSED = "default-src 'none'; img-src data:"


@Request.application
def pages(request: Request) -> Response:
    if request.path == "/heavy.css":
        return Response(" " * 50_000, content_type="text/css")
    policy = {"Content-Security-Policy": REFUSED} if "policy" in request.args else {}
    return Response(FAULTY[request.path], content_type="text/html; charset=utf-8", headers=policy)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with served(lambda _: pages) as url:
        yield url


@pytest.fixture
def visitor(new_visitor: Callable[..., Visitor], site: str) -> Visitor:
    return new_visitor(allowed=[site])


def test_a_sound_page_has_no_problem(visitor: Visitor, site: str) -> None:
    visitor.open(f"{site}/sound?policy")
    assert visitor.problems == []
    assert visitor.accessibility_faults() == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/throws", "uncaught: .*a fault of the page"),
        ("/complains", "console: a complaint"),
        ("/complains?policy", "console: .*Content Security Policy"),
        ("/loads", "asked another origin: http://127.0.0.1:9/elsewhere.png|console: .*ERR_"),
    ],
)
def test_every_problem_is_noticed(visitor: Visitor, site: str, path: str, said: str) -> None:
    visitor.expects(said)
    visitor.open(site + path)
    visitor.page.wait_for_function("() => document.readyState === 'complete'")
    visitor.page.wait_for_timeout(50)
    assert visitor.problems
    assert visitor.unexpected() == []


def test_what_axe_finds_is_told_under_any_policy(visitor: Visitor, site: str) -> None:
    visitor.open(f"{site}/unlabelled?policy")
    faults = visitor.accessibility_faults()
    (fault,) = [fault for fault in faults if fault.startswith("label (critical): ")]
    assert '<input name="mail">' in fault


def test_what_was_loaded_is_weighed(visitor: Visitor, site: str) -> None:
    visitor.open(f"{site}/sound")
    light = visitor.load()
    assert light.requests == 1
    assert len(SOUND) < light.transferred_bytes < len(SOUND) + 500
    visitor.forget_load()
    visitor.open(f"{site}/heavy")
    heavy = visitor.load()
    assert heavy.requests == 2
    assert 50_000 < heavy.transferred_bytes < 52_000


def test_visitors_have_the_screen_the_colours_and_the_language_they_ask_for(
    new_visitor: Callable[..., Visitor], site: str
) -> None:
    visitor = new_visitor(allowed=[site], device=PHONE, colours="dark", locale="uk")
    visitor.open(f"{site}/sound")
    seen = visitor.page.evaluate(
        "() => [screen.width, devicePixelRatio, 'ontouchstart' in window,"
        " matchMedia('(prefers-color-scheme: dark)').matches, navigator.language]"
    )
    assert seen == [390, 3, True, True, "uk"]


def test_nothing_of_one_visitor_is_seen_by_another(new_visitor: Callable[..., Visitor], site: str) -> None:
    one, other = new_visitor(allowed=[site]), new_visitor(allowed=[site])
    one.open(f"{site}/sound")
    one.page.evaluate("() => localStorage.setItem('a', '1')")
    other.open(f"{site}/sound")
    assert other.kept()["local"] == {}
