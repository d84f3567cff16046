"""The people. Personal data lives in this table and nowhere else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from referral_service.kit.db.base import Base, Id, JsonDocument, Key, Number, UtcDateTime, Word


class Customer(Base):
    """A person of an app. `external_id` is the app's own `customer_id`; every other table stores `id`.

    `profile_ct` is sealed JSON with the e-mail and the display name. The two blind indexes are keyed hashes of the
    e-mail as written (lower case) and of its canonical form; neither is unique, since households and slips exist.
    """

    __tablename__ = "customers"

    app_id: Mapped[int] = mapped_column(Number, ForeignKey("apps.id"), primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    external_id: Mapped[str | None] = mapped_column(Key)
    email_index: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    email_canon_index: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    profile_ct: Mapped[bytes | None] = mapped_column(LargeBinary)
    locale: Mapped[str | None] = mapped_column(Word)
    leaderboard_opt_in: Mapped[bool] = mapped_column(default=False)
    # Whether those whom the person invites may read who it is that invites them.
    invite_name_opt_in: Mapped[bool] = mapped_column(default=False, server_default=false())
    attributes: Mapped[dict[str, Any]] = mapped_column(JsonDocument, default=dict)
    # Share tokens carry the series they were minted in, and count while it is this one: counted, and not dated, since
    # no two clocks agree on what was minted before a revocation.
    share_tokens_series: Mapped[int] = mapped_column(Number, default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # A keyed hash of the customer_id that was erased, so that a deleted and re-registered account can be noticed.
    tombstone: Mapped[bytes | None] = mapped_column(LargeBinary(32))

    __table_args__ = (
        UniqueConstraint("app_id", "external_id"),
        Index(None, "app_id", "email_index"),
        Index(None, "app_id", "email_canon_index"),
        Index(
            "ix_customers_erased",
            "app_id",
            "id",
            sqlite_where=text("erased_at IS NOT NULL"),
            postgresql_where=text("erased_at IS NOT NULL"),
        ),
    )
