"""The books: append-only, double entry. Triggers refuse to change or delete a transaction, posting or movement."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from referral_service.kit.db.base import Base, Id, Key, Number, UtcDateTime, Word, belongs_to


class LedgerAccount(Base):
    """What one owner (a customer or a program) holds of one unit under one heading (`kind`).

    `balance` is the sum of the account's postings for customers' accounts, and never below zero but for a debt, which
    is never above. A program's accounts would be one hot row under every grant, so theirs stays empty and is summed
    when asked for. `sequence` counts balance notifications. `id` follows from the rest (`accounts.account_id`).
    """

    __tablename__ = "ledger_accounts"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    owner: Mapped[str] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(Word)
    unit: Mapped[str] = mapped_column(Word)
    balance: Mapped[int | None] = mapped_column(Number)
    sequence: Mapped[int] = mapped_column(Number, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        UniqueConstraint("app_id", "owner", "kind", "unit"),
        CheckConstraint("CASE WHEN kind = 'debt' THEN balance <= 0 ELSE balance >= 0 END", name="not_overdrawn"),
        Index(
            "ix_ledger_accounts_owing",
            "app_id",
            "id",
            sqlite_where=text("kind = 'debt' AND balance < 0"),
            postgresql_where=text("kind = 'debt' AND balance < 0"),
        ),
    )


class LedgerTxn(Base):
    """One balanced movement. (`kind`, `subject`, `seq`) is unique: the same grant or release cannot be posted twice."""

    __tablename__ = "ledger_txns"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(Word)
    subject: Mapped[str] = mapped_column(Id)
    seq: Mapped[int] = mapped_column(Number)
    reason: Mapped[str | None] = mapped_column(Word)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        UniqueConstraint("app_id", "kind", "subject", "seq"),
        Index(None, "app_id", "subject"),
    )


class LedgerPosting(Base):
    """One leg of a transaction. The amounts of a transaction sum to zero in every unit."""

    __tablename__ = "ledger_postings"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    txn_id: Mapped[str] = mapped_column(Id, primary_key=True)
    n: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    account_id: Mapped[str] = mapped_column(Id)
    unit: Mapped[str] = mapped_column(Word)
    amount: Mapped[int] = mapped_column(Number)

    __table_args__ = (
        belongs_to("ledger_txns", "app_id", "txn_id"),
        belongs_to("ledger_accounts", "app_id", "account_id"),
        CheckConstraint("amount <> 0", name="moves_something"),
        Index(None, "app_id", "account_id"),
    )


class Lot(Base):
    """What one release put into a customer's account; redemptions take lots by earliest expiry, then oldest.

    `origin` is the reward (or adjustment) it came from; `payer` is the program whose accounts answer for it (`app` for
    an adjustment). `rest` is `granted` and its movements together, never below zero.
    """

    __tablename__ = "lots"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account_id: Mapped[str] = mapped_column(Id)
    origin: Mapped[str] = mapped_column(Id)
    payer: Mapped[str] = mapped_column(Id)
    unit: Mapped[str] = mapped_column(Word)
    granted: Mapped[int] = mapped_column(Number)
    rest: Mapped[int] = mapped_column(Number)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        UniqueConstraint("app_id", "origin"),
        belongs_to("ledger_accounts", "app_id", "account_id"),
        CheckConstraint("rest >= 0 AND rest <= granted", name="rest_within_granted"),
        Index(
            "ix_lots_open",
            "app_id",
            "account_id",
            "expires_at",
            sqlite_where=text("rest > 0"),
            postgresql_where=text("rest > 0"),
        ),
        Index(
            "ix_lots_by_payer",
            "app_id",
            "payer",
            sqlite_where=text("rest > 0"),
            postgresql_where=text("rest > 0"),
        ),
        Index(
            "ix_lots_due",
            "app_id",
            "expires_at",
            sqlite_where=text("rest > 0 AND expires_at IS NOT NULL"),
            postgresql_where=text("rest > 0 AND expires_at IS NOT NULL"),
        ),
    )


class LotMovement(Base):
    """What one transaction took out of a lot (negative) or put back (positive)."""

    __tablename__ = "lot_movements"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    txn_id: Mapped[str] = mapped_column(Id, primary_key=True)
    lot_id: Mapped[str] = mapped_column(Id, primary_key=True)
    amount: Mapped[int] = mapped_column(Number)

    __table_args__ = (
        belongs_to("ledger_txns", "app_id", "txn_id"),
        belongs_to("lots", "app_id", "lot_id"),
        Index(None, "app_id", "lot_id"),
    )


class Redemption(Base):
    """A customer spent part of a balance; `reference` is the app's own word for what it was spent on."""

    __tablename__ = "redemptions"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account_id: Mapped[str] = mapped_column(Id)
    customer_id: Mapped[str] = mapped_column(Id)
    txn_id: Mapped[str] = mapped_column(Id)
    unit: Mapped[str] = mapped_column(Word)
    amount: Mapped[int] = mapped_column(Number)
    reference: Mapped[str] = mapped_column(Key)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        belongs_to("ledger_accounts", "app_id", "account_id"),
        belongs_to("ledger_txns", "app_id", "txn_id"),
        CheckConstraint("amount > 0", name="positive"),
        Index(None, "app_id", "customer_id", "id"),
    )
