"""Counters for funnels: deltas are appended where things happen, and rolled up by the worker."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Date
from sqlalchemy.orm import Mapped, mapped_column

from referral_service.kit.db.base import Base, Id, Key, Number, Word, belongs_to


class Counter(Base):
    """How often something happened in a program on one day, by name and key (a channel, a state, a unit)."""

    __tablename__ = "counters"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    program_id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(Word, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    key: Mapped[str] = mapped_column(Key, primary_key=True, default="")
    value: Mapped[int] = mapped_column(Number, default=0)

    __table_args__ = (belongs_to("programs", "app_id", "program_id"),)


class CounterDelta(Base):
    """A change to a counter that is not rolled up yet. Appending does not contend; adding to one hot row does."""

    __tablename__ = "counter_deltas"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id)
    name: Mapped[str] = mapped_column(Word)
    day: Mapped[date] = mapped_column(Date)
    key: Mapped[str] = mapped_column(Key, default="")
    delta: Mapped[int] = mapped_column(Number)
