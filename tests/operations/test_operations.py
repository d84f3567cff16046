"""Whoever runs the service sees whether it lives, whether it is ready, and how it is used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from structlog.testing import capture_logs

from builders import Api
from referral_service.app import close, create_app
from referral_service.config import Settings
from referral_service.kit.db.engines import Database
from referral_service.kit.errors import catalogue


def test_the_process_is_alive_also_without_a_database(settings: Settings, tmp_path: Path) -> None:
    app = create_app(replace(settings, database_url=f"sqlite:///{tmp_path}/nowhere/x.db"))
    client = app.test_client()
    assert (client.get("/healthz").status_code, client.get("/healthz").json) == (200, {"status": "ok"})
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")  # type: ignore[index]
    assert answer.headers["Retry-After"] == "1"
    close(app)


def test_it_is_ready_when_the_database_has_its_schema(api: Api, database: Database) -> None:
    assert api.with_key(None).get("/readyz").status_code == 200
    revision = "UPDATE alembic_version SET version_num = "
    with database.write_engine.begin() as connection:
        before = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        connection.execute(text(f"{revision} '0000'"))
    try:
        with capture_logs() as lines:
            assert api.get("/readyz").status_code == 503
        [line] = [line for line in lines if line["event"] == "not_ready"]
        assert (line["schema_revision"], line["needed"]) == ("0000", before)
    finally:
        with database.write_engine.begin() as connection:
            connection.execute(text(f"{revision} '{before}'"))


def test_requests_are_counted_by_route_and_never_by_name(api: Api) -> None:
    api.delete("/v1/keys/alice")
    api.call("BREW", "/v1/nothing/bob")
    counted = api.with_key(None).get("/metrics").text
    line = 'referral_http_requests_total{method="DELETE",route="/v1/keys/<key_id>",status="404"} 1.0'
    assert line in counted
    assert 'method="any",route="unmatched",status="404"' in counted
    assert "alice" not in counted
    assert "BREW" not in counted


def test_each_application_counts_for_itself(api: Api, settings: Settings) -> None:
    api.get("/v1/keys")
    assert "/v1/keys" not in create_app(settings).test_client().get("/metrics").text


@pytest.mark.parametrize("path", ["/docs", "/docs/errors"])
def test_the_pages_load_nothing_from_elsewhere(api: Api, path: str) -> None:
    answer = api.with_key(None).get(path)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert "http://" not in answer.text
    assert "https://" not in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "script-src 'self' 'unsafe" not in policy
    # What the policy forbids is not tried.
    assert "onclick" not in answer.text
    assert "<script>" not in answer.text


def test_what_the_pages_load_is_there(api: Api) -> None:
    public = api.with_key(None)
    for page in ("/docs", "/docs/errors"):
        text_of_page = public.get(page).text
        found = {part.split('"')[0] for part in text_of_page.split("/docs/assets/")[1:]}
        assert found
        for name in found:
            answer = public.get(f"/docs/assets/{name}")
            assert (answer.status_code, len(answer.data) > 100) == (200, True), name


@pytest.mark.parametrize("name", ["nothing.js", "..%2f__init__.py", "swagger-ui.js"])
def test_no_other_file_is_served(api: Api, name: str) -> None:
    assert api.get(f"/docs/assets/{name}").status_code == 404


def test_every_error_is_explained_where_its_type_leads(api: Api, app: Flask) -> None:
    assert app.extensions
    page = api.with_key(None).get("/docs/errors").text
    for kind in catalogue():
        assert f'id="{kind.code}"' in page
