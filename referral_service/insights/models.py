"""What the worker has counted for funnels and leaderboards, and how far it has come."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date
from sqlalchemy.orm import Mapped, mapped_column

from referral_service.kit.db.base import Base, Id, Key, Number, UtcDateTime, Word, belongs_to


class Counter(Base):
    """How often something happened in a program on one day, by name and key (a channel or a state)."""

    __tablename__ = "counters"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    program_id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(Word, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    key: Mapped[str] = mapped_column(Key, primary_key=True, default="")
    value: Mapped[int] = mapped_column(Number, default=0)

    __table_args__ = (belongs_to("programs", "app_id", "program_id"),)


class ClickTally(Base):
    """How far an app's clicks have been counted into `counters`: those up to `last_id` are, and may be dropped.

    `next_id` is how far the next count goes, from the moment `next_from` (real time) on: chosen a minute before it is
    used, so that nobody is still writing a click before it.
    """

    __tablename__ = "click_tallies"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    last_id: Mapped[str] = mapped_column(Id)
    next_id: Mapped[str] = mapped_column(Id)
    next_from: Mapped[datetime] = mapped_column(UtcDateTime)


class ChangeTally(Base):
    """How far an app's notifications have been counted into `counters`: all up to the position `last_position` are."""

    __tablename__ = "change_tallies"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    last_position: Mapped[int] = mapped_column(Number, default=0)


class RankCount(Base):
    """How many referrers of a program have exactly so many conversions, erased ones left out (see `ranks`)."""

    __tablename__ = "rank_counts"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    program_id: Mapped[str] = mapped_column(Id, primary_key=True)
    conversions: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    referrers: Mapped[int] = mapped_column(Number, default=0)

    __table_args__ = (belongs_to("programs", "app_id", "program_id"),)
