"""Who may see a share page, what it lets a browser do, and what it costs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import structlog
from asked import statements
from share.page_seen import seen
from share.sharing import a_token, branded, friends, page
from structlog.testing import capture_logs

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, expect
from cast import ALICE, BOB
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database

SHOP = "https://shop.example"
PATHS = pytest.mark.parametrize("embed", [False, True], ids=["page", "panel"])


@contextmanager
def all_logs() -> Iterator[None]:
    """The access log too, which tests leave out otherwise."""
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    try:
        yield
    finally:
        structlog.configure(wrapper_class=before)


def over(api: Api, token: str, *, embed: bool) -> bytes:
    """The page that says that a token opens nothing, without what differs each time."""
    answer = api.with_key(None).get(f"/me/{token}{'/embed' * embed}")
    shown = seen(answer, status=404)
    assert "This page is no longer open" in shown.texts
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    nonce = answer.headers["Content-Security-Policy"].split("'nonce-")[1].split("'")[0]
    body: bytes = answer.get_data()
    return body.replace(nonce.encode(), b"")


@PATHS
def test_whatever_is_wrong_with_a_token_the_answer_is_the_same(api: Api, clock: FixedClock, embed: bool) -> None:
    program = branded(api, a_program(api, name="Secret club"), display_name="Secret club", embed_origins=[SHOP])
    revoked = a_token(api, program)
    expect(api.delete("/v1/customers/alice/share-tokens"), 204)
    short = a_token(api, program, expires_in_seconds=3600)
    erased = a_token(api, program, of=BOB)
    expect(api.delete("/v1/customers/bob"), 204)
    live = a_token(api, program)
    forged = live[:-1] + ("0" if live[-1] != "0" else "1")
    clock.advance(timedelta(hours=1))
    answers = {over(api, token, embed=embed) for token in (revoked, short, erased, forged, "nonsense", "x" * 900)}
    assert len(answers) == 1
    assert b"Secret" not in answers.pop()
    page(api, live, embed=embed)


def test_a_test_apps_page_closes_by_its_own_clock(trial_api: Api) -> None:
    token = a_token(trial_api, a_program(trial_api), expires_in_seconds=7200)
    expect(trial_api.post("/v1/test-clock/advance", {"seconds": 7199}), 200)
    page(trial_api, token)
    expect(trial_api.post("/v1/test-clock/advance", {"seconds": 1}), 200)
    page(trial_api, token, status=404)


def test_people_of_two_apps_by_the_same_name_see_their_own(api: Api, trial_api: Api) -> None:
    programs = a_program(api, name="Ours"), a_program(trial_api, name="Theirs")
    a_claim(api, a_code(api, programs[0]))
    ours, theirs = a_token(api, programs[0]), a_token(trial_api, programs[1])
    assert "A friend, since March 1" in page(api, ours).texts
    shown = page(api, theirs)
    assert "Theirs" in shown.texts
    assert "A friend, since March 1" not in shown.texts
    head = slice(-52, -46)
    page(api, ours[: head.start] + theirs[head] + ours[head.stop :], status=404)


def test_the_page_is_kept_by_nobody_and_framed_by_nobody(api: Api) -> None:
    program = branded(api, a_program(api), embed_origins=[SHOP])
    headers = api.with_key(None).get(f"/me/{a_token(api, program)}").headers
    policy = headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Robots-Tag"] == "noindex"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "Set-Cookie" not in headers


def test_the_panel_is_framed_by_the_programs_origins_alone(api: Api) -> None:
    program = a_program(api)
    token = a_token(api, program)
    assert "frame-ancestors 'none'" in api.get(f"/me/{token}/embed").headers["Content-Security-Policy"]
    branded(api, program, embed_origins=[SHOP, "https://www.shop.example"])
    answer = api.with_key(None).get(f"/me/{token}/embed")
    assert answer.headers["Content-Security-Policy"].endswith(f"frame-ancestors {SHOP} https://www.shop.example")
    assert answer.headers["Cache-Control"] == "no-store"
    # A site that isolates itself may frame it too.
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    scripts = [attributes for tag, attributes in seen(answer).elements if tag == "script"]
    assert scripts[0]["data-origins"] == f"{SHOP} https://www.shop.example"


def test_the_panel_shows_nothing_of_anybodys_affairs(api: Api) -> None:
    program = a_program(api)
    a_customer(api, BOB, invite_name_opt_in=True)
    a_claim(api, a_code(api, program))
    a_purchase(api)
    shown = page(api, a_token(api, program), embed=True)
    assert "Bob" not in shown.text
    assert {"Your friends", "Your rewards", "What you have earned"}.isdisjoint(shown.texts)


@PATHS
def test_everything_that_is_loaded_is_our_own(api: Api, embed: bool) -> None:
    shown = page(api, a_token(api, a_program(api)), embed=embed)
    loaded = [
        attributes.get("src") or attributes.get("href") or ""
        for tag, attributes in shown.elements
        if tag in ("script", "img", "link")
    ]
    assert loaded
    for address in loaded:
        assert address.startswith("/")
        assert api.with_key(None).get(address).status_code == 200


def test_the_log_and_the_texts_hold_no_token(api: Api) -> None:
    token = a_token(api, a_program(api))
    with all_logs(), capture_logs() as logged:
        page(api, token)
        page(api, token, embed=True)
        page(api, token[:-1], status=404)
    assert [line["route"] for line in logged if line["event"] == "request"] == [
        "/me/<token>",
        "/me/<token>/embed",
        "/me/<token>",
    ]
    assert token[:-1] not in str(logged)
    assert token not in api.with_key(None).get(f"/me/{token}").get_data(as_text=True)


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onfocus=alert(1) autofocus='",
    "{{ 7 * 7 }}%(number)s",
    "javascript:alert(1)//",
    "&body=x&to=mallory",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_anybody_wrote_stays_text(api: Api, text: str) -> None:
    texts = {"en": {"share_message": text}}
    program = branded(api, a_program(api, name=text), display_name=text, texts=texts)
    a_customer(api, ALICE, display_name=text, invite_name_opt_in=True)
    a_customer(api, BOB, display_name=text, invite_name_opt_in=True)
    a_claim(api, a_code(api, program))
    plain = branded(api, a_program(api), embed_origins=[SHOP])
    for embed in (False, True):
        shown, expected = page(api, a_token(api, program), embed=embed), page(api, a_token(api, plain), embed=embed)
        tags = {tag for tag, _ in expected.elements} | {"ul", "li"}
        assert {tag for tag, _ in shown.elements} <= tags
        names = {name for _, attributes in shown.elements for name in attributes}
        assert not [name for name in names if name.startswith("on") or name == "autofocus"]
        for tag, attributes in shown.elements:
            href = attributes.get("href") or ""
            assert tag != "a" or href.startswith(("https://", "viber:", "mailto:?", "sms:?", "/", "?", "#"))
            assert "&to=" not in href
    assert text in page(api, a_token(api, program)).texts


def test_fifty_friends_cost_no_more_queries_than_one(api: Api, database: Database) -> None:
    program = a_program(api)
    token, code = a_token(api, program), a_code(api, program)
    counts = []
    for person in friends(30):
        a_customer(api, person, invite_name_opt_in=True)
        a_claim(api, code, referee=person)
        a_purchase(api, customer=person)
        if person.customer_id in ("friend-0", "friend-29"):
            page(api, token)
            with statements(database) as asked:
                page(api, token)
            counts.append(len([it for it in asked if it.lstrip().startswith(("SELECT", "WITH"))]))
    assert counts[0] == counts[1]
    assert counts[0] <= 25
