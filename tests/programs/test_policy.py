"""Where programs may go from where they stand, and where links may lead."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral_service.programs.policy import (
    CLOSED,
    STATUSES,
    TRANSITIONS,
    Act,
    Status,
    host_fault,
    is_legal,
    landing_url_fault,
)


def test_the_table_of_legal_steps_is_this() -> None:
    legal = {(act, status) for act in get_args(Act) for status in STATUSES if is_legal(act, status)}
    assert legal == {
        ("activate", "draft"),
        ("activate", "paused"),
        ("pause", "active"),
        ("archive", "draft"),
        ("archive", "active"),
        ("archive", "paused"),
        ("end", "active"),
        ("end", "paused"),
    }
    assert {act: to for act, (_, to) in TRANSITIONS.items()} == {
        "activate": "active",
        "pause": "paused",
        "archive": "archived",
        "end": "ended",
    }


def test_nothing_leads_back_from_an_end_and_no_status_is_forgotten() -> None:
    assert set(STATUSES) == set(get_args(Status))
    assert not any(is_legal(act, status) for act in get_args(Act) for status in CLOSED)
    assert not any(is_legal(act, "unheard of") for act in get_args(Act))


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example/welcome",
        "https://app.example",
        "HTTPS://App.Example:8443/a/b?x=1&y=%C3%BC#top",
        "https://xn--bcher-kva.example/",
        "https://localhost/",
        "http://localhost:3000/welcome",
        "http://shop.localhost/",
        "http://127.0.0.1:8080",
        "http://127.8.8.8/",
        "http://[::1]:8080/x",
        "https://app.example/" + "x" * 1004,
    ],
)
def test_a_landing_url_leads_somewhere_safe(url: str) -> None:
    assert landing_url_fault(url, development=False) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "app.example",
        "//app.example/",
        "https:/app.example",
        "https:app.example",
        "https://",
        "https:///welcome",
        "javascript:alert(1)",
        "javascript://app.example/%0aalert(1)",
        "data:text/html,x",
        "ftp://app.example/",
        "http://app.example/",
        "http://localhost.example/",
        "http://127.0.0.1.example/",
        "https://alice@app.example/",
        "https://alice:secret@app.example/",
        "https://app.example@evil.example/",
        "https://app.example\\@evil.example/",
        "https://app.example /",
        "https://app.example/a b",
        "https://app.example/\r\nSet-Cookie: a=b",
        "https://app.example/\n",
        "https://bücher.example/",
        "https://app.example/ü",
        "https://app.example/%zz",
        'https://app.example/"><script>',
        "https://app.example:99999/",
        "https://app.example:0/",
        "https://app.example:/",
        "https://app.example:8x/",
        "https://[::1/",
        "https://[fe80::1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://0177.0.0.1/",
        "https://app..example/",
        "https://-app.example/",
        "https://app_.example/",
        "https://*.example/",
        "https://app.example./",
        "https://" + "a" * 64 + ".example/",
        "https://app.example/" + "x" * 1005,
    ],
)
def test_a_landing_url_that_hides_where_it_leads_is_refused(url: str) -> None:
    assert landing_url_fault(url, development=False) is not None


def test_in_development_http_leads_anywhere_but_nothing_else_is_let_through() -> None:
    assert landing_url_fault("http://shop.internal/", development=True) is None
    assert landing_url_fault("http://a@shop.internal/", development=True) is not None
    assert landing_url_fault("javascript:alert(1)", development=True) is not None


@pytest.mark.parametrize(
    "host", ["shop.example", "localhost", "a.b.c.d.example", "xn--p1ai", "10.0.0.1", "1e100.net", "1.example"]
)
def test_a_host_is_a_name_or_a_plain_address(host: str) -> None:
    assert host_fault(host) is None


@pytest.mark.parametrize(
    "host",
    ["", ".", "shop.example.", ".shop.example", "Shop.example", "shop.example:443", "https://shop.example", "*.example",
     "shop example", "shop.example/", "a@b", "127.1", "0x7f000001", "2130706433", "010.0.0.1", "1.2.3.4.5", "a.0x1",
     "[::1]", "bücher.example", "１２７.0.0.1", "a" * 64, ".".join(["a" * 49] * 6), "shop.example\n", "shop\0.example"],
)  # fmt: skip
def test_what_an_address_bar_would_read_otherwise_is_no_host(host: str) -> None:
    assert host_fault(host) is not None


@given(st.text(max_size=200), st.booleans())
def test_no_text_makes_the_look_at_a_url_fail(text: str, development: bool) -> None:
    landing_url_fault(text, development=development)
    landing_url_fault(f"https://{text}", development=development)
    host_fault(text)
