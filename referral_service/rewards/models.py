"""Rewards, the anchors that hold their limits, and the coupons they gave."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from referral_service.kit.db.base import Base, Id, JsonDocument, Key, Number, UtcDateTime, Word, belongs_to


def _waiting(name: str, rows: str, *columns: str) -> Index:
    """An index over the few rows that time will change. Only a query with these very words in it can use it."""
    return Index(f"ix_rewards_{name}", "app_id", *columns, sqlite_where=text(rows), postgresql_where=text(rows))


class Reward(Base):
    """What one side got for one subject. The unique key makes a second grant for the same subject impossible.

    `subject` is the granting fact (`referral:<id>:<conversion no>`, `purchase:...`, `event:...`, `nth:3`, `prize:1`).
    `granted` and `reversed` are in minor units of `unit` where that is a currency, else whole units.
    """

    __tablename__ = "rewards"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id)
    version: Mapped[int] = mapped_column(Number)
    referral_id: Mapped[str | None] = mapped_column(Id)
    conversion_no: Mapped[int | None] = mapped_column(Number)
    recipient_id: Mapped[str] = mapped_column(Id)
    reward_key: Mapped[str] = mapped_column(Word)
    subject: Mapped[str] = mapped_column(Key)
    side: Mapped[str] = mapped_column(Word)
    ordinal: Mapped[int] = mapped_column(Number)
    state: Mapped[str] = mapped_column(Word)
    reason: Mapped[str | None] = mapped_column(Word)
    kind: Mapped[str] = mapped_column(Word)
    unit: Mapped[str] = mapped_column(Word)
    granted: Mapped[int] = mapped_column(Number)
    reversed: Mapped[int] = mapped_column(Number, default=0)
    badge: Mapped[str | None] = mapped_column(Word)
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    hold_ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    accept_by: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    released_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sequence: Mapped[int] = mapped_column(Number, default=0)
    # When the app handed a custom reward over.
    fulfilled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The facts it stands on: [step key, fact id, amount counted] of each.
    counted: Mapped[list[list[Any]]] = mapped_column(JsonDocument, default=list, server_default="[]")

    __table_args__ = (
        UniqueConstraint("app_id", "program_id", "recipient_id", "reward_key", "subject"),
        UniqueConstraint("app_id", "program_id", "reward_key", "recipient_id", "ordinal"),
        belongs_to("program_versions", "app_id", "program_id", "version", to=("app_id", "program_id", "version")),
        belongs_to("referrals", "app_id", "referral_id"),
        belongs_to("customers", "app_id", "recipient_id"),
        CheckConstraint("granted >= 0 AND reversed >= 0 AND reversed <= granted", name="reversed_within_granted"),
        Index(None, "app_id", "referral_id"),
        Index(None, "app_id", "recipient_id", "id"),
        Index(None, "app_id", "subject"),
        Index(None, "app_id", "state", "id"),
        # What time will change: only rows that wait for it, so that the others cost nothing when they are written.
        _waiting("held", "state = 'pending'", "hold_ends_at"),
        _waiting("offered", "state = 'offered'", "accept_by"),
        _waiting("unused", "state = 'available' AND expires_at IS NOT NULL", "kind", "expires_at"),
        Index(None, "app_id", "program_id", "state", "id"),
        Index(None, "app_id", "program_id", "created_at"),
        Index(
            "ix_rewards_badges",
            "app_id",
            "program_id",
            "recipient_id",
            sqlite_where=text("badge IS NOT NULL"),
            postgresql_where=text("badge IS NOT NULL"),
        ),
    )


class RewardAnchor(Base):
    """Locked before rewards of one key and recipient are written; gives ordinals, and holds what caps have used."""

    __tablename__ = "reward_anchors"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    program_id: Mapped[str] = mapped_column(Id, primary_key=True)
    reward_key: Mapped[str] = mapped_column(Word, primary_key=True)
    recipient_id: Mapped[str] = mapped_column(Id, primary_key=True)
    last_ordinal: Mapped[int] = mapped_column(Number, default=0)
    used_count: Mapped[int] = mapped_column(Number, default=0)
    used_amount: Mapped[int] = mapped_column(Number, default=0)

    __table_args__ = (
        belongs_to("programs", "app_id", "program_id"),
        belongs_to("customers", "app_id", "recipient_id"),
        CheckConstraint("used_count >= 0 AND used_amount >= 0", name="not_negative"),
    )


class RewardOrdinal(Base):
    """The n-th counted fact of a reward and recipient, whether or not it granted; never renumbered."""

    __tablename__ = "reward_ordinals"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    program_id: Mapped[str] = mapped_column(Id, primary_key=True)
    reward_key: Mapped[str] = mapped_column(Word, primary_key=True)
    recipient_id: Mapped[str] = mapped_column(Id, primary_key=True)
    subject: Mapped[str] = mapped_column(Key, primary_key=True)
    n: Mapped[int] = mapped_column(Number)

    __table_args__ = (UniqueConstraint("app_id", "program_id", "reward_key", "recipient_id", "n"),)


class Coupon(Base):
    """A unique code that a reward gave. Redeemed once, by one order."""

    __tablename__ = "coupons"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    reward_id: Mapped[str] = mapped_column(Id)
    text: Mapped[str] = mapped_column(Word)
    folded: Mapped[str] = mapped_column(Word)
    # Hundredths of a percent, so that 15.00% is 1500 and no float is near it.
    percent_off_hundredths: Mapped[int | None] = mapped_column(Number)
    amount_off_minor: Mapped[int | None] = mapped_column(Number)
    currency: Mapped[str] = mapped_column(Word)
    valid_from: Mapped[datetime] = mapped_column(UtcDateTime)
    # None: without end.
    valid_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(Word)
    redeemed_order: Mapped[str | None] = mapped_column(Key)
    redeemed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        UniqueConstraint("app_id", "folded"),
        UniqueConstraint("app_id", "reward_id"),
        belongs_to("rewards", "app_id", "reward_id"),
        Index(None, "app_id", "redeemed_order"),
    )
