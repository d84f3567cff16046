"""The rows that announce each state change, written in the transaction that makes the change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from referral_service.kit.db.base import Base, Id, JsonDocument, Number, UtcDateTime, Word


class Notification(Base):
    """One announced change of one object. `sequence` counts the object's changes from 1 without a gap.

    `position` is the app-wide order in which readers pull; it is given after commit, so that no reader can pass over a
    row that was still being written. `object` is the object as its GET shows it, with `cus_...` ids in place of the
    app's own, which are joined when it is sent or read.
    """

    __tablename__ = "notifications"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    type: Mapped[str] = mapped_column(Word)
    object_id: Mapped[str] = mapped_column(Id)
    sequence: Mapped[int] = mapped_column(Number)
    previous_state: Mapped[str | None] = mapped_column(Word)
    state: Mapped[str] = mapped_column(Word)
    reason: Mapped[str | None] = mapped_column(Word)
    object: Mapped[dict[str, Any]] = mapped_column(JsonDocument)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    position: Mapped[int | None] = mapped_column(Number)

    __table_args__ = (
        UniqueConstraint("app_id", "object_id", "sequence"),
        UniqueConstraint("app_id", "position"),
        Index(
            "ix_notifications_unplaced",
            "app_id",
            "id",
            sqlite_where=text("position IS NULL"),
            postgresql_where=text("position IS NULL"),
        ),
    )


class NotificationHead(Base):
    """The last position an app has given; locked while the next ones are given."""

    __tablename__ = "notification_heads"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    last_position: Mapped[int] = mapped_column(Number, default=0)
