"""A share link leads to the program's own hosts, however a deep link is written."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral_service.clicks.target import place, places, read_target, with_parameters

PLACES = places("https://shop.example/welcome", ["m.shop.example"])

HOSTILE = [
    "http://shop.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example\\",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example/",
    "https://evil.example/",
    "https://evil.example/shop.example",
    "https://evil.example?shop.example",
    "https://evil.example#shop.example",
    "https://shop.example.evil.example/",
    "https://evilshop.example/",
    "https://shop.example@evil.example/",
    "https://shop.example:443@evil.example/",
    "https://user:pass@shop.example/",
    "https://@shop.example/",
    "https://evil.example\\@shop.example/",
    "https://evil.example\\.shop.example/",
    "https://evil.example%2f@shop.example/",
    "https://evil.example%00.shop.example/",
    "https://shop.example%2eevil.example/",
    "https://shop.example\t.evil.example/",
    "https://shop.example\n.evil.example/",
    "ht\ntps://shop.example/",
    "https://shop.example/\r\nSet-Cookie: a=b",
    "https://shop.example/ https://evil.example",
    " https://evil.example",
    "\x01https://shop.example/",
    "https://shop.example.",
    "https://shop.example./",
    "https://.shop.example/",
    "https://shop..example/",
    "https://shop.example:8443/",
    "https://shop.example:0/",
    "https://shop.example:/",
    "https://shop.example:99999/",
    "https://shop.example:4é3/",
    "https://ѕhop.example/",
    "https://shop。example/",
    "https://ｓhop.example/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://127.0.0.1/",
    "https://2130706433/",
    "https://localhost/",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)//https://shop.example",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "ftp://shop.example/",
    "intent://shop.example#Intent;scheme=https;end",
    "https://shop.example/<script>",
    'https://shop.example/"onmouseover="alert(1)',
    "https://[shop.example]/",
    "https://[shop.example/",
    "https://",
    "https://?",
    "shop.example",
    "welcome",
    "",
    "https://shop.example/" + "a" * 2048,
]


def allowed(text: str, *, insecure: bool = False) -> bool:
    target = read_target(text, insecure=insecure)
    return target is not None and place(target) in PLACES


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_deep_link_is_as_if_it_were_not_there(text: str) -> None:
    assert not allowed(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://shop.example",
        "https://shop.example/",
        "https://SHOP.Example/a",
        "HTTPS://shop.example/a".replace("HTTPS", "https"),
        "https://shop.example:443/a?b=c#d",
        "https://m.shop.example/deep/link?x=1&y=%20",
        "https://shop.example/?to=https://evil.example",
    ],
)
def test_a_deep_link_to_the_programs_own_hosts_is_followed(text: str) -> None:
    assert allowed(text)


def test_plain_http_is_for_development_only() -> None:
    local = places("http://localhost:3000/welcome", [])
    target = read_target("http://localhost:3000/deep", insecure=True)
    assert target is not None
    assert place(target) in local
    assert read_target("http://localhost:3000/deep", insecure=False) is None
    other_port = read_target("http://localhost:3001/deep", insecure=True)
    assert other_port is not None
    assert place(other_port) not in local


@given(st.text(max_size=200))
def test_whatever_is_accepted_lies_on_an_allowed_host(text: str) -> None:
    for candidate in (text, f"https://{text}", f"https://shop.example{text}", f"https://{text}shop.example/"):
        if allowed(candidate):
            assert urlsplit(candidate).hostname in {"shop.example", "m.shop.example"}
            assert urlsplit(candidate).scheme == "https"
            assert "\\" not in candidate
            assert candidate.isprintable()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example", "https://a.example/?ref=X&ref_click=T"),
        ("https://a.example/w", "https://a.example/w?ref=X&ref_click=T"),
        ("https://a.example/w?", "https://a.example/w?ref=X&ref_click=T"),
        ("https://a.example/w?a=1&b=%20+#top", "https://a.example/w?a=1&b=%20+&ref=X&ref_click=T#top"),
        ("https://a.example/w?ref=old&a=1&re%66=old&ref_click", "https://a.example/w?a=1&ref=X&ref_click=T"),
        ("https://a.example/w?refs=1&Ref=2", "https://a.example/w?refs=1&Ref=2&ref=X&ref_click=T"),
        ("https://a.example/w#ref=1", "https://a.example/w?ref=X&ref_click=T#ref=1"),
    ],
)
def test_parameters_are_added_and_the_rest_stays_as_it_was_written(url: str, expected: str) -> None:
    assert with_parameters(urlsplit(url), [("ref", "X"), ("ref_click", "T")]) == expected


@given(st.text(min_size=1, max_size=20), st.text(max_size=20))
def test_any_value_comes_back_out_of_the_query(name: str, value: str) -> None:
    try:
        name.encode()
        value.encode()
    except UnicodeEncodeError:
        return
    url = with_parameters(urlsplit("https://a.example/w#top"), [(name, value)])
    assert parse_qsl(urlsplit(url).query, keep_blank_values=True) == [(name, value)]
    assert url.endswith("#top")
