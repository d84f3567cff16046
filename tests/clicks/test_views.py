"""Share links over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from clicks.test_bots import BOTS, CHROME
from clicks.test_target import HOSTILE
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select
from werkzeug.test import TestResponse

from builders import Api, a_code, a_program, expect
from cast import BOB, NOON
from referral_service.app import close, create_app
from referral_service.clicks.models import Click
from referral_service.clicks.record import ClickBuffer
from referral_service.clicks.token import read_click_token
from referral_service.clicks.views import CLICKS
from referral_service.config import Settings
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.kit.http.wiring import EXTENSION
from referral_service.tenants.open_app import OpenedApp

LANDING_URL = "https://shop.example/welcome?lang=uk#top"
BROWSER = {"User-Agent": CHROME}


@pytest.fixture
def program(api: Api) -> Any:
    program = a_program(api)
    changes = {"landing_url": LANDING_URL, "allowed_hosts": ["m.shop.example"]}
    return expect(api.patch(f"/v1/programs/{program['id']}", changes), 200)


@pytest.fixture
def code(api: Api, program: Any) -> Any:
    return a_code(api, program, vanity="Maria-20")


@pytest.fixture
def visit(client: FlaskClient) -> Callable[..., TestResponse]:
    """Open a share link as a browser does; `method`, `headers` and the query may be changed."""

    def open_link(
        code: str, *, method: str = "GET", headers: dict[str, str] | None = None, **query: str
    ) -> TestResponse:
        return client.open(f"/r/{code}", method=method, headers=BROWSER | (headers or {}), query_string=query or None)

    return open_link


@pytest.fixture
def clicks(app: Flask, database: Database) -> Callable[[], list[Click]]:
    """The clicks that are recorded by now."""

    def recorded() -> list[Click]:
        buffer: ClickBuffer = app.extensions[CLICKS]
        buffer.flush()
        return database.read(lambda session: list(session.scalars(select(Click).order_by(Click.id))))

    return recorded


def test_a_share_link_leads_to_the_landing_page_with_code_and_token(
    app: Flask, visit: Any, clicks: Any, tenant: OpenedApp, program: Any, code: Any
) -> None:
    answer = visit(code["signed_code"])
    assert answer.status_code == 302
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.data == b""
    location = urlsplit(answer.headers["Location"])
    assert (location.scheme, location.netloc, location.path) == ("https", "shop.example", "/welcome")
    assert location.fragment == "top"
    query = parse_qs(location.query)
    assert query.keys() == {"lang", "ref", "ref_click"}
    assert (query["lang"], query["ref"]) == (["uk"], ["Maria-20"])
    key_ring = app.extensions[EXTENSION].key_ring
    token = read_click_token(key_ring, query["ref_click"][0], app_id=tenant.tenant.app_id, now=NOON)
    assert (token.folded, token.at) == ("MAR1A20", NOON)
    (click,) = clicks()
    assert (click.id, click.program_id, click.at, click.kind) == (token.click_id, program["id"], NOON, "person")
    assert click.channel is None


def test_the_share_url_is_the_address_that_works(client: FlaskClient, code: Any) -> None:
    path = code["share_url"].removeprefix("https://refer.test")
    assert client.get(path, headers=BROWSER).status_code == 302


def test_every_visit_is_a_click_of_its_own(visit: Any, clicks: Any, code: Any) -> None:
    tokens = {visit(code["signed_code"]).headers["Location"] for _ in range(5)}
    assert len(tokens) == 5
    assert len(clicks()) == 5


def test_the_names_of_the_parameters_are_the_programs(api: Api, visit: Any, program: Any, code: Any) -> None:
    changes = {"code_parameter": "invite", "click_parameter": "lang"}
    expect(api.patch(f"/v1/programs/{program['id']}", changes), 200)
    query = parse_qs(urlsplit(visit(code["signed_code"]).headers["Location"]).query)
    assert query.keys() == {"invite", "lang"}
    assert query["lang"] != ["uk"]


def test_the_channel_is_kept_with_the_click(visit: Any, clicks: Any, code: Any) -> None:
    for channel in ("whatsapp", "in_store-2", "WhatsApp", "a b", "a" * 33, "", "<b>"):
        assert visit(code["signed_code"], ch=channel).status_code == 302
    assert [click.channel for click in clicks()] == ["whatsapp", "in_store-2", None, None, None, None, None]


def without_a_click(answer: TestResponse) -> None:
    assert answer.status_code == 302
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert query == {"lang": ["uk"], "ref": ["Maria-20"]}


def test_link_previews_are_led_on_without_a_click(visit: Any, clicks: Any, code: Any) -> None:
    for user_agent in BOTS.values():
        without_a_click(visit(code["signed_code"], headers={"User-Agent": user_agent}))
    assert clicks() == []


def test_a_prefetch_or_a_frame_is_no_click(visit: Any, clicks: Any, code: Any) -> None:
    ahead = [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}]
    framed = [{"Sec-Fetch-Dest": it} for it in ("iframe", "image", "empty", "script")]
    for headers in ahead + framed:
        without_a_click(visit(code["signed_code"], headers=headers))
    assert clicks() == []


def test_head_is_answered_like_get_without_a_click(visit: Any, clicks: Any, code: Any) -> None:
    without_a_click(visit(code["signed_code"], method="HEAD"))
    assert clicks() == []


def test_a_link_is_followed_without_a_query_once_it_is_known(database: Database, visit: Any, code: Any) -> None:
    visit(code["signed_code"])
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "clicks" not in statement:
            statements.append(statement)

    for engine in (database.read_engine, database.write_engine):
        event.listen(engine, "before_cursor_execute", note)
    try:
        for _ in range(10):
            assert visit(code["signed_code"]).status_code == 302
    finally:
        for engine in (database.read_engine, database.write_engine):
            event.remove(engine, "before_cursor_execute", note)
    assert statements == []


def test_a_forged_link_asks_the_database_nothing(database: Database, visit: Any, code: Any) -> None:
    visit(code["signed_code"])
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(database.read_engine, "before_cursor_execute", note)
    try:
        signed = code["signed_code"]
        for position in range(len(signed)):
            other = "A" if signed[position] != "A" else "B"
            assert visit(signed[:position] + other + signed[position + 1 :]).status_code == 404
    finally:
        event.remove(database.read_engine, "before_cursor_execute", note)
    # A forged key id is looked up, once a second at most.
    assert len([it for it in statements if "signing_keys" not in it]) == 0


def dead_links(api: Api, program: Any) -> dict[str, str]:
    """Signed codes that lead nowhere, each for another reason."""
    live = a_code(api, program, referrer=BOB)["signed_code"]
    revoked = a_code(api, program)
    expect(api.post(f"/v1/codes/{revoked['code']}/revoke"), 200)
    paused = a_program(api)
    of_paused = a_code(api, paused)
    expect(api.post(f"/v1/programs/{paused['id']}/pause"), 200)
    archived = a_program(api)
    of_archived = a_code(api, archived)
    expect(api.post(f"/v1/programs/{archived['id']}/archive"), 200)
    return {
        "unknown": "ZZZZZZZZ",
        "forged": live[:-1] + ("A" if live[-1] != "A" else "B"),
        "revoked": revoked["signed_code"],
        "paused": of_paused["signed_code"],
        "archived": of_archived["signed_code"],
        "empty": "%20",
        "long": "A" * 1000,
    }


@pytest.mark.parametrize("accept", ["text/html,application/xhtml+xml", "*/*"])
def test_every_link_that_leads_nowhere_answers_the_same(
    api: Api, visit: Any, clicks: Any, program: Any, accept: str
) -> None:
    answers = [visit(code, headers={"Accept": accept}) for code in dead_links(api, program).values()]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.data for answer in answers}) == 1
    ignored = {"X-Request-Id"}
    assert len({tuple((k, v) for k, v in answer.headers if k not in ignored) for answer in answers}) == 1
    assert answers[0].headers["Cache-Control"] == "no-store"
    expected = "text/html; charset=utf-8" if accept.startswith("text/html") else "application/problem+json"
    assert answers[0].headers["Content-Type"] == expected
    assert clicks() == []


def test_a_deep_link_to_the_programs_own_hosts_is_followed(visit: Any, clicks: Any, code: Any) -> None:
    answer = visit(code["signed_code"], to="https://m.shop.example/item/7?size=m&ref=mine#reviews")
    location = urlsplit(answer.headers["Location"])
    assert (location.netloc, location.path, location.fragment) == ("m.shop.example", "/item/7", "reviews")
    query = parse_qs(location.query)
    assert (query["size"], query["ref"]) == (["m"], ["Maria-20"])
    assert len(query["ref_click"]) == 1
    assert len(clicks()) == 1


def test_hostile_deep_links_lead_to_the_landing_page(visit: Any, code: Any) -> None:
    expected = "https://shop.example/welcome?lang=uk&ref=Maria-20&ref_click="
    # The longest is refused for its length before anything looks at it.
    for target in [it for it in HOSTILE if len(it) < 1000]:
        answer = visit(code["signed_code"], to=target)
        assert (answer.status_code, answer.headers["Location"][: len(expected)]) == (302, expected), target
        assert "evil" not in answer.headers["Location"], target


def test_no_header_of_the_visitor_changes_where_a_link_leads(visit: Any, code: Any) -> None:
    hostile = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    answer = visit(code["signed_code"], headers=hostile | {"Referer": "https://evil.example/"})
    assert answer.headers["Location"].startswith("https://shop.example/welcome?")


def test_a_pretty_link_leads_to_the_same_place(visit: Any, clicks: Any, tenant: OpenedApp, code: Any) -> None:
    slug = tenant.tenant.slug
    for text in (code["code"], "maria20", "MARIA%2D20"):
        answer = visit(f"{slug}/{text}")
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("https://shop.example/welcome?lang=uk&ref=Maria-20&ref_click=")
    assert len(clicks()) == 3
    for dead in (f"{slug}/NOBODY", "no-such-shop/Maria-20", f"{slug}/%00", f"{slug.upper()}x/Maria-20", f"{slug}/a/b"):
        assert visit(dead).status_code == 404


def test_a_program_may_want_signed_links_only(api: Api, visit: Any, tenant: OpenedApp, program: Any, code: Any) -> None:
    expect(api.patch(f"/v1/programs/{program['id']}", {"signed_links_only": True}), 200)
    assert visit(f"{tenant.tenant.slug}/Maria-20").status_code == 404
    assert visit(code["signed_code"]).status_code == 302


@pytest.fixture
def limited_client(settings: Settings, clock: FixedClock, database: Database, app: Flask) -> Iterator[FlaskClient]:
    """A client of an application that counts."""
    assert app.extensions
    limited = create_app(replace(settings, rate_limits=True), clock=clock, database=database)
    yield limited.test_client()
    close(limited)


def test_pretty_links_are_limited_by_address_and_signed_ones_are_not(
    limited_client: FlaskClient, tenant: OpenedApp, code: Any
) -> None:
    pretty = f"/r/{tenant.tenant.slug}/Maria-20"
    statuses = [limited_client.get(pretty, headers=BROWSER).status_code for _ in range(31)]
    assert statuses == [302] * 30 + [429]
    unknown = limited_client.get(f"/r/{tenant.tenant.slug}/NOBODY", headers=BROWSER)
    assert unknown.status_code == 429
    elsewhere = limited_client.get(pretty, headers=BROWSER, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert elsewhere.status_code == 302
    signed = [limited_client.get(f"/r/{code['signed_code']}", headers=BROWSER).status_code for _ in range(40)]
    assert set(signed) == {302}


def test_a_test_apps_clicks_follow_its_own_clock_at_once(
    app: Flask, client: FlaskClient, visit: Any, clicks: Any, trial_tenant: OpenedApp, clock: FixedClock
) -> None:
    api = Api(client, key=trial_tenant.key.secret, clock=clock)
    code = a_code(api, a_program(api))
    visit(code["signed_code"])
    expect(api.post("/v1/test-clock/advance", {"seconds": 86400 * 40}), 200)
    answer = visit(code["signed_code"])
    token = parse_qs(urlsplit(answer.headers["Location"]).query)["ref_click"][0]
    later = NOON + timedelta(days=40)
    key_ring = app.extensions[EXTENSION].key_ring
    assert read_click_token(key_ring, token, app_id=trial_tenant.tenant.app_id, now=later).at == later
    assert [click.at for click in clicks()] == [NOON, later]


def test_closing_the_application_writes_the_clicks_that_wait(
    settings: Settings, clock: FixedClock, database: Database, code: Any
) -> None:
    other = create_app(settings, clock=clock, database=database)
    other.extensions[CLICKS]._flush_seconds = 3600.0
    assert other.test_client().get(f"/r/{code['signed_code']}", headers=BROWSER).status_code == 302
    close(other)
    assert len(database.read(lambda session: session.scalars(select(Click)).all())) == 1
