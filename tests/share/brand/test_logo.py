"""A program's logo as browsers load it: a plain picture, kept for good under the address that names it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from programs.pictures import data_url, picture

from builders import Api, a_program, expect
from referral_service.programs.logo import read_logo


@pytest.fixture
def program(api: Api) -> Any:
    made = a_program(api)
    return expect(api.patch(f"/v1/programs/{made['id']}", {"branding": {"logo": data_url(picture())}}), 200)


def address(program: Any) -> str:
    parts = urlsplit(program["branding"]["logo_url"])
    return f"{parts.path}?{parts.query}"


def test_the_logo_is_served_to_everybody(client: FlaskClient, program: Any) -> None:
    answer = client.get(address(program))
    assert (answer.status_code, answer.content_type) == (200, "image/png")
    assert answer.get_data() == read_logo(data_url(picture())).png
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("query", ["", "?v=", "?v=0000000000000000", "?w=1"])
def test_an_address_that_names_no_logo_is_kept_for_minutes(client: FlaskClient, program: Any, query: str) -> None:
    answer = client.get(f"/brand/{program['id']}/logo.png{query}")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=300"


def test_a_browser_that_has_it_is_told_so(client: FlaskClient, program: Any) -> None:
    tag = client.get(address(program)).headers["ETag"]
    answer = client.get(address(program), headers={"If-None-Match": tag})
    assert (answer.status_code, answer.get_data()) == (304, b"")
    assert client.get(address(program), headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_logo_goes_on_with_a_program_that_is_over(api: Api, client: FlaskClient, program: Any) -> None:
    expect(api.post(f"/v1/programs/{program['id']}/archive"), 200)
    assert client.get(address(program)).status_code == 200


def test_what_is_not_there_is_not_found(api: Api, client: FlaskClient, program: Any) -> None:
    bare = a_program(api, name="Bare")
    expect(api.patch(f"/v1/programs/{program['id']}", {"branding": {}}), 200)
    for name in (program["id"], bare["id"], "prg_01k0c7q2v8f3w9n5x4z6t1r0me", "x", "..", "%00"):
        assert client.get(f"/brand/{name}/logo.png").status_code == 404, name
