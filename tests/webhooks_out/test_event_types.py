"""Whatever the service announces can be asked for by a filter, and what can be asked for is announced."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from house.source_tree import PACKAGE, parsed, python_files

from referral_service.referrals.policy import CONVERTED, EXPIRED, LEGAL, PENDING, REVERSED
from referral_service.webhooks_out.endpoints.event_types import (
    DISABLED_TYPE,
    ENABLED_TYPE,
    EVENT_TYPES,
    FILTERS,
    TEST,
    filter_fault,
    is_wanted,
)

GROUPS = {name.partition(".")[0] for name in EVENT_TYPES}
# Where types are listed, shown or examined; elsewhere they are announced.
ELSEWHERE = {"event_types.py", "examples.py"}
NO_TYPES = {"referral.db"}
# `settle` names the type by the state that a referral comes to; it moves those that stand like this.
BY_STATE = {f"referral.{to}" for state in (PENDING, EXPIRED, CONVERTED, REVERSED) for to in LEGAL[state]}
# No rule of today puts a reward under review; whoever writes one takes this line out.
NOT_YET = {"reward.under_review"}


def announced() -> Iterator[str]:
    """Every text in the code that is the type of a notification."""
    for path in python_files(PACKAGE.name):
        if "doctor" in path.parts or path.name in ELSEWHERE:
            continue
        tree = parsed(path)
        # What the audit log calls an act has such a name, too.
        acts = {id(it.value) for it in ast.walk(tree) if isinstance(it, ast.keyword) and it.arg == "action"}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in acts:
                group, dot, rest = node.value.partition(".")
                if group in GROUPS and dot and rest.isidentifier() and node.value not in NO_TYPES:
                    yield node.value
            if isinstance(node, ast.JoinedStr) and id(node) not in acts:
                begins = node.values[0]
                if isinstance(begins, ast.Constant) and str(begins.value).removesuffix(".") in GROUPS:
                    assert begins.value == "referral.", path
                    yield from BY_STATE


def test_every_type_that_is_announced_can_be_asked_for_and_the_other_way_round() -> None:
    by_switch = {TEST, ENABLED_TYPE, DISABLED_TYPE}
    assert set(announced()) | by_switch == set(EVENT_TYPES) - NOT_YET | {TEST}


def test_types_are_listed_once() -> None:
    assert len(EVENT_TYPES) == len(set(EVENT_TYPES))
    assert TEST not in EVENT_TYPES


@pytest.mark.parametrize("wanted", sorted(FILTERS))
def test_a_filter_that_is_known_has_no_fault_and_lets_something_through(wanted: str) -> None:
    assert filter_fault(wanted) is None
    through = {name for name in EVENT_TYPES if is_wanted([wanted], name)}
    if wanted == "*":
        assert through == set(EVENT_TYPES)
    elif wanted.endswith(".*"):
        assert through == {name for name in EVENT_TYPES if name.startswith(wanted.removesuffix("*"))}
    else:
        assert through == {wanted}


@pytest.mark.parametrize(
    "wanted",
    ["", "**", "reward", "reward.", "reward.**", "*.created", "REWARD.*", "reward.*\n", " *", TEST],
)
def test_a_filter_that_means_nothing_is_told_so(wanted: str) -> None:
    fault = filter_fault(wanted)
    assert fault is not None
    assert "reward.*" in fault
