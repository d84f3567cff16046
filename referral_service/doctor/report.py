"""What an examination looked at and what it found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# Enough to see what is wrong; the total says how often.
VIOLATIONS_SHOWN_MAX = 100


@dataclass(frozen=True, slots=True)
class Violation:
    """One object that breaks an invariant, and how, in a sentence."""

    object_id: str
    says: str


@dataclass(slots=True)
class Check:
    """One invariant of SAFETY: how many rows were looked at, and what breaks it.

    `violations` holds the first hundred; `violations_total` counts them all.
    """

    invariant: str
    title: str
    checked: int = 0
    violations: list[Violation] = field(default_factory=list)
    violations_total: int = 0

    @property
    def ok(self) -> bool:
        return self.violations_total == 0

    def looked_at(self, rows: int) -> None:
        """Count rows that were examined."""
        self.checked += rows

    def accuse(self, object_id: object, says: str) -> None:
        """Record a violation."""
        self.violations_total += 1
        if len(self.violations) < VIOLATIONS_SHOWN_MAX:
            self.violations.append(Violation(str(object_id), says))

    def to_document(self) -> dict[str, Any]:
        return {
            "invariant": self.invariant,
            "title": self.title,
            "checked": self.checked,
            "violations": [{"object_id": each.object_id, "says": each.says} for each in self.violations],
            "violations_total": self.violations_total,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The whole examination, one check for each invariant."""

    checks: list[Check]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)

    def to_document(self) -> dict[str, Any]:
        """Return `{"ok": true, "checks": [{"invariant": "I1", "title": …, "checked": 1234, "violations": []}]}`."""
        return {"ok": self.ok, "checks": [check.to_document() for check in self.checks]}
