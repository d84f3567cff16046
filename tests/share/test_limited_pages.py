"""Whoever tries codes too fast gets a page that says so, and when to come back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from share.page_seen import PageSeen

from builders import Api, a_code, a_program
from referral_service.app import close, create_app
from referral_service.config import Settings
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.kit.http.limits import CODE_LOOKUPS
from referral_service.tenants.open_app import OpenedApp


@pytest.fixture
def visitor(settings: Settings, clock: FixedClock, database: Database, app: Flask) -> Iterator[FlaskClient]:
    """A visitor of an application that counts."""
    assert app.extensions
    counting = create_app(replace(settings, rate_limits=True), clock=clock, database=database)
    yield counting.test_client()
    close(counting)


def test_codes_are_tried_thirty_times_a_minute_whether_typed_or_in_the_address(
    api: Api, tenant: OpenedApp, visitor: FlaskClient
) -> None:
    slug, code = tenant.tenant.slug, a_code(api, a_program(api))
    answers = []
    for number in range(CODE_LOOKUPS.amount):
        if number % 2:
            answers.append(visitor.post(f"/code/{slug}", data={"code": f"NOBODY{number}"}).status_code)
        else:
            answers.append(visitor.get(f"/i/{slug}/NOBODY{number}").status_code)
    assert set(answers) == {404}
    for refused in (
        visitor.post(f"/code/{slug}?lang=uk", data={"code": code["code"]}),
        visitor.get(f"/i/{slug}/{code['code']}?lang=uk"),
    ):
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= CODE_LOOKUPS.seconds
        assert refused.content_type == "text/html; charset=utf-8"
        assert refused.headers["Content-Language"] == "uk"
        seen = PageSeen()
        seen.feed(refused.text)
        assert code["code"] not in refused.text
        assert seen.texts
    # The form itself costs nothing, signed links are proved by themselves, and others are not held up.
    assert visitor.get(f"/code/{slug}").status_code == 200
    assert visitor.get(f"/i/{code['signed_code']}").status_code == 200
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert visitor.get(f"/i/{slug}/{code['code']}", environ_base=elsewhere).status_code == 200
