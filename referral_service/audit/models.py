"""Who did what: an append-only log whose rows the worker seals into a chain."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from referral_service.kit.db.base import Base, Id, JsonDocument, Key, Number, UtcDateTime, Word


class AuditEntry(Base):
    """One act. `digest` is a salted hash of the details: erasure deletes salt and details, and the chain still holds.

    `seq` and `chain` are empty until the worker seals the row; then `chain` covers the row and its predecessor.
    """

    __tablename__ = "audit_log"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(Id)
    action: Mapped[str] = mapped_column(Word)
    object_id: Mapped[str] = mapped_column(Key)
    details: Mapped[dict[str, Any] | None] = mapped_column(JsonDocument)
    salt: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    seq: Mapped[int | None] = mapped_column(Number)
    chain: Mapped[bytes | None] = mapped_column(LargeBinary(32))

    __table_args__ = (
        UniqueConstraint("app_id", "seq"),
        Index(
            "ix_audit_log_unsealed",
            "app_id",
            "id",
            sqlite_where=text("seq IS NULL"),
            postgresql_where=text("seq IS NULL"),
        ),
    )


class AuditHead(Base):
    """The end of an app's sealed chain; locked while the next rows are sealed."""

    __tablename__ = "audit_heads"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    last_seq: Mapped[int] = mapped_column(Number, default=0)
    last_chain: Mapped[bytes] = mapped_column(LargeBinary(32))
