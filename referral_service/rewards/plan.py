"""From what a reward is to what it ought to be: the steps in between. Pure, so every path can be read and tested here.

A reward that ought to be changed is described by `Wanted`. `plan` compares it with what is stored and gives the changed
reward, the movements for the ledger and the announcements, in the order in which they happen.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from referral_service.rewards.policy import (
    AVAILABLE,
    CLAWED_BACK,
    LEGAL,
    PENDING,
    UNCONDITIONAL,
    VOIDED,
)

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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reward ought to be: so much granted, so much of it reversed, held until `hold_ends_at`.

    `is_whole` says that it is reversed whole, which an amount alone cannot say of a reward of zero. `reason` is why
    anything is reversed, `back_for` why what was reversed comes back.
    """

    granted: int
    reversed: int
    is_whole: bool
    occurred_at: datetime
    hold_ends_at: datetime
    reason: str | None
    back_for: str = "dispute_won"


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
    """A reward after its steps, with what to post and what to tell. Empty lists: nothing was to be done."""

    reward: Holding
    moves: list[Move] = field(default_factory=list)
    announcements: list[Announcement] = field(default_factory=list)
    is_changed: bool = False
    is_new: bool = False

    def number(self, ordinal: int) -> None:
        """Give a new reward its ordinal, also where it has been told already."""
        self.reward.ordinal = ordinal
        for announcement in self.announcements:
            announcement.reward.ordinal = ordinal

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

    def open(self, now: datetime) -> None:
        """Announce a reward that has just been made."""
        self._tell("reward.created", None, now)

    def _tell(self, event: str, previous: str | None, now: datetime) -> None:
        self.reward.sequence += 1
        self.reward.updated_at = now
        self.is_changed = True
        self.announcements.append(Announcement(event, previous, replace(self.reward)))


def begin(reward: Holding, wanted: Wanted, *, now: datetime) -> Plan:
    """Plan a new reward: granted, then, where its facts say so already, reversed or released."""
    plan = Plan(reward, is_new=True)
    plan.open(now)
    plan.move("grant", reward.granted)
    _before_release(plan, wanted, now)
    return plan


def change(reward: Holding, wanted: Wanted, *, now: datetime) -> Plan:
    """Plan what brings a stored reward to what it ought to be."""
    plan = Plan(replace(reward))
    if reward.released_at is None:
        _before_release(plan, wanted, now)
    else:
        _after_release(plan, wanted, now)
    if plan.is_changed:
        plan.reward.updated_at = now
    return plan


def release(reward: Holding, *, now: datetime) -> Plan:
    """Plan the release of a held reward whose hold is over; empty for any other."""
    plan = Plan(replace(reward))
    _release_when_due(plan, now)
    return plan


def void(reward: Holding, *, reason: str, now: datetime) -> Plan:
    """Plan to take an unreleased reward back for good; one that is voided already stays so, now for this reason."""
    plan = Plan(replace(reward))
    if reward.state == VOIDED:
        plan.reward.reason, plan.is_changed = reason, True
        return plan
    plan.move("void", reward.granted - reward.reversed, reason=reason)
    plan.reward.reversed = reward.granted
    plan.turn(VOIDED, event="reward.voided", reason=reason, now=now)
    return plan


def _before_release(plan: Plan, wanted: Wanted, now: datetime) -> None:
    reward = plan.reward
    is_final = reward.state == VOIDED and reward.reason in UNCONDITIONAL
    if reward.state not in (PENDING, VOIDED) or is_final:
        return
    if wanted.granted != reward.granted:
        held = reward.granted - reward.reversed
        plan.move("amend", wanted.granted - wanted.reversed, reason="earlier_purchase", previous=held)
    elif wanted.reversed > reward.reversed:
        plan.move("void", wanted.reversed - reward.reversed, reason=wanted.reason)
    elif wanted.reversed < reward.reversed:
        plan.move("restore", reward.reversed - wanted.reversed, reason=wanted.back_for)
    if (reward.occurred_at, reward.hold_ends_at) != (wanted.occurred_at, wanted.hold_ends_at):
        plan.is_changed = True
    reward.granted, reward.reversed = wanted.granted, wanted.reversed
    reward.occurred_at, reward.hold_ends_at = wanted.occurred_at, wanted.hold_ends_at
    if wanted.is_whole and reward.state == VOIDED and reward.reason != wanted.reason:
        reward.reason, plan.is_changed = wanted.reason, True
    if wanted.is_whole and reward.state == PENDING:
        plan.turn(VOIDED, event="reward.voided", reason=wanted.reason, now=now)
    elif not wanted.is_whole and reward.state == VOIDED:
        plan.turn(PENDING, event="reward.restored", reason=wanted.back_for, now=now)
    _release_when_due(plan, now)


def _release_when_due(plan: Plan, now: datetime) -> None:
    reward = plan.reward
    if reward.state != PENDING or reward.hold_ends_at > now:
        return
    plan.move("release", reward.granted - reward.reversed, reason="hold_ended")
    reward.released_at = now
    plan.turn(AVAILABLE, event="reward.available", reason="hold_ended", now=now)


def _after_release(plan: Plan, wanted: Wanted, now: datetime) -> None:
    reward = plan.reward
    taken = wanted.reversed - reward.reversed
    if taken > 0:
        plan.move("claw_back", taken, reason=wanted.reason)
    elif taken < 0:
        plan.move("restore", -taken, reason=wanted.back_for)
    reward.reversed = wanted.reversed
    if wanted.is_whole and reward.state == CLAWED_BACK and reward.reason != wanted.reason:
        reward.reason, plan.is_changed = wanted.reason, True
    if wanted.is_whole and reward.state == AVAILABLE:
        plan.turn(CLAWED_BACK, event="reward.clawed_back", reason=wanted.reason, now=now)
    elif not wanted.is_whole and reward.state == CLAWED_BACK:
        plan.turn(AVAILABLE, event="reward.restored", reason=wanted.back_for, now=now)
