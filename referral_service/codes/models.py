"""Referral codes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from referral_service.kit.db.base import Base, Id, Number, UtcDateTime, Word, belongs_to


class Code(Base):
    """What a customer shares. `text` is shown as written; `folded` (case, hyphens, look-alikes) is unique."""

    __tablename__ = "codes"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id)
    customer_id: Mapped[str] = mapped_column(Id)
    text: Mapped[str] = mapped_column(Word)
    folded: Mapped[str] = mapped_column(Word)
    is_vanity: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(Word)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        UniqueConstraint("app_id", "folded"),
        belongs_to("programs", "app_id", "program_id"),
        belongs_to("customers", "app_id", "customer_id"),
        # One active code a customer and program: two requests at once get the same one.
        Index(
            "uq_codes_one_active",
            "app_id",
            "program_id",
            "customer_id",
            unique=True,
            sqlite_where=sql("state = 'active'"),
            postgresql_where=sql("state = 'active'"),
        ),
        Index(None, "app_id", "customer_id"),
    )
