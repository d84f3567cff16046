"""The document says of every operation what it asks for and what can go wrong."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from flask import Flask
from kit.http.probe import Switches

from builders import Api
from referral_service.app import create_app
from referral_service.config import Settings
from referral_service.kit.http.openapi import spec_document, spec_yaml


@pytest.fixture
def document(app: Flask, switches: Switches) -> dict[str, Any]:
    assert switches.go_on.is_set()
    return spec_document(app)


def test_the_same_code_writes_the_same_document(settings: Settings) -> None:
    first, second = (spec_yaml(create_app(settings)) for _ in range(2))
    assert first == second
    assert yaml.safe_load(first)["openapi"] == "3.1.0"


def test_a_writing_operation_names_all_that_can_go_wrong(document: dict[str, Any]) -> None:
    act = document["paths"]["/probe/act"]["post"]
    assert list(act["responses"]) == ["201", "400", "401", "403", "408", "409", "413", "415", "422", "429", "503"]
    assert act["security"] == [{"api_key": []}]
    assert {"$ref": "#/components/parameters/IdempotencyKey"} in act["parameters"]


def test_an_operation_with_a_business_key_offers_no_other_and_no_limit(document: dict[str, Any]) -> None:
    events = document["paths"]["/probe/events"]["post"]
    assert "parameters" not in events
    assert {"429", "409"}.isdisjoint(events["responses"])


def test_an_operation_on_one_thing_may_not_find_it(document: dict[str, Any]) -> None:
    thing = document["paths"]["/probe/things/{thing_id}"]["get"]
    assert thing["responses"]["404"] == {"$ref": "#/components/responses/NOT_FOUND"}


def test_a_public_operation_asks_for_no_key(document: dict[str, Any]) -> None:
    lookup = document["paths"]["/probe/lookup"]["get"]
    assert lookup["security"] == []
    assert set(lookup["responses"]) >= {"429", "503"}
    assert {"401", "403"}.isdisjoint(lookup["responses"])


def test_every_problem_is_problem_json_with_an_example_from_the_catalogue(document: dict[str, Any]) -> None:
    responses = document["components"]["responses"]
    assert responses
    for response in responses.values():
        (media_type,) = response["content"]
        assert media_type == "application/problem+json"
        example = response["content"][media_type]["example"]
        assert example["type"].endswith(f"#{example['code']}")


def test_a_field_that_may_be_left_out_has_no_default_of_null(document: dict[str, Any]) -> None:
    assert "default" not in document["components"]["schemas"]["OpenApp"]["properties"]["now"]


def test_the_document_is_served_as_it_is_written(api: Api, app: Flask) -> None:
    answer = api.with_key(None).get("/openapi.yaml")
    assert (answer.status_code, answer.content_type) == (200, "application/yaml")
    assert answer.text == spec_yaml(app)
