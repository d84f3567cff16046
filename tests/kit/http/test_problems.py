"""Whatever goes wrong is told in one form, and nothing of its inside."""

from __future__ import annotations

from flask import Flask
from kit.http.probe import effects
from structlog.testing import capture_logs

from builders import Api
from referral_service.kit.db.engines import Database


def test_an_unknown_address_is_a_problem(api: Api) -> None:
    answer = api.get("/v1/nothing")
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
    assert answer.json == {
        "type": "https://refer.test/docs/errors#not_found",
        "title": "There is nothing here by that name.",
        "status": 404,
        "code": "not_found",
        "detail": "Check the address and the ids in it, and that the key belongs to the same app.",
    }


def test_a_wrong_method_is_told_the_right_ones(api: Api) -> None:
    answer = api.call("PATCH", "/v1/keys")
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert {method.strip() for method in answer.headers["Allow"].split(",")} == {"GET", "HEAD", "POST"}
    assert answer.content_type == "application/problem+json"


def test_options_and_unknown_methods_are_refused_alike(api: Api) -> None:
    for method in ("OPTIONS", "TRACE", "BREW"):
        assert api.call(method, "/v1/keys").status_code == 405


def test_doubled_slashes_are_not_redirected(api: Api) -> None:
    assert api.get("//v1//keys").status_code == 404


def test_a_problem_carries_its_facts(api: Api) -> None:
    answer = api.post("/probe/kept-refusal")
    assert (answer.status_code, answer.json["referral_id"], answer.json["detail"]) == (409, "ref_1", "Kept.")


def test_what_a_view_returns_is_kept_and_what_it_raises_is_not(api: Api, database: Database) -> None:
    assert api.post("/probe/conflict").status_code == 409
    assert effects(database) == 0
    assert api.post("/probe/kept-refusal").status_code == 409
    assert effects(database) == 1


def test_a_crash_tells_nothing_of_itself_and_leaves_nothing(api: Api, database: Database) -> None:
    with capture_logs() as logs:
        answer = api.post("/probe/crash")
    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert "alice" not in answer.text
    assert effects(database) == 0
    (told,) = [it for it in logs if it["event"] == "unexpected_error"]
    assert told["error"] == ["builtins.RuntimeError"]
    assert any("probe.py" in place for place in told["traceback"])
    # The text of an error may quote a person's data.
    assert "alice" not in str(logs)


def test_in_development_the_log_shows_the_error_itself(app: Flask, api: Api) -> None:
    app.config["LOG_ERROR_TEXT"] = True
    with capture_logs() as logs:
        api.post("/probe/crash")
    assert "alice" in str([it for it in logs if it["event"] == "unexpected_error"])


def test_a_database_that_cannot_be_had_asks_to_come_again(api: Api) -> None:
    for path in ("/probe/no-connection", "/probe/database-away"):
        with capture_logs() as logs:
            answer = api.post(path)
        assert (answer.status_code, answer.json["code"]) == (503, "overloaded")
        assert answer.headers["Retry-After"] == "1"
        assert "alice" not in answer.text + str(logs)
