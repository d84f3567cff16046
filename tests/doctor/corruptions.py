"""What may go wrong in a database behind the service's back, and the invariant that must notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Corruption:
    """`does` is SQL with the ids of the told stories; `frees` names tables whose own constraints must give way first.

    Exactly `breaks` is to be accused, and what it says must name `names`, one of the ids.
    """

    name: str
    breaks: set[str]
    does: tuple[str, ...]
    names: str
    frees: tuple[str, ...] = ()


def planted(name: str, breaks: str, does: str, names: str, *frees: str) -> Corruption:
    return Corruption(name, set(breaks.split()), (does,), names, frees)


OF = "app_id = 1 AND {0} = :{1}"
# Before anything of the book happened: somebody's purchase that no referral may count.
CLAIMED = "(SELECT MIN(claimed_at) FROM referrals WHERE app_id = 1)"
LONG_AGO = "(SELECT MIN(occurred_at) FROM events WHERE app_id = 1)"
