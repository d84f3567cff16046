from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from terms_documents import document, reward

from referral_service.kit.errors import catalogue
from referral_service.programs.terms.parse import InvalidTerms, parse_terms


def refusal(doc: object) -> dict[str, list[str]]:
    with pytest.raises(InvalidTerms) as caught:
        parse_terms(doc)
    assert caught.value.errors is not None
    return dict(caught.value.errors)


def nested(steps: list[Any], value: object) -> Any:
    """The value, wrapped in objects and lists as the steps of a path ask for; each list item has a key."""
    for step in reversed(steps):
        value = [{"key": "k"} | value if isinstance(value, dict) else value] if step == 0 else {step: value}
    return value


WRONG_VALUES: list[tuple[str, list[object]]] = [
    ("currency", [None, 1, "", "usd", "US", "USDX", "USD\n", "ＵＳＤ"]),
    ("attribution", [None, [], "last", 1]),
    ("attribution.touch", [None, "middle", 1, ["last"], {}]),
    ("attribution.window_days", [None, 0, -1, 3651, 1.0, 1.5, "30", True, 10**30, []]),
    ("attribution.late_claim_days", [None, -1, 366]),
    ("attribution.evidence", [None, [], "link", ["link", "link"], ["letter"], ["link", "code", "link"], [None]]),
    ("eligibility.referee_is_new", [None, 1, 0, "true", "yes"]),
    ("eligibility.max_referees_per_referrer", [0, 10**6 + 1, False]),
    ("eligibility.referee_audience", [None, [], {"plan": []}, {"plan": None}, {"plan": 1}, {"plan": [""]}]),
    ("eligibility.referrer_audience", [{"": "x"}, {"a": "x" * 201}, {str(n): "x" for n in range(21)}]),
    ("eligibility.referrer_audience.plan", [[["x"]], {"in": ["x"]}, ["x"] * 51, "a\x00b", "\ud800"]),
    ("qualification.within_days", [None, 0, 3651]),
    ("qualification.steps", [None, [], {}, [{"key": f"k{n}"} for n in range(21)], ["purchase"], [None]]),
    ("qualification.steps.0.key", [None, "", "A", "1a", "a" * 41, "a-b", "a\n"]),
    ("qualification.steps.0.event", [None, "", "Buy", "a" * 41, "a:b", 1]),
    ("qualification.steps.0.count", [0, None, 1.0]),
    ("qualification.steps.0.min_amount_minor", [-1, 10**12 + 1, None, "5"]),
    ("qualification.steps.0.cumulative_minor", [0, -1, 10**12 + 1]),
    ("qualification.steps.0.exclude.sku", ["x"]),
    ("qualification.steps.0.any_of", [None, [], [{}], [{"event": "a", "key": "b"}], [{"event": "a"}] * 11]),
    ("rewards", [None, {}, "all", [None], [[]]]),
    ("on_refund.spent", [None, "forgive"]),
    ("on_refund.requalify", [None, "false"]),
    ("budget.amount_minor", [0, -1, 10**12 + 1, 1.5]),
    ("budget.reserve", [None, "never"]),
    ("schedule.starts_at", ["2026-11-21", "2026-11-21T10:00:00", 1, "2026-02-30T00:00:00Z", "2026-11-21 10:00:00Z"]),
    ("schedule.ends_at", ["1999-12-31T23:59:59Z", "9999-12-31T23:59:59-10:00", "2026-11-21T10:00:00z", "now"]),
    ("schedule.sunset_days", [None, -1, 3651]),
    ("prizes", [None, [{"rank": 1}], [{"rank": 0, "give": {"kind": "credit", "amount_minor": 1}}]]),
    ("surprise", [1]),
    ("attribution.surprise", [None]),
    ("qualification.steps.0.surprise", [{}]),
]
WRONG_IN_REWARD: list[tuple[str, list[object]]] = [
    ("key", [None, "", "Key", 1]),
    ("side", [None, "both", "Referrer"]),
    ("on", [None, "sometimes", "step:", "step:A", "event:", "event:A", "converted\n", "converted step:a"]),
    ("give", [None, [], "credit", {}, {"kind": None}, {"kind": "cash"}, {"kind": []}, {"kind": "credit"}]),
    ("give.amount_minor", [None, 0, -1, 10**12 + 1, "1000", 10.0, True]),
    ("give.percent", ["10.00"]),
    ("hold_days", [None, -1, 3651, "1", 1.0, False]),
    ("accept_within_days", [0, 3651]),
    ("expires_days", [0, 3651]),
    ("tiers", [None, {}, [{"amount_minor": 1}], [{"from": 0, "amount_minor": 1}], [{"from": 2, "x": 1}]]),
    ("tiers", [[{"from": n + 2, "amount_minor": 1} for n in range(51)]]),
    ("milestones", [None, [{}], [{"at": 0}], [{"at": 1, "badge": ""}], [{"at": 1, "percent": 5}]]),
    ("every", [0, 1.0]),
    ("cap", [[], 32, {"count": 0}, {"count": 1, "per": "week"}, {"count": 1, "per": None}, {"counts": 1}]),
    ("limit", [None, 3, {"count": 0}, {"months": 121}]),
    ("audience", [None, "all"]),
    ("value_minor", [None, -1]),
    ("on_refund", [None, "forget"]),
    ("surprise", [1]),
]
WRONG_GIVES: list[tuple[str, list[object], dict[str, Any]]] = [
    (
        "percent",
        [None, 10, 10.0, "0", "0.00", "0.001", "100.01", "101", "010", "1e1", "+5", "-5", "5.", ".5", "5%", "١", "NaN"],
        {"kind": "percent"},
    ),
    ("max_amount_minor", [0, "1"], {"kind": "percent", "percent": "5"}),
    ("quantity", [None, 0, 1.0, "5"], {"kind": "points"}),
    ("per_minor", [0, "1"], {"kind": "points", "quantity": 1}),
    ("unit", [None, "", "1MB", "M B", "M" * 17, "MB\n", "МБ", 5], {"kind": "quota", "quantity": 1}),
    ("unit", ["MB"], {"kind": "points", "quantity": 1}),
    ("percent_off", [15, "0", "100.01"], {"kind": "coupon"}),
    ("amount_off_minor", [0, -5], {"kind": "coupon"}),
    ("valid_days", [0, 3651], {"kind": "coupon", "percent_off": "5"}),
    ("valid_from", ["tomorrow", 5], {"kind": "coupon", "percent_off": "5"}),
    ("prefix", ["", "friend", "F-1", "F" * 17, "1A"], {"kind": "coupon", "percent_off": "5"}),
    ("on_order_cancelled", [None, "keep"], {"kind": "coupon", "percent_off": "5"}),
    (
        "data",
        [
            *(None, [], "x", {"a": "x" * 1025}, {"a": float("nan")}, {"a": float("inf")}, {"a": 2**53}),
            *({"a": [[[[[[1]]]]]]}, {"a": list(range(200))}, {"a": "\x00"}, {"a": {1, 2}}),
            *({"a": "\ud800"}, {"\ud800": 1}),
        ],
        {"kind": "custom"},
    ),
]


def _cases() -> Iterator[Any]:
    for path, values in WRONG_VALUES:
        steps: list[Any] = [0 if step == "0" else step for step in path.split(".")]
        for value in values:
            yield pytest.param(document() | nested(steps, value), path, id=f"{path}={value!a:.40}")
    for path, values in WRONG_IN_REWARD:
        for value in values:
            name, _, inner = path.partition(".")
            said = reward()
            said[name] = said[name] | {inner: value} if inner else value
            yield pytest.param(document(said), f"rewards.0.{path}", id=f"reward.{path}={value!a:.40}")
    for path, values, give in WRONG_GIVES:
        for value in values:
            doc = document(reward(give=give | {path: value}))
            yield pytest.param(doc, f"rewards.0.give.{path}", id=f"{give['kind']}.{path}={value!a:.40}")


@pytest.mark.parametrize(("doc", "path"), list(_cases()))
def test_a_wrong_value_is_refused_at_its_own_path(doc: object, path: str) -> None:
    errors = refusal(doc)
    assert all(found.startswith(path) for found in errors), errors
    assert all(sentence for sentences in errors.values() for sentence in sentences)


@pytest.mark.parametrize("doc", [None, [], "terms", 5, True, 1.5, [document()]])
def test_what_is_no_object_is_refused_as_a_whole(doc: object) -> None:
    assert list(refusal(doc)) == ["terms"]


@pytest.mark.parametrize("missing", ["currency", "rewards"])
def test_currency_and_rewards_cannot_be_left_out(missing: str) -> None:
    doc = {name: value for name, value in document().items() if name != missing}
    assert refusal(doc) == {missing: ["Missing data for required field."]}


@pytest.mark.parametrize("missing", ["key", "side", "on", "give"])
def test_a_reward_says_who_gets_what_and_when(missing: str) -> None:
    doc = document({name: value for name, value in reward().items() if name != missing})
    assert refusal(doc) == {f"rewards.0.{missing}": ["Missing data for required field."]}


@pytest.mark.parametrize(
    "condition",
    [
        {"event": "purchase"},
        {"min_amount_minor": 0},
        {"count": 1},
        {"cumulative_minor": None},
        {"distinct_days": False},
        {"where": {}},
        {"exclude": {}},
    ],
    ids=str,
)
def test_any_of_together_with_own_conditions_is_refused_even_at_their_defaults(condition: dict[str, Any]) -> None:
    step = {"key": "spend", "any_of": [{"event": "transfer"}]} | condition
    errors = refusal(document(qualification={"steps": [step]}))
    (name,) = condition
    assert "any_of replaces" in errors[f"qualification.steps.0.{name}"][0]


def test_lists_end_somewhere() -> None:
    many = [reward(key=f"k{n}") for n in range(21)]
    prizes = [{"rank": n + 1, "give": {"kind": "credit", "amount_minor": 1}} for n in range(101)]

    assert list(refusal(document(*many))) == ["rewards"]
    assert list(refusal(document(prizes=prizes))) == ["prizes"]
    parse_terms(document(*many[:20], prizes=prizes[:100]))


def test_errors_stand_under_the_place_of_the_document_in_a_larger_body() -> None:
    with pytest.raises(InvalidTerms) as malformed:
        parse_terms(document(every=1), at="terms")
    with pytest.raises(InvalidTerms) as contradictory:
        parse_terms(document(reward(), reward()), at="terms")

    assert list(malformed.value.errors or {}) == ["terms.every"]
    assert list(contradictory.value.errors or {}) == ["terms.rewards.1.key"]


def test_an_unknown_name_is_shown_short_and_harmless() -> None:
    errors = refusal(document(**{"x" * 1000: 1, "\ud800": 1}))
    assert set(errors) == {"x" * 64, "\\ud800"}


def test_the_refusal_is_in_the_catalogue() -> None:
    assert InvalidTerms in catalogue()
    assert (InvalidTerms.code, InvalidTerms.status) == ("invalid_terms", 422)
