"""What every answer carries, and what is never believed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
import structlog
from structlog.testing import capture_logs

from builders import Api
from referral_service.app import create_app
from referral_service.config import Settings
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database


@pytest.mark.parametrize("path", ["/v1/keys", "/v1/nothing", "/healthz"])
def test_every_answer_is_sealed_off(api: Api, path: str) -> None:
    headers = api.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; frame-ancestors 'none'")
    assert headers["Strict-Transport-Security"].startswith("max-age=63072000")
    assert "Set-Cookie" not in headers
    assert not [name for name, _ in headers if name.startswith("Access-Control-")]


@pytest.mark.parametrize("path", ["/v1/keys", "/v1/keys?limit=0", "/v1/nothing"])
def test_what_a_key_sees_and_what_went_wrong_is_not_stored(api: Api, path: str) -> None:
    assert api.get(path).headers["Cache-Control"] == "no-store"


def test_without_https_no_browser_is_told_to_insist_on_it(
    settings: Settings, clock: FixedClock, database: Database
) -> None:
    app = create_app(replace(settings, base_url="http://127.0.0.1:8080"), clock=clock, database=database)
    assert "Strict-Transport-Security" not in app.test_client().get("/healthz").headers


def test_no_header_can_name_the_host_of_a_link(settings: Settings, clock: FixedClock, database: Database) -> None:
    app = create_app(replace(settings, trusted_proxies=1), clock=clock, database=database)
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/evil"}
    answer = app.test_client().get("/v1/nothing", headers=evil)
    assert answer.status_code == 404
    assert "evil" not in answer.text + str(answer.headers)


def test_an_answer_names_its_request(api: Api) -> None:
    assert api.get("/healthz").headers["X-Request-Id"].startswith("req_")
    kept = api.call("GET", "/healthz", headers={"X-Request-Id": "abc-12345"})
    assert kept.headers["X-Request-Id"] == "abc-12345"
    for strange in ("short", "x" * 65, "a b c d e f", "<script>alert</script>"):
        answer = api.call("GET", "/healthz", headers={"X-Request-Id": strange})
        assert answer.headers["X-Request-Id"].startswith("req_")


@pytest.fixture
def _all_logs() -> Iterator[None]:
    """The access log too, which tests leave out otherwise."""
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    yield
    structlog.configure(wrapper_class=before)


@pytest.mark.usefixtures("_all_logs")
def test_the_log_holds_the_route_and_neither_path_nor_query_nor_key(api: Api) -> None:
    with capture_logs() as logs:
        api.get("/probe/things/alice@example.com?x=bob@example.com")
    (line,) = [it for it in logs if it["event"] == "request"]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/probe/things/<thing_id>", 422)
    assert line["key"].startswith("key_")
    assert "example.com" not in str(logs)
    assert str(api.key) not in str(logs)
