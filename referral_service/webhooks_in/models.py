"""The secrets that prove a webhook's sender, and what arrived."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from referral_service.kit.db.base import Base, Id, Key, Number, UtcDateTime, Word, belongs_to


class SourceSecret(Base):
    """A source's signing secret, sealed. Two may be valid at once while it is rotated."""

    __tablename__ = "source_secrets"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    source_id: Mapped[str] = mapped_column(Id)
    secret_ct: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        belongs_to("sources", "app_id", "source_id"),
        Index(None, "app_id", "source_id"),
    )


class InboundEvent(Base):
    """One received message, once per source and external id for ever; its raw body is kept sealed for 30 days."""

    __tablename__ = "inbound_events"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    source_id: Mapped[str] = mapped_column(Id)
    external_id: Mapped[str] = mapped_column(Key)
    provider_type: Mapped[str] = mapped_column(Key)
    type: Mapped[str] = mapped_column(Word)
    state: Mapped[str] = mapped_column(Word)
    reason: Mapped[str | None] = mapped_column(Word)
    event_id: Mapped[str | None] = mapped_column(Id)
    customer_id: Mapped[str | None] = mapped_column(Id)
    body_ct: Mapped[bytes | None] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        UniqueConstraint("app_id", "source_id", "external_id"),
        belongs_to("sources", "app_id", "source_id"),
        Index(None, "app_id", "state", "id"),
        Index(None, "app_id", "event_id"),
        Index(None, "app_id", "received_at"),
    )
