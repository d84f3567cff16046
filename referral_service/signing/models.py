"""Signing keys as rows, so that rotation is an insert that every running process sees."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from referral_service.kit.db.base import Base, Number, UtcDateTime, Word


class SigningKey(Base):
    """One key, encrypted by a master key. `kid` travels inside tokens; it signs from `active_from` on.

    `purpose` is `token` (codes, clicks, participants: the salt tells them apart) or `email_index` (the blind index).
    """

    __tablename__ = "signing_keys"

    kid: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    purpose: Mapped[str] = mapped_column(Word, index=True)
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary)
    active_from: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
