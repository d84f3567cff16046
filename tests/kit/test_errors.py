from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest

from referral_service.kit import errors
from referral_service.kit.errors import Conflict, InvalidRequest, NotFound, Problem, catalogue


@pytest.fixture
def _classes_are_forgotten() -> Iterator[None]:
    """Let the classes that a test declares vanish again, or they would stay in everybody's catalogue."""
    yield
    gc.collect()


def test_a_problem_says_what_happened_and_what_to_do() -> None:
    assert NotFound().to_document("https://refer.example") == {
        "type": "https://refer.example/docs/errors#not_found",
        "title": "There is nothing here by that name.",
        "status": 404,
        "code": "not_found",
        "detail": NotFound.remedy,
    }


def test_detail_errors_and_facts_become_members_of_the_document() -> None:
    problem = Conflict("Bob has a referrer.", errors={"referee.email": ["Not valid."]}, referral_id="ref_1")
    document = problem.to_document("https://refer.example/")
    assert document["type"] == "https://refer.example/docs/errors#conflict"
    assert document["detail"] == "Bob has a referrer."
    assert document["errors"] == {"referee.email": ["Not valid."]}
    assert document["referral_id"] == "ref_1"
    json.dumps(document)


def test_a_problem_without_field_errors_does_not_mention_them() -> None:
    assert "errors" not in InvalidRequest(errors={}).to_document("")


def test_a_problem_reads_well_in_a_log() -> None:
    assert str(Conflict("Bob has a referrer.")) == "conflict: Bob has a referrer."


@pytest.mark.parametrize("member", ["type", "title", "status", "code", "instance"])
def test_a_fact_cannot_hide_a_member_of_the_problem(member: str) -> None:
    facts: dict[str, Any] = {member: "x"}
    with pytest.raises(TypeError, match=member):
        Conflict(**facts)


def test_a_class_without_a_code_only_groups_others() -> None:
    with pytest.raises(TypeError, match="no code"):
        Problem()
    assert Problem not in catalogue()


@pytest.mark.usefixtures("_classes_are_forgotten")
def test_a_class_with_a_code_must_say_all_that_is_answered() -> None:
    with pytest.raises(TypeError, match="lacks status, remedy"):
        type("Silent", (Problem,), {"code": "silent", "title": "Silence."})


def test_the_catalogue_is_sorted_by_code_and_holds_the_generic_problems() -> None:
    codes = [kind.code for kind in catalogue()]
    assert codes == sorted(codes)
    generic = {
        "body_too_large": 413,
        "conflict": 409,
        "forbidden": 403,
        "internal_error": 500,
        "invalid_request": 422,
        "malformed_body": 400,
        "method_not_allowed": 405,
        "not_found": 404,
        "overloaded": 503,
        "rate_limited": 429,
        "unauthorized": 401,
        "unsupported_media_type": 415,
    }
    assert {kind.code: kind.status for kind in catalogue() if kind.__module__ == errors.__name__} == generic


@pytest.mark.usefixtures("_classes_are_forgotten")
def test_the_catalogue_finds_classes_at_any_depth_and_not_their_groups() -> None:
    words = {"status": 409, "title": "A thing happened.", "remedy": "Do another."}
    group = type("Group", (Problem,), {})
    leaf = type("Leaf", (group,), {"code": "a_leaf", **words})
    renamed = type("Renamed", (leaf,), {})
    found = catalogue()
    assert leaf in found
    assert group not in found
    assert renamed not in found


@pytest.mark.usefixtures("_classes_are_forgotten")
def test_two_classes_cannot_share_a_code() -> None:
    twin = type("Twin", (NotFound,), {"code": "not_found"})
    with pytest.raises(ValueError, match="share the code not_found"):
        catalogue()
    del twin
    gc.collect()
    assert NotFound in catalogue()


def test_every_generic_problem_speaks_in_whole_sentences() -> None:
    for kind in catalogue():
        for sentence in (kind.title, kind.remedy):
            assert sentence[0].isupper(), kind
            assert sentence.endswith("."), kind
        assert kind.title.count(". ") == 0, kind
