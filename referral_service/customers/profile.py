"""What is personal about a person: sealed as one, bound to that very row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from referral_service.kit.crypto import Sealer


@dataclass(frozen=True, slots=True)
class Profile:
    """What is stored encrypted."""

    email: str | None = None
    display_name: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """A person as the app may read them. `customer_id` is the app's own id; `id` is ours (`cus_…`)."""

    id: str
    customer_id: str
    email: str | None
    display_name: str | None
    locale: str | None
    leaderboard_opt_in: bool
    invite_name_opt_in: bool
    attributes: dict[str, Any]
    created_at: datetime
    updated_at: datetime


def seal_profile(sealer: Sealer, profile: Profile, *, app_id: int, customer_id: str) -> bytes | None:
    """Return the sealed profile of a `cus_…`, None for an empty one."""
    if profile == Profile():
        return None
    said = {"email": profile.email, "display_name": profile.display_name}
    return sealer.seal(orjson.dumps(said), context=_context(app_id, customer_id))


def open_profile(sealer: Sealer, sealed: bytes | None, *, app_id: int, customer_id: str) -> Profile:
    """Return what was sealed for this `cus_…`; raise `kit.crypto.CannotOpen`, also for bytes of another row."""
    if sealed is None:
        return Profile()
    said = orjson.loads(sealer.open(sealed, context=_context(app_id, customer_id)))
    return Profile(said["email"], said["display_name"])


def _context(app_id: int, customer_id: str) -> str:
    return f"customer:{app_id}:{customer_id}"
