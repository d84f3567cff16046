"""What the model says: the readings of PRODUCT.md, the verdict on each entry, the picture a reader sees."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from itertools import product
from typing import Literal

from campaigns.facts import RewardName


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the places that PRODUCT.md leaves open. Each default is the likelier one."""

    # "no purchase before ...": a purchase in a currency that parks is still a purchase; or, parked, it
    # tells nothing.
    foreign_purchase_counts_as_bought: bool = True
    # A referral whose deadline is this very instant: the far edge of the window still counts, so it may
    # wait; or go.
    expires_on_the_edge: bool = False
    # A voided reward that a won dispute brings back after its hold: released there and then, or by the next
    # worker run.
    reopened_releases_at_once: bool = True
    # The same for a row that a takeover amends and whose new hold is already over.
    amended_releases_at_once: bool = True
    # A purchase without hold that meets its own tombstone: voided, never released; or released and clawed
    # back at once.
    reversed_grant_is_released_first: bool = False
    # A batch is its items one after another; or one set of facts that is settled once (the same while
    # nothing is released).
    batch_is_serial: bool = True
    # "A dispute opened reverses like a full refund", which a reward with `on_refund: keep` outlasts; or it
    # does not.
    keep_outlasts_a_dispute: bool = True


def all_readings() -> list[Reading]:
    """Every reading, the likeliest first."""
    likely = Reading()
    names = [f.name for f in fields(Reading)]
    combined = (dict(zip(names, values, strict=True)) for values in product((True, False), repeat=len(names)))
    readings = [Reading(**values) for values in combined]
    return sorted(readings, key=lambda r: sum(getattr(r, n) != getattr(likely, n) for n in names))


@dataclass(frozen=True, slots=True)
class ReferralPicture:
    referrer: str
    state: str
    # None: any reason will do, PRODUCT.md names none for this state.
    reasons: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class RewardPicture:
    # The referee whose referral it belongs to; None: the recipient's own reward, or a prize.
    referee: str | None
    subject: tuple[str, str]
    states: frozenset[str]
    # None: a reward that `not_new` took away whole; which purchase it was last sized by is nobody's business.
    granted: int | None
    reversed: int | None
    reasons: frozenset[str] | None = None
    badge: str | None = None
    expires_at: datetime | None = None
    accept_by: datetime | None = None
    coupon: str | None = None
    # An offer that nobody accepted is over: what refunds make of its size afterwards is of no consequence.
    sized: bool = True


@dataclass(frozen=True)
class Picture:
    """What the lists and balances must show. Keys: program, referee[, referrer]; rewards by their names."""

    accepted: dict[tuple[str, str], ReferralPicture]
    # The reasons that each row of this place may tell: a claim refused, and claims accepted and rejected later.
    rejected: dict[tuple[str, str, str], tuple[frozenset[str], ...]]
    rewards: dict[RewardName, RewardPicture]
    # (customer, unit) -> (available, pending); pairs of zeros are left out.
    balances: dict[tuple[str, str], tuple[int, int]]

    @property
    def grants(self) -> int:
        """How many reward rows, and so how many ledger grants, there may ever have been."""
        return len(self.rewards)


@dataclass(frozen=True, slots=True)
class ClaimVerdict:
    answer: Literal["accepted", "repeated", "refused", "closed", "bad_code", "stale", "invalid"]
    reasons: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class EventVerdict:
    """`outcome` None: PRODUCT.md does not say which (recorded or parked, for example)."""

    kind: Literal["invalid", "duplicate", "new"]
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class CallVerdict:
    """What a person asked for by hand is done (200 or 201), or refused (409) for one of these codes (None: any)."""

    done: bool
    codes: frozenset[str] | None = None


Verdict = ClaimVerdict | tuple[EventVerdict, ...] | CallVerdict | None
