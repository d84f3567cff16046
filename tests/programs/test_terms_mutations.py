from __future__ import annotations

import copy
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st
from terms_documents import RECIPES

from referral_service.kit.strict_json import dumps, loads
from referral_service.programs.terms.parse import InvalidTerms, parse_terms

WORDS = [
    *("purchase", "signup", "refund", "claimed", "converted", "every_purchase", "step:first_purchase"),
    *("event:birthday", "self", "referee", "referrer", "link", "reverse", "keep", "points", "MB", "USD", "JPY"),
    *("10.00", "100.001", "2026-11-21T10:00:00Z", "2026-11-21T10:00:00+25:00"),
]
GIVES = [
    {"kind": "credit", "amount_minor": 500},
    {"kind": "percent", "percent": "12.5"},
    {"kind": "points", "quantity": 5, "per_minor": 100},
    {"kind": "quota", "quantity": 5, "unit": "GB"},
    {"kind": "coupon", "percent_off": "15"},
    {"kind": "custom", "data": {"a": [1, 2.5, None]}},
]
NAMES = [
    *("currency", "attribution", "eligibility", "qualification", "rewards", "on_refund", "budget", "schedule"),
    *("prizes", "any_of", "amount_minor", "quantity", "percent", "every", "cap", "tiers", "milestones", "count"),
    *("per", "kind", "valid_from", "valid_until", "valid_days", "limit", "on", "side", "key", "where", "from"),
    *("at", "reserve", "hold_days", "expires_days", "steps", "event", "give", "distinct_days", "exclude"),
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 40)
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(WORDS)
)
JSON_VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner),
    max_leaves=6,
) | st.sampled_from(GIVES).map(copy.deepcopy)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path to a value inside a JSON document."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(node, dict):
        inner = list(node.items())
    elif isinstance(node, list):
        inner = list(enumerate(node))
    return [path, *(place for name, child in inner for place in places(child, (*path, name)))]


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A valid document, as sent or as stored, with a few things replaced, removed, added or moved."""
    doc = RECIPES[draw(st.sampled_from(sorted(RECIPES)))]()
    if draw(st.booleans()):
        doc = parse_terms(doc)[0]
    doc = copy.deepcopy(doc)
    for _ in range(draw(st.integers(1, 3))):
        *to, last = draw(st.sampled_from([place for place in places(doc) if place]))
        parent: Any = doc
        for name in to:
            parent = parent[name]
        act = draw(st.sampled_from(["replace", "remove", "add", "repeat"]))
        if act == "replace":
            parent[last] = draw(JSON_VALUES)
        elif act == "remove":
            del parent[last]
        elif act == "add" and isinstance(parent, dict):
            parent[draw(st.sampled_from(NAMES))] = draw(JSON_VALUES)
        elif act == "repeat" and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[last]))
        if not places(doc)[1:]:
            break
    return doc


@settings(max_examples=400, deadline=None)
@given(mutated() | JSON_VALUES)
def test_any_document_is_refused_with_a_reason_or_has_a_stable_canonical_form(doc: object) -> None:
    try:
        canonical, terms = parse_terms(doc)
    except InvalidTerms as refused:
        event("refused")
        reasons = refused.errors or {}
        dumps(dict(reasons))
        assert all(reasons.values())
        assert reasons
        return
    event("accepted")
    stored = loads(dumps(canonical), max_bytes=10**6)
    assert stored == canonical
    assert parse_terms(stored) == (canonical, terms)
