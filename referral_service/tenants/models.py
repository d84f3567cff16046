"""Apps, their API keys, the sources that may tell facts, and the answers kept for idempotency keys."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from referral_service.kit.db.base import Base, Id, JsonDocument, Key, LongText, Number, UtcDateTime, Word


class App(Base):
    """A tenant. `id` is its short number, which every key and token starts with; `public_id` is what others see."""

    __tablename__ = "apps"

    id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    public_id: Mapped[str] = mapped_column(Id, unique=True)
    slug: Mapped[str] = mapped_column(Word, unique=True)
    name: Mapped[str] = mapped_column(LongText)
    mode: Mapped[str] = mapped_column(Word)
    # Business time is real time plus this; it only ever grows, and is zero for a live app.
    clock_offset_us: Mapped[int] = mapped_column(Number, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ApiKey(Base):
    """A bearer key. Only its SHA-256 is kept; 256 random bits ask for no more. `app_id` is empty for an operator's."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    app_id: Mapped[int | None] = mapped_column(Number, ForeignKey("apps.id"), index=True)
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    prefix: Mapped[str] = mapped_column(Word)
    name: Mapped[str] = mapped_column(LongText)
    scopes: Mapped[list[str]] = mapped_column(JsonDocument)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Source(Base):
    """A sender of events: a provider's webhook, or the app itself (`api`, made with the app, id `src_<app>_api`)."""

    __tablename__ = "sources"

    app_id: Mapped[int] = mapped_column(Number, ForeignKey("apps.id"), primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    provider: Mapped[str] = mapped_column(Word)
    name: Mapped[str] = mapped_column(LongText)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class IdempotencyKey(Base):
    """The answer that was given to a POST with an Idempotency-Key, kept encrypted for 24 hours of real time.

    Written in the transaction whose answer it holds, so a crash leaves no half-done key behind. `app_id` is 0 for an
    operator's key.
    """

    __tablename__ = "idempotency_keys"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    api_key_id: Mapped[str] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(Key, primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    status: Mapped[int | None] = mapped_column(Number)
    answer_ct: Mapped[bytes | None] = mapped_column(LargeBinary)
    # Whose personal data the answer may carry: it is emptied when that person is erased.
    customer_id: Mapped[str | None] = mapped_column(Id)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)

    __table_args__ = (Index("ix_idempotency_keys_customer", "app_id", "customer_id"),)
