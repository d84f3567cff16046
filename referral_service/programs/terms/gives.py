"""What a reward gives: one frozen class for each kind, named as in the document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Literal, TypeAlias

POINTS_UNIT = "points"


@dataclass(frozen=True, slots=True)
class Credit:
    """A fixed amount of the program's currency."""

    kind: ClassVar[Literal["credit"]] = "credit"
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Percent:
    """A share of the purchase, in the program's currency, at most `max_amount_minor`."""

    kind: ClassVar[Literal["percent"]] = "percent"
    percent: Decimal
    max_amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """`quantity` points, or that many for each whole `per_minor` of the amount spent."""

    kind: ClassVar[Literal["points"]] = "points"
    quantity: int
    per_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """`quantity` of the app's own `unit`, or that many for each whole `per_minor` of the amount spent."""

    kind: ClassVar[Literal["quota"]] = "quota"
    quantity: int
    unit: str
    per_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Coupon:
    """A unique code: exactly one of `percent_off` and `amount_off_minor` is set.

    Valid for `valid_days` from its release, or between two fixed times, or without end where nothing is said.
    """

    kind: ClassVar[Literal["coupon"]] = "coupon"
    percent_off: Decimal | None = None
    amount_off_minor: int | None = None
    valid_days: int | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    prefix: str | None = None
    on_order_cancelled: Literal["burn", "restore"] = "burn"

    @property
    def valid(self) -> timedelta | None:
        return None if self.valid_days is None else timedelta(days=self.valid_days)

    @property
    def says_its_end(self) -> bool:
        return self.valid_days is not None or self.valid_until is not None


@dataclass(frozen=True, slots=True)
class Custom:
    """Something that the app itself hands over; `data` is passed on as it is."""

    kind: ClassVar[Literal["custom"]] = "custom"
    data: Mapping[str, Any] = field(default_factory=dict, hash=False)


Give: TypeAlias = Credit | Percent | Points | Quota | Coupon | Custom


def give_from_document(doc: Mapping[str, Any]) -> Give:
    """Build from a validated `give`: complete, its kind one of the six."""
    own = {name: value for name, value in doc.items() if name != "kind"}
    return _BUILD[doc["kind"]](own)


def _percent(own: dict[str, Any]) -> Percent:
    return Percent(**own | {"percent": Decimal(own["percent"])})


def _coupon(own: dict[str, Any]) -> Coupon:
    read: dict[str, Callable[[str], object]] = {
        "percent_off": Decimal,
        "valid_from": datetime.fromisoformat,
        "valid_until": datetime.fromisoformat,
    }
    return Coupon(**own | {name: own[name] and build(own[name]) for name, build in read.items()})


_BUILD: dict[str, Callable[[dict[str, Any]], Give]] = {
    "credit": lambda own: Credit(**own),
    "percent": _percent,
    "points": lambda own: Points(**own),
    "quota": lambda own: Quota(**own),
    "coupon": _coupon,
    "custom": lambda own: Custom(deepcopy(own["data"])),
}
