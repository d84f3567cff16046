"""Facts that came in: events, and the purchases, refunds and disputes they speak of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from referral_service.kit.db.base import Base, Id, JsonDocument, Key, Number, UtcDateTime, Word, belongs_to


class Event(Base):
    """One message, once per source and external id. `outcome` and `reason` say what has become of it so far.

    `first_answer` is what its sender was told the first time, and is told again whenever it asks. `duplicate_of` names
    the event that said the same under another id. `payload` holds amount, lines, attributes and the like, never
    personal data.
    """

    __tablename__ = "events"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    source_id: Mapped[str] = mapped_column(Id)
    external_id: Mapped[str] = mapped_column(Key)
    type: Mapped[str] = mapped_column(Word)
    customer_id: Mapped[str | None] = mapped_column(Id)
    purchase_id: Mapped[str | None] = mapped_column(Id)
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    outcome: Mapped[str] = mapped_column(Word)
    reason: Mapped[str | None] = mapped_column(Word)
    duplicate_of: Mapped[str | None] = mapped_column(Id)
    payload: Mapped[dict[str, Any]] = mapped_column(JsonDocument)
    first_answer: Mapped[dict[str, Any] | None] = mapped_column(JsonDocument)

    __table_args__ = (
        UniqueConstraint("app_id", "source_id", "external_id"),
        belongs_to("sources", "app_id", "source_id"),
        belongs_to("customers", "app_id", "customer_id"),
        Index(None, "app_id", "customer_id", "type", "occurred_at"),
        Index(None, "app_id", "purchase_id"),
    )


class EventResult(Base):
    """What an event meant for one program."""

    __tablename__ = "event_results"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    event_id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id, primary_key=True)
    referral_id: Mapped[str | None] = mapped_column(Id)
    outcome: Mapped[str] = mapped_column(Word)
    reason: Mapped[str | None] = mapped_column(Word)
    reward_ids: Mapped[list[str]] = mapped_column(JsonDocument)

    __table_args__ = (
        belongs_to("events", "app_id", "event_id"),
        belongs_to("programs", "app_id", "program_id"),
        Index(None, "app_id", "referral_id"),
    )


class Purchase(Base):
    """One order, whatever ids its messages used: they all lead here by `purchase_aliases`.

    A refund or dispute that comes first makes the row with `confirmed_at` empty (a tombstone), so that both sides
    meet on one row. `refunded_minor` and `dispute_state` follow from the refund and dispute rows.
    """

    __tablename__ = "purchases"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    source_id: Mapped[str] = mapped_column(Id)
    customer_id: Mapped[str | None] = mapped_column(Id)
    # The payer's e-mail, blind, while no customer is known by it; emptied when one is found, or after 30 days.
    payer_email_index: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    event_id: Mapped[str | None] = mapped_column(Id)
    # The order as its source names it: of two purchases at one instant the smaller text is the earlier.
    order_key: Mapped[str | None] = mapped_column(Key)
    amount_minor: Mapped[int | None] = mapped_column(Number)
    currency: Mapped[str | None] = mapped_column(Word)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JsonDocument, default=list)
    attributes: Mapped[dict[str, Any]] = mapped_column(JsonDocument, default=dict)
    occurred_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    refunded_minor: Mapped[int] = mapped_column(Number, default=0)
    dispute_state: Mapped[str | None] = mapped_column(Word)
    # Set when a message showed that two rows are one order; the other row carries on.
    merged_into: Mapped[str | None] = mapped_column(Id)

    __table_args__ = (
        belongs_to("sources", "app_id", "source_id"),
        belongs_to("customers", "app_id", "customer_id"),
        CheckConstraint("amount_minor >= 0 AND refunded_minor >= 0", name="not_negative"),
        CheckConstraint(
            "confirmed_at IS NULL OR (amount_minor IS NOT NULL AND occurred_at IS NOT NULL)", name="complete"
        ),
        Index(None, "app_id", "customer_id", "occurred_at"),
        Index(
            "ix_purchases_unmatched",
            "app_id",
            "payer_email_index",
            sqlite_where=text("payer_email_index IS NOT NULL"),
            postgresql_where=text("payer_email_index IS NOT NULL"),
        ),
    )


class PurchaseAlias(Base):
    """An id under which a source knows a purchase: its order id, a checkout session, a payment intent, an invoice."""

    __tablename__ = "purchase_aliases"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    source_id: Mapped[str] = mapped_column(Id, primary_key=True)
    alias: Mapped[str] = mapped_column(Key, primary_key=True)
    purchase_id: Mapped[str] = mapped_column(Id)

    __table_args__ = (
        belongs_to("purchases", "app_id", "purchase_id"),
        Index(None, "app_id", "purchase_id"),
    )


class Refund(Base):
    """Money given back. `mode` is `cumulative` (keyed by its amount) or `single` (keyed by its id)."""

    __tablename__ = "refunds"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    purchase_id: Mapped[str] = mapped_column(Id, primary_key=True)
    refund_key: Mapped[str] = mapped_column(Key, primary_key=True)
    mode: Mapped[str] = mapped_column(Word)
    amount_minor: Mapped[int] = mapped_column(Number)
    currency: Mapped[str] = mapped_column(Word)
    event_id: Mapped[str] = mapped_column(Id)
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        belongs_to("purchases", "app_id", "purchase_id"),
        belongs_to("events", "app_id", "event_id"),
        CheckConstraint("amount_minor >= 0", name="not_negative"),
    )


class Dispute(Base):
    """A charge-back: `opened`, then `won` or `lost`, which are final. Without an id its key is empty."""

    __tablename__ = "disputes"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    purchase_id: Mapped[str] = mapped_column(Id, primary_key=True)
    dispute_key: Mapped[str] = mapped_column(Key, primary_key=True)
    state: Mapped[str] = mapped_column(Word)
    event_id: Mapped[str] = mapped_column(Id)
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        belongs_to("purchases", "app_id", "purchase_id"),
        belongs_to("events", "app_id", "event_id"),
    )
