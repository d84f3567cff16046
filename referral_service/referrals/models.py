"""Referrals, the touches that led to them, their conversions, the facts those counted, and who has how many."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, Index, false, text
from sqlalchemy.orm import Mapped, mapped_column

from referral_service.kit.db.base import Base, Id, Key, Number, UtcDateTime, Word, belongs_to

ACCEPTED = text("state <> 'rejected'")
REFUSED = text("is_refused_claim")
OPEN = text("state = 'pending'")
# What the counters do not hold yet, as it stands now: few rows, and the worker takes them from there.
UNTALLIED = text("NOT is_tallied")


class Referral(Base):
    """Who referred whom, in which program, under which version of its terms, and where that stands.

    One accepted row per referee and program. A claim that was refused outright (`is_refused_claim`) is kept beside it,
    once per code, with its latest reason. `window_starts_at` to `deadline_at` is when a purchase counts, both edges
    included. `sequence` counts the state changes, each of which has one notification.
    """

    __tablename__ = "referrals"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id)
    version: Mapped[int] = mapped_column(Number)
    referrer_id: Mapped[str] = mapped_column(Id)
    referee_id: Mapped[str] = mapped_column(Id)
    code_id: Mapped[str] = mapped_column(Id)
    state: Mapped[str] = mapped_column(Word)
    reason: Mapped[str | None] = mapped_column(Word)
    is_refused_claim: Mapped[bool] = mapped_column(default=False)
    claimed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    window_starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deadline_at: Mapped[datetime] = mapped_column(UtcDateTime)
    converted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    conversion_no: Mapped[int] = mapped_column(Number, default=0)
    sequence: Mapped[int] = mapped_column(Number, default=0)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        belongs_to("program_versions", "app_id", "program_id", "version", to=("app_id", "program_id", "version")),
        belongs_to("customers", "app_id", "referrer_id"),
        belongs_to("customers", "app_id", "referee_id"),
        belongs_to("codes", "app_id", "code_id"),
        CheckConstraint("referrer_id <> referee_id OR state = 'rejected'", name="no_self_referral"),
        Index(
            "uq_referrals_one_accepted",
            "app_id",
            "program_id",
            "referee_id",
            unique=True,
            sqlite_where=ACCEPTED,
            postgresql_where=ACCEPTED,
        ),
        Index(
            "uq_referrals_refused_once",
            "app_id",
            "program_id",
            "referee_id",
            "code_id",
            unique=True,
            sqlite_where=REFUSED,
            postgresql_where=REFUSED,
        ),
        Index(None, "app_id", "referee_id"),
        Index(None, "app_id", "referrer_id", "id"),
        Index(None, "app_id", "program_id", "state", "id"),
        Index(None, "app_id", "program_id", "claimed_at"),
        Index(None, "app_id", "state", "id"),
        Index("ix_referrals_open", "app_id", "deadline_at", sqlite_where=OPEN, postgresql_where=OPEN),
    )


class Touch(Base):
    """One piece of evidence a claim brought: a click token, a signed code or a typed code, and whether it counted."""

    __tablename__ = "touches"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    referral_id: Mapped[str] = mapped_column(Id, primary_key=True)
    n: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(Word)
    at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    code_id: Mapped[str | None] = mapped_column(Id)
    click_id: Mapped[str | None] = mapped_column(Id)
    counted: Mapped[bool] = mapped_column()
    reason: Mapped[str | None] = mapped_column(Word)

    __table_args__ = (belongs_to("referrals", "app_id", "referral_id"),)


class Conversion(Base):
    """The n-th accepted result of a referral. A reversal keeps the row; a later conversion gets the next number.

    The counters hold it as one of the day `tallied_on` in the state `tallied_state` (both empty: not at all), which is
    how it stands if it `is_tallied`. Whoever writes it says that it is not; the worker counts it.
    """

    __tablename__ = "conversions"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    referral_id: Mapped[str] = mapped_column(Id, primary_key=True)
    n: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(Word)
    reason: Mapped[str | None] = mapped_column(Word)
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    amount_minor: Mapped[int] = mapped_column(Number)
    refunded_minor: Mapped[int] = mapped_column(Number, default=0)
    is_tallied: Mapped[bool] = mapped_column(default=False, server_default=false())
    tallied_on: Mapped[date | None] = mapped_column(Date)
    tallied_state: Mapped[str | None] = mapped_column(Word)

    __table_args__ = (
        belongs_to("referrals", "app_id", "referral_id"),
        Index(None, "app_id", "occurred_at"),
        Index(
            "ix_conversions_untallied",
            "app_id",
            "referral_id",
            "n",
            sqlite_where=UNTALLIED,
            postgresql_where=UNTALLIED,
        ),
    )


class QualificationFact(Base):
    """A fact that a conversion counted. `fact_id` is a purchase or an event; an earlier purchase may take its place
    while nothing is released."""

    __tablename__ = "qualification_facts"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    referral_id: Mapped[str] = mapped_column(Id, primary_key=True)
    n: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    step_key: Mapped[str] = mapped_column(Word, primary_key=True)
    fact_id: Mapped[str] = mapped_column(Id, primary_key=True)
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    amount_minor: Mapped[int] = mapped_column(Number)

    __table_args__ = (
        belongs_to("conversions", "app_id", "referral_id", "n", to=("app_id", "referral_id", "n")),
        Index(None, "app_id", "fact_id"),
    )


class RefereeAnchor(Base):
    """Held by the one referral of a referee where programs ask for one program per referee."""

    __tablename__ = "referee_anchors"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    referee_id: Mapped[str] = mapped_column(Id, primary_key=True)
    referral_id: Mapped[str] = mapped_column(Id)

    __table_args__ = (
        belongs_to("customers", "app_id", "referee_id"),
        belongs_to("referrals", "app_id", "referral_id"),
    )


class ReferrerAnchor(Base):
    """Locked by whoever counts a referrer's accepted referrals to add one, where a program bounds them."""

    __tablename__ = "referrer_anchors"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    program_id: Mapped[str] = mapped_column(Id, primary_key=True)
    referrer_id: Mapped[str] = mapped_column(Id, primary_key=True)

    __table_args__ = (
        belongs_to("programs", "app_id", "program_id"),
        belongs_to("customers", "app_id", "referrer_id"),
    )


class BudgetReservation(Base):
    """Budget set aside for a referral at its claim (`reserve: claimed`), given back when it expires."""

    __tablename__ = "budget_reservations"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    referral_id: Mapped[str] = mapped_column(Id, primary_key=True)
    program_id: Mapped[str] = mapped_column(Id)
    amount_minor: Mapped[int] = mapped_column(Number)
    count: Mapped[int] = mapped_column(Number)
    state: Mapped[str] = mapped_column(Key)

    __table_args__ = (belongs_to("referrals", "app_id", "referral_id"),)


class Rank(Base):
    """How many conversions a referrer has in a program: the leaderboard is this table read by its index.

    `rank_counts` counts the referrer among those with `tallied` conversions (0: not at all), which is where they belong
    if the row `is_tallied`. Whoever changes that says that it is not so any more; the worker counts them anew.
    """

    __tablename__ = "ranks"

    app_id: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    program_id: Mapped[str] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[str] = mapped_column(Id, primary_key=True)
    conversions: Mapped[int] = mapped_column(Number, default=0)
    is_tallied: Mapped[bool] = mapped_column(default=False, server_default=false())
    tallied: Mapped[int] = mapped_column(Number, default=0, server_default="0")

    __table_args__ = (
        belongs_to("programs", "app_id", "program_id"),
        belongs_to("customers", "app_id", "customer_id"),
        Index(None, "app_id", "program_id", "conversions", "customer_id"),
        Index(
            "ix_ranks_untallied",
            "app_id",
            "program_id",
            "customer_id",
            sqlite_where=UNTALLIED,
            postgresql_where=UNTALLIED,
        ),
    )
