"""Programs and their immutable versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, false
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


class Program(Base):
    """One referral program. What it promises stands in its versions; `version` is the newest."""

    __tablename__ = "programs"

    app_id: Mapped[int] = mapped_column(Number, ForeignKey("apps.id"), primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(LongText)
    status: Mapped[str] = mapped_column(Word)
    landing_url: Mapped[str] = mapped_column(LongText)
    allowed_hosts: Mapped[list[str]] = mapped_column(JsonDocument)
    # The names under which the public code and the click token are added to the landing URL.
    code_parameter: Mapped[str] = mapped_column(Word, default="ref")
    click_parameter: Mapped[str] = mapped_column(Word, default="ref_click")
    signed_links_only: Mapped[bool] = mapped_column(default=False)
    # See `branding.py`; the logo in it is the hash of the one in `program_logos`.
    branding: Mapped[dict[str, Any]] = mapped_column(JsonDocument, default=dict)
    version: Mapped[int] = mapped_column(Number)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Two things that the newest terms say, where they are looked for by index.
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rewards_self: Mapped[bool] = mapped_column(default=False, server_default=false())

    __table_args__ = (
        Index(None, "app_id", "status", "ends_at"),
        # For browsers, which know the program and not the app: its scripts and its logo.
        Index(None, "id"),
    )


class ProgramLogo(Base):
    """A program's logo as it is served. Apart from the program, whose row is read for other things all the time."""

    __tablename__ = "program_logos"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    program_id: Mapped[str] = mapped_column(Id, primary_key=True)
    sha256: Mapped[str] = mapped_column(Word)
    png: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (belongs_to("programs", "app_id", "program_id"),)


class ProgramVersion(Base):
    """The terms as they were promised. A trigger refuses to change or delete one."""

    __tablename__ = "program_versions"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id)
    version: Mapped[int] = mapped_column(Number)
    terms: Mapped[dict[str, Any]] = mapped_column(JsonDocument)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        UniqueConstraint("app_id", "program_id", "version"),
        belongs_to("programs", "app_id", "program_id"),
    )


class Budget(Base):
    """What a program has spent of its budget. The anchor row: locked before rewards are written."""

    __tablename__ = "budgets"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    program_id: Mapped[str] = mapped_column(Id, primary_key=True)
    used_minor: Mapped[int] = mapped_column(Number, default=0)
    used_count: Mapped[int] = mapped_column(Number, default=0)
    # What was announced of it last: `ample`, `low` or `exhausted`; `sequence` counts the announcements. While it is
    # `uncounted`, what was granted without a budget has not been added up yet.
    level: Mapped[str] = mapped_column(Word, default="uncounted", server_default="uncounted")
    sequence: Mapped[int] = mapped_column(Number, default=0, server_default="0")

    __table_args__ = (
        belongs_to("programs", "app_id", "program_id"),
        CheckConstraint("used_minor >= 0 AND used_count >= 0", name="not_negative"),
    )
