"""Clicks: visits through a share link."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from referral_service.kit.db.base import Base, Id, Number, UtcDateTime, Word


class Click(Base):
    """One visit. No other table refers to it: a claim is proved by the signed click token, and old clicks are dropped.

    `kind` is `person`, `bot` or `prefetch`; only persons count. Nothing of it tells whose visit it was.
    """

    __tablename__ = "clicks"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id)
    code_id: Mapped[str] = mapped_column(Id)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(Word)
    channel: Mapped[str | None] = mapped_column(Word)

    __table_args__ = (Index(None, "app_id", "program_id", "at"),)
