"""What is made of the figures: medians, spreads, percentiles, and whether a target is met. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

# Above this, (largest - smallest) / median of a line's ratios says that one run on this machine proves nothing.
NOISY = 0.35


class ExitCode(IntEnum):
    """How a run ended, as the shell sees it; 2 is wrong usage."""

    MET = 0
    MISSED = 1
    TOO_NOISY = 3
    NOT_MEASURED = 4


def spread(values: Sequence[float]) -> float:
    """How far the values lie apart, as a share of their median."""
    middle = statistics.median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least this share (0 to 1) of all does not exceed: the nearest-rank definition."""
    ordered = sorted(values)
    # Rounded first: 0.999 * 1000 must not be a hair above 999.
    rank = math.ceil(round(share * len(ordered), 9))
    return ordered[max(rank, 1) - 1]


@dataclass(slots=True, kw_only=True)
class Line:
    """One path beside what it is compared with: `figures` and `beside_figures`, round by round, in the same unit.

    `target` and `moonshot` are ratios; where `less_is_better` (times, memory) the ratio must not exceed them, else it
    must reach them. None: nobody has set one.
    """

    path: str
    beside: str
    unit: str = "/s"
    target: float | None = None
    moonshot: float | None = None
    less_is_better: bool = False
    figures: list[float] = field(default_factory=list)
    beside_figures: list[float] = field(default_factory=list)
    # Growth: what size the figures are of, and the same at sizes in between, by their names. Memory: on the way.
    size: str = ""
    between: dict[str, list[float]] = field(default_factory=dict)

    def add(self, figure: float, beside: float) -> None:
        """Note one round."""
        self.figures.append(figure)
        self.beside_figures.append(beside)

    @property
    def ratios(self) -> list[float]:
        return [one / other for one, other in zip(self.figures, self.beside_figures, strict=True)]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def spread(self) -> float:
        return spread(self.ratios)

    @property
    def is_noisy(self) -> bool:
        return self.spread > NOISY

    @property
    def is_met(self) -> bool | None:
        """Whether the median ratio meets the target; None without one."""
        return meets(self.ratio, self.target, less_is_better=self.less_is_better)

    def document(self) -> dict[str, Any]:
        """The line as JSON."""
        return {
            "path": self.path,
            "beside": self.beside,
            "unit": self.unit,
            "size": self.size,
            "figure": statistics.median(self.figures),
            "beside_figure": statistics.median(self.beside_figures),
            "between": {name: statistics.median(values) for name, values in self.between.items()},
            "ratio": self.ratio,
            "spread": self.spread,
            "noisy": self.is_noisy,
            "rounds": len(self.figures),
            "target": self.target,
            "moonshot": self.moonshot,
            "less_is_better": self.less_is_better,
            "met": self.is_met,
        }


def meets(ratio: float, target: float | None, *, less_is_better: bool) -> bool | None:
    """Whether the ratio reaches the target, or keeps below it; None without a target."""
    if target is None:
        return None
    return ratio <= target if less_is_better else ratio >= target


def verdict(lines: Iterable[Line]) -> ExitCode:
    """What a run says: a miss in a quiet line counts for certain; otherwise a noisy one leaves it open."""
    judged = [line for line in lines if line.target is not None]
    if any(line.is_met is False and not line.is_noisy for line in judged):
        return ExitCode.MISSED
    return ExitCode.TOO_NOISY if any(line.is_noisy for line in judged) else ExitCode.MET


@dataclass(frozen=True, slots=True)
class Latency:
    """How long requests took that were sent at a fixed rate, each counted from when it was due."""

    path: str
    rate: float
    seconds: Sequence[float]

    def document(self) -> dict[str, Any]:
        """The latency as JSON, in milliseconds."""
        shares = {"p50_ms": 0.5, "p99_ms": 0.99, "p99_9_ms": 0.999}
        figures = {name: 1000 * percentile(self.seconds, share) for name, share in shares.items()}
        return {"path": self.path, "rate": self.rate, "requests": len(self.seconds), **figures}
