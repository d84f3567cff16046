"""A reward as it is stored, what it ought to be, and a plan: its steps, its movements and its announcements."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from referral_service.rewards.policy import LEGAL, Rules

Movement = Literal["grant", "amend", "void", "release", "claw_back", "restore"]


@dataclass(slots=True)
class Holding:
    """A reward as it is stored; the fields are the columns of `rewards`. Amounts are in whole units of `unit`."""

    id: str
    program_id: str
    version: int
    referral_id: str | None
    conversion_no: int | None
    recipient_id: str
    reward_key: str
    subject: str
    side: str
    ordinal: int
    state: str
    reason: str | None
    kind: str
    unit: str
    granted: int
    reversed: int
    badge: str | None
    occurred_at: datetime
    hold_ends_at: datetime
    accept_by: datetime | None
    expires_at: datetime | None
    released_at: datetime | None
    created_at: datetime
    updated_at: datetime
    sequence: int
    # The facts it stands on: [step key, fact id, amount counted] of each.
    counted: list[list[Any]]
    fulfilled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reward ought to be: so much granted, so much of it reversed, held until `hold_ends_at`.

    `is_whole` says that it is reversed whole, which an amount alone cannot say of a reward of zero. `reason` is why
    anything is reversed, `back_for` why what was reversed comes back. `counted` are the facts it stands on from now
    on; None leaves them as they are.
    """

    granted: int
    reversed: int
    is_whole: bool
    occurred_at: datetime
    hold_ends_at: datetime
    reason: str | None
    back_for: str = "dispute_won"
    counted: tuple[tuple[str, str, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A movement for the ledger. An `amend` says what is held from now on in place of `previous`."""

    movement: Movement
    amount: int
    reason: str | None = None
    previous: int = 0


@dataclass(frozen=True, slots=True)
class Announcement:
    """A state change to be told: the notification's type, and the reward as it stands right after it."""

    type: str
    previous_state: str | None
    reward: Holding


@dataclass(slots=True)
class Plan:
    """A reward after its steps, with what to post and what to tell. Empty lists: nothing was to be done.

    `before` is the reward as it was stored, None for a new one; `rules` are its terms' rules for its life.
    """

    reward: Holding
    rules: Rules
    before: Holding | None = None
    moves: list[Move] = field(default_factory=list)
    announcements: list[Announcement] = field(default_factory=list)
    is_changed: bool = False

    @property
    def is_new(self) -> bool:
        return self.before is None

    @classmethod
    def of(cls, reward: Holding, rules: Rules) -> Plan:
        """Begin to plan for a stored reward; nothing is done to it yet."""
        return cls(replace(reward), rules, before=reward)

    def move(self, movement: Movement, amount: int, *, reason: str | None = None, previous: int = 0) -> None:
        """Note a movement for the ledger; a movement of nothing is none."""
        self.is_changed = True
        if amount != previous:
            self.moves.append(Move(movement, amount, reason, previous))

    def turn(self, state: str, *, event: str, reason: str | None, now: datetime) -> None:
        """Change the state, by the table, and note what is to be announced."""
        previous = self.reward.state
        if state not in LEGAL[previous]:
            raise ValueError(f"a reward does not go from {previous} to {state}")
        self.reward.state, self.reward.reason = state, reason
        self._tell(event, previous, now)

    def open(self, event: str, now: datetime) -> None:
        """Announce a reward that has just been made."""
        self._tell(event, None, now)

    def _tell(self, event: str, previous: str | None, now: datetime) -> None:
        self.reward.sequence += 1
        self.reward.updated_at = now
        self.is_changed = True
        self.announcements.append(Announcement(event, previous, replace(self.reward)))
