"""Which texts, addresses and origins a branding may hold."""

from __future__ import annotations

import pytest

from referral_service.programs.branding import filled
from referral_service.programs.check_branding import origin_fault, placeholder_fault, text_fault, url_fault


@pytest.mark.parametrize(
    "said",
    [
        "Ride",
        "Поїздка",
        "乗る",
        "नमस्ते",
        "שלום",
        "مرحبا \u200e(Ride)",
        "👩‍👩‍👧 family",
        "🏴󠁧󠁢󠁳󠁣󠁴󠁿",
        "e\u0301",
        "100 %",
        "«Ride»",
        "a\u00a0b",
    ],
)
def test_people_write_in_every_script(said: str) -> None:
    assert text_fault(said) is None


@pytest.mark.parametrize(
    "said", ["{referrer}", "{program}{offer}{link}", "a { b; } c {", "{{7*7}}", "}{", "{a+b}", "x"]
)
def test_known_placeholders_and_other_braces_are_text(said: str) -> None:
    assert placeholder_fault(said) is None


@pytest.mark.parametrize("said", ["{name}", "{Referrer}", "{ referrer }", "{referrer.name}", "{}", "{0}", "{{config}}"])
def test_a_mistaken_placeholder_is_refused_with_the_list(said: str) -> None:
    assert "{referrer}, {program}, {offer}, {link}" in str(placeholder_fault(said))


def test_placeholders_are_filled_once_and_in_one_go() -> None:
    words = {"referrer": "{link}", "program": "Ride", "link": "https://refer.test/i/A"}
    assert filled("{referrer} & {program}: {link} {offer} {{7*7}}", words) == (
        "{link} & Ride: https://refer.test/i/A {offer} {{7*7}}"
    )


# --- addresses -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin",
    ["https://shop.example", "https://m.shop.example:8443", "https://xn--80aswg.xn--p1ai", "https://203.0.113.7"],
)
def test_an_origin_is_what_browsers_send(origin: str) -> None:
    assert origin_fault(origin, development=False) is None


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "*",
        "null",
        "'self'",
        "https:",
        "https://",
        "https://*",
        "https://*.shop.example",
        "shop.example",
        "//shop.example",
        "https://shop.example/",
        "https://shop.example/path",
        "https://shop.example?",
        "https://shop.example#",
        "https://shop.example:443",
        "https://shop.example:",
        "https://shop.example:0",
        "https://shop.example:99999",
        "https://shop.example:08443",
        "https://Shop.example",
        "HTTPS://shop.example",
        "https://user@shop.example",
        "https://shop.example https://evil.example",
        "https://shop.example;script-src *",
        "https://shop.example,https://evil.example",
        "https://магазин.example",
        "https://[::1]",
        "http://shop.example",
        "http://localhost:3000",
        "http://127.0.0.1",
        "https://shop.example\n",
        "https://" + "a" * 300 + ".example",
        "data:text/html,x",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    assert str(origin_fault(origin, development=False)).endswith(".")


def test_this_very_machine_is_taken_in_development() -> None:
    for origin in ("http://localhost:3000", "http://127.0.0.1:8080", "https://shop.example"):
        assert origin_fault(origin, development=True) is None
        assert url_fault(f"{origin}/terms", development=True) is None
    for origin in ("http://shop.example", "http://localhost:80", "http://10.0.0.1", "http://*"):
        assert origin_fault(origin, development=True) is not None
    assert url_fault("http://shop.example/terms", development=True) is not None
