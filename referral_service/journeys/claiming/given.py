"""A claim as the app made it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class GivenTouch:
    """One piece of evidence as the app kept it; exactly one of the three is set."""

    click_token: str | None = None
    signed_code: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenClaim:
    """Who is claimed, by the app's own id, and for what evidence; `occurred_at` is business time, None for now."""

    touches: Sequence[GivenTouch]
    referee_external_id: str
    referee_email: str | None = None
    occurred_at: datetime | None = None
