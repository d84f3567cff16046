"""Tiers and milestones that nothing can ever reach (by a limit, a number of referees, a cap), and those that it can."""

from __future__ import annotations

from typing import Any

import pytest
from terms_documents import Document, document, reward

from referral_service.programs.terms.parse import InvalidTerms, parse_terms

PERCENT = {"kind": "percent", "percent": "10.00"}
POINTS = {"kind": "points", "quantity": 5}


def one(**said: Any) -> Document:
    return document(reward(**said))


def tiers(*froms: int) -> list[Document]:
    return [{"from": nth, "amount_minor": 100 * nth} for nth in froms]


def at(*nths: int) -> list[Document]:
    return [{"at": nth} for nth in nths]


NEVER: dict[str, tuple[Document, str, str]] = {
    "a tier beyond what is limited for a referee": (
        one(side="referee", on="repeat_purchase", limit={"count": 3}, tiers=tiers(2, 4)),
        "rewards.0.tiers.1.from",
        "limited to 3",
    ),
    "a tier beyond what is limited for a person's own": (
        one(side="self", on="every_purchase", limit={"count": 3}, tiers=tiers(4)),
        "rewards.0.tiers.0.from",
        "each person",
    ),
    "a tier beyond all that so many referees can bring": (
        document(
            reward(on="every_purchase", limit={"count": 3}, tiers=tiers(6, 7)),
            eligibility={"max_referees_per_referrer": 2},
        ),
        "rewards.0.tiers.1.from",
        "at most 2 referees",
    ),
    "a tier that is over before the next one that grants": (
        one(every=5, tiers=tiers(2, 4)),
        "rewards.0.tiers.0.from",
        "only each 5th grants",
    ),
    "a tier after all that the cap lets through is given": (
        one(cap={"amount_minor": 3000}, tiers=[{"from": 2, "amount_minor": 500}, {"from": 6, "amount_minor": 1}]),
        "rewards.0.tiers.1.from",
        "(3000) is given",
    ),
    "a milestone after all that the cap lets through is given": (
        one(give=POINTS, cap={"amount_minor": 9}, milestones=[{"at": 5}, {"at": 1, "quantity": 4}, {"at": 9}]),
        "rewards.0.milestones.2.at",
        "(9) is given",
    ),
}

SOME_DAY: dict[str, Document] = {
    "tiers up to what is limited": one(side="self", on="every_purchase", limit={"count": 3}, tiers=tiers(3)),
    "each fourth, three times": one(side="self", on="event:visit", limit={"count": 3}, every=4),
    "a milestone far beyond how many are granted": one(
        side="self", on="event:visit", limit={"count": 1}, milestones=at(6, 7)
    ),
    "tiers of a referrer whose referees have no number": one(on="every_purchase", limit={"count": 3}, tiers=tiers(9)),
    "tiers between which one grants": one(every=5, tiers=tiers(2, 6, 11)),
    "a tier for the rest that the cap lets through": one(
        cap={"amount_minor": 3000}, tiers=[{"from": 2, "amount_minor": 500}, {"from": 5, "amount_minor": 9999}]
    ),
    "tiers of a percentage under a cap": one(
        give=PERCENT, cap={"amount_minor": 10}, tiers=[{"from": 99, "percent": "20"}]
    ),
}


@pytest.mark.parametrize(("doc", "path", "why"), NEVER.values(), ids=NEVER.keys())
def test_what_can_never_be_reached_is_refused_naming_the_field_and_the_reason(
    doc: Document, path: str, why: str
) -> None:
    with pytest.raises(InvalidTerms) as caught:
        parse_terms(doc)

    errors = dict(caught.value.errors or {})
    assert list(errors) == [path]
    assert why in errors[path][0]


@pytest.mark.parametrize("doc", SOME_DAY.values(), ids=SOME_DAY.keys())
def test_what_can_be_reached_some_day_is_accepted(doc: Document) -> None:
    parse_terms(doc)
