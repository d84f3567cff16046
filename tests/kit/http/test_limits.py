"""Sizes are checked before anything is read, rates before anything is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from kit.http.probe import effects, install_probe
from structlog.testing import capture_logs

from builders import Api
from referral_service.app import create_app
from referral_service.config import Settings
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.kit.http.limits import API_CALLS, CODE_LOOKUPS, Limit, Limits
from referral_service.tenants.open_app import OpenedApp

KIB = 1024


class Endless:
    """A body in chunks, which announces no length and never ends."""

    def __init__(self) -> None:
        self.taken = 0

    def read(self, size: int = -1) -> bytes:
        assert 0 <= size <= 256 * KIB, "The body is read without a limit."
        self.taken += size
        return b" " * size


@pytest.fixture
def limited(settings: Settings, clock: FixedClock, database: Database, tenant: OpenedApp) -> Api:
    """A client of an application that counts."""
    app = create_app(replace(settings, rate_limits=True, trusted_proxies=1), clock=clock, database=database)
    install_probe(app).go_on.set()
    return Api(app.test_client(), key=tenant.key.secret, clock=clock)


def test_a_body_over_64_kib_is_refused_before_it_is_read(api: Api) -> None:
    answer = api.call("POST", "/probe/echo", data=b'{"name": "' + b"x" * 64 * KIB + b'"}')
    assert (answer.status_code, answer.json["code"]) == (413, "body_too_large")


def test_a_body_in_chunks_is_cut_off_at_the_limit(app: Flask, api: Api) -> None:
    endless = Endless()
    answer = app.test_client().open(
        "/probe/echo",
        method="POST",
        headers={"Authorization": f"Bearer {api.key}", "Content-Type": "application/json"},
        environ_overrides={
            "wsgi.input": endless,
            "wsgi.input_terminated": True,
            "HTTP_TRANSFER_ENCODING": "chunked",
            "CONTENT_LENGTH": "",
        },
    )
    assert (answer.status_code, endless.taken) == (413, 64 * KIB + 1)


def test_a_view_may_allow_a_larger_body(api: Api, database: Database) -> None:
    assert api.call("POST", "/probe/events", data=b"x" * KIB * KIB).status_code == 201
    assert api.call("POST", "/probe/events", data=b"x" * (KIB * KIB + 1)).status_code == 413
    assert effects(database) == 1


def test_an_address_over_2_kib_is_refused(api: Api) -> None:
    answer = api.get("/probe/things/" + "x" * 2100)
    assert (answer.status_code, answer.json["code"]) == (414, "url_too_long")
    assert api.get("/probe/numbers?cursor=" + "x" * 2100).status_code == 414


def test_headers_over_16_kib_are_refused(api: Api) -> None:
    answer = api.call("GET", "/v1/keys", headers={"X-Padding": "x" * 17 * KIB})
    assert (answer.status_code, answer.json["code"]) == (431, "headers_too_large")


def test_a_key_may_call_a_hundred_times_a_second(limited: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("referral_service.tenants.auth.API_CALLS", replace(API_CALLS, amount=3, seconds=60))
    answers = [limited.get("/probe/numbers") for _ in range(4)]
    assert [it.status_code for it in answers] == [200, 200, 200, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"api";q=3;w=60'
    assert [it.headers["RateLimit"].split(";")[1] for it in answers] == ["r=2", "r=1", "r=0", "r=0"]
    refused = answers[3]
    assert refused.json["code"] == "rate_limited"
    assert 1 <= int(refused.headers["Retry-After"]) <= 120
    assert refused.json["retry_after_seconds"] == int(refused.headers["Retry-After"])


def test_the_limit_of_the_contract_is_100_a_second_for_a_key_and_30_a_minute_for_an_address() -> None:
    assert (API_CALLS.amount, API_CALLS.seconds) == (100, 1)
    assert (CODE_LOOKUPS.amount, CODE_LOOKUPS.seconds) == (30, 60)


def test_keys_are_counted_apart(limited: Api, trial_tenant: OpenedApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("referral_service.tenants.auth.API_CALLS", replace(API_CALLS, amount=1, seconds=60))
    other = limited.with_key(trial_tenant.key.secret)
    assert [limited.get("/probe/numbers").status_code for _ in range(2)] == [200, 429]
    assert other.get("/probe/numbers").status_code == 200


def test_events_are_never_throttled(limited: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("referral_service.tenants.auth.API_CALLS", replace(API_CALLS, amount=1, seconds=60))
    answers = [limited.post("/probe/events") for _ in range(3)]
    assert [it.status_code for it in answers] == [201, 201, 201]
    assert "RateLimit" not in answers[0].headers


def look_up(api: Api, address: str) -> Any:
    return api.with_key(None).call("GET", "/probe/lookup", headers={"X-Forwarded-For": address})


def test_public_lookups_are_counted_by_address(limited: Api) -> None:
    assert [look_up(limited, "192.0.2.1").status_code for _ in range(31)] == [200] * 30 + [429]
    assert look_up(limited, "192.0.2.2").status_code == 200


def test_an_address_of_ipv6_is_counted_with_its_whole_network(limited: Api) -> None:
    statuses = [look_up(limited, f"2001:db8::{number:x}").status_code for number in range(31)]
    assert statuses == [200] * 30 + [429]
    assert look_up(limited, "2001:db8:0:1::1").status_code == 200


def test_an_address_that_the_caller_made_up_counts_for_nothing(limited: Api) -> None:
    """The proxy appends the address it sees; what stands before it is the caller's own text."""
    statuses = [look_up(limited, f"198.51.100.{number}, 192.0.2.7").status_code for number in range(31)]
    assert statuses[-1] == 429


def test_limits_can_be_switched_off(api: Api) -> None:
    assert {look_up(api, "192.0.2.1").status_code for _ in range(40)} == {200}
    assert "RateLimit" not in api.get("/probe/numbers").headers


class BrokenRedis:
    """A counter whose server is away."""

    def __init__(self) -> None:
        self.calls = 0

    def hit(self, *_: Any) -> bool:
        self.calls += 1
        raise ConnectionError("redis is away")


@pytest.fixture
def counting(app: Flask) -> Iterator[Limits]:
    with app.test_request_context():
        yield Limits(enabled=True)


def test_while_redis_is_away_memory_counts(counting: Limits, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = BrokenRedis()
    monkeypatch.setattr(counting, "_shared", broken)
    limit = Limit("probe", amount=2, seconds=60)
    with capture_logs() as logs:
        counting.charge(limit, "a")
        counting.charge(limit, "a")
        with pytest.raises(Exception, match="rate_limited"):
            counting.charge(limit, "a")
    # It is not asked again at once.
    assert broken.calls == 1
    assert [it["event"] for it in logs] == ["rate_limits_fall_back_to_memory"]
