"""What an event must be to count: filters on attributes, and the steps of a qualification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PURCHASE = "purchase"


@dataclass(frozen=True, slots=True)
class Filter:
    """An audience or a `where`: every named attribute must have one of the values given for it."""

    wanted: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def accepts(self, attributes: Mapping[str, object]) -> bool:
        """Tell whether `attributes` match; an empty filter accepts everybody. Only text equals text."""
        return all(attributes.get(name) in values for name, values in self.wanted)

    def __bool__(self) -> bool:
        return bool(self.wanted)

    @classmethod
    def from_document(cls, doc: Mapping[str, str | list[str]]) -> Filter:
        return cls(tuple((name, _values(said)) for name, said in sorted(doc.items())))


EVERYBODY = Filter()


@dataclass(frozen=True, slots=True)
class Alternative:
    """What one kind of event must amount to. `exclude` holds the categories of lines that are left out."""

    event: str = PURCHASE
    min_amount_minor: int = 0
    count: int = 1
    cumulative_minor: int | None = None
    distinct_days: bool = False
    where: Filter = EVERYBODY
    exclude: tuple[str, ...] = ()

    @classmethod
    def from_document(cls, doc: Mapping[str, Any]) -> Alternative:
        own = {name: value for name, value in doc.items() if name != "key"}
        return cls(
            **own
            | {
                "where": Filter.from_document(doc["where"]),
                "exclude": _values(doc["exclude"].get("category", [])),
            }
        )


@dataclass(frozen=True, slots=True)
class Step:
    """A step is met when one of its alternatives is. A step without `any_of` is its own only alternative."""

    key: str = "first_purchase"
    alternatives: tuple[Alternative, ...] = (Alternative(),)
    written_as_any_of: bool = False

    @property
    def is_always_a_purchase(self) -> bool:
        return all(alternative.event == PURCHASE for alternative in self.alternatives)

    @classmethod
    def from_document(cls, doc: Mapping[str, Any]) -> Step:
        if "any_of" in doc:
            alternatives = tuple(map(Alternative.from_document, doc["any_of"]))
            return cls(doc["key"], alternatives, written_as_any_of=True)
        return cls(doc["key"], (Alternative.from_document(doc),))


def _values(said: str | list[str]) -> tuple[str, ...]:
    """One value may be written without its list."""
    return (said,) if isinstance(said, str) else tuple(said)
