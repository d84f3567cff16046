"""When an endpoint is paused, when it is switched off, and when it counts as working again. Pure.

An endpoint is switched off by a 410, which says that it is gone for good, or after five days without a single
success. Until then failures only slow it down: after five in a row it is paused, for longer each time, and then one
message alone goes out to see how it is. The pause spares a receiver in trouble, and keeps the connections free for
the others; the attempts of the messages that wait are not used up by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import NamedTuple

CALLS_AT_ONCE_MAX = 5
FAILURES_BEFORE_PAUSE = 5
PAUSE_MIN, PAUSE_MAX = timedelta(seconds=5), timedelta(minutes=5)
FAILING_MAX = timedelta(days=5)


class Why(StrEnum):
    """Why an endpoint is switched on or off."""

    GONE = "gone"
    FAILING = "failing"
    BY_APP = "by_app"
    DELETED = "deleted"


class Outcome(NamedTuple):
    """How one attempt ended: real time, and the status, None where no answer came."""

    at: datetime
    status: int | None


@dataclass(frozen=True, slots=True)
class Health:
    """What an endpoint's latest attempts say of it; see `WebhookEndpoint`."""

    failing_since: datetime | None = None
    failures: int = 0
    paused_until: datetime | None = None

    @property
    def calls_at_once(self) -> int:
        """How many messages may be under way to it at a time, however many workers there are."""
        return 1 if self.failures >= FAILURES_BEFORE_PAUSE else CALLS_AT_ONCE_MAX


def is_success(status: int | None) -> bool:
    """Only 2xx is; a redirect is not followed, and so it is not one."""
    return status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def health_after(health: Health, outcomes: Sequence[Outcome]) -> tuple[Health, Why | None]:
    """Return an endpoint's health after more attempts, and why it is to be switched off, if it is."""
    why: Why | None = None
    for outcome in sorted(outcomes, key=lambda outcome: outcome.at):
        if is_success(outcome.status):
            health, why = Health(), None
            continue
        if health.paused_until is not None and outcome.at < health.paused_until:
            # It was under way already when the pause began, and tells nothing new.
            continue
        failures = health.failures + 1
        since = health.failing_since or outcome.at
        paused_until = outcome.at + _pause(failures) if failures >= FAILURES_BEFORE_PAUSE else None
        health = Health(since, failures, paused_until)
        if outcome.at - since >= FAILING_MAX:
            why = Why.FAILING
    if any(outcome.status == HTTPStatus.GONE for outcome in outcomes):
        why = Why.GONE
    return health, why


def _pause(failures: int) -> timedelta:
    doublings = min(failures - FAILURES_BEFORE_PAUSE, 16)
    return min(PAUSE_MAX, PAUSE_MIN * int(2**doublings))
