"""What has become of a file so far."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from referral_service.events.given import Answer

NEW, ALREADY, IGNORED, UNREADABLE, FAILED = "new", "already", "ignored", "unreadable", "failed"
FATES = (NEW, ALREADY, IGNORED, UNREADABLE, FAILED)
# Whoever has given the wrong file need not read of each of its lines.
FAULTS_MAX = 100


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one record. `sentence` says why it is unreadable or failed, or was ignored."""

    line: int
    fate: str
    sentence: str = ""
    answers: tuple[Answer, ...] = ()


@dataclass(slots=True)
class Tally:
    """The records by their fates, and what the new messages meant.

    `last_line` is where the last record begins that is dealt with: whatever stands before the line behind it need not
    be read again.
    """

    fates: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    faults: list[Fate] = field(default_factory=list)
    last_line: int = 0

    @property
    def records(self) -> int:
        return self.fates.total()

    @property
    def is_whole(self) -> bool:
        """Whether every record could be read and taken in."""
        return not self.fates[UNREADABLE] and not self.fates[FAILED]

    def add(self, fate: Fate) -> None:
        """Count one record."""
        self.fates[fate.fate] += 1
        self.last_line = fate.line
        if fate.fate == IGNORED:
            self.reasons[fate.sentence] += 1
        if fate.fate in (UNREADABLE, FAILED) and len(self.faults) < FAULTS_MAX:
            self.faults.append(fate)
        for answer in fate.answers:
            self.outcomes[answer.outcome] += 1
            if answer.reason is not None:
                self.reasons[answer.reason] += 1

    def document(self) -> dict[str, Any]:
        """Return all of it for programs to read."""
        return {
            "records": self.records,
            **{fate: self.fates[fate] for fate in FATES},
            "outcomes": dict(sorted(self.outcomes.items())),
            "reasons": dict(sorted(self.reasons.items())),
            "faults": [{"line": one.line, "fate": one.fate, "reason": one.sentence} for one in self.faults],
            "last_line": self.last_line,
        }
