"""Where notifications are sent, and each one's way there. All times are real time, on test apps, too."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from referral_service.kit.db.base import (
    Base,
    Id,
    JsonDocument,
    LongText,
    Number,
    UtcDateTime,
    Word,
    belongs_to,
)


def _index_where(rows: str, name: str, *columns: str) -> Index:
    """An index over the few rows that are looked for."""
    return Index(f"ix_deliveries_{name}", *columns, sqlite_where=text(rows), postgresql_where=text(rows))


class WebhookEndpoint(Base):
    """An address of the app that wants notifications. `state` is `enabled` or `disabled`, never changed silently.

    `failing_since` is the first failure after the last success, `failures` counts them. Nothing is sent before
    `paused_until`, the end of a pause that a row of failures brought about.
    """

    __tablename__ = "webhook_endpoints"

    app_id: Mapped[int] = mapped_column(Number, ForeignKey("apps.id"), primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    url: Mapped[str] = mapped_column(LongText)
    events: Mapped[list[str]] = mapped_column(JsonDocument)
    state: Mapped[str] = mapped_column(Word)
    reason: Mapped[str | None] = mapped_column(Word)
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(Number, default=0, server_default="0")
    paused_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sequence: Mapped[int] = mapped_column(Number, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class EndpointSecret(Base):
    """An endpoint's signing secret, sealed; the old one signs too for 24 hours after a rotation."""

    __tablename__ = "endpoint_secrets"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(Id)
    secret_ct: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        belongs_to("webhook_endpoints", "app_id", "endpoint_id"),
        Index(None, "app_id", "endpoint_id"),
    )


class Delivery(Base):
    """A notification on its way to one endpoint: `scheduled`, `leased`, `done`, `dead` or `disabled`.

    `attempts` counts those since it was scheduled anew, the one under way included. `next_attempt_at` is, while a
    worker has leased it, the end of the lease: then it is scheduled again, and another worker takes it.
    """

    __tablename__ = "deliveries"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    notification_id: Mapped[str] = mapped_column(Id)
    endpoint_id: Mapped[str] = mapped_column(Id)
    state: Mapped[str] = mapped_column(Word)
    attempts: Mapped[int] = mapped_column(Number, default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_status: Mapped[int | None] = mapped_column(Number)
    last_error: Mapped[str | None] = mapped_column(Word)
    last_duration_ms: Mapped[int | None] = mapped_column(Number)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        UniqueConstraint("app_id", "notification_id", "endpoint_id"),
        belongs_to("notifications", "app_id", "notification_id"),
        belongs_to("webhook_endpoints", "app_id", "endpoint_id"),
        Index(None, "app_id", "endpoint_id", "id"),
        _index_where("state = 'scheduled'", "due", "app_id", "endpoint_id", "next_attempt_at"),
        _index_where("state = 'leased'", "leased", "app_id", "endpoint_id", "next_attempt_at"),
        # Nearly all of them are done: who looks for those finds them by id.
        _index_where("state <> 'done'", "undone", "app_id", "state", "id"),
    )
