"""Notifications are sent: what an endpoint's health and a delivery's attempts leave behind, and how the due are found.

Revision: 0008, after 0007.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from referral_service.kit.db.base import Number, UtcDateTime

revision = "0008"
down_revision = "0007"

FOUND_BY = {
    "ix_deliveries_due": (["app_id", "endpoint_id", "next_attempt_at"], "state = 'scheduled'"),
    "ix_deliveries_leased": (["app_id", "endpoint_id", "next_attempt_at"], "state = 'leased'"),
    "ix_deliveries_undone": (["app_id", "state", "id"], "state <> 'done'"),
}


def upgrade() -> None:
    op.add_column("webhook_endpoints", sa.Column("failures", Number, nullable=False, server_default="0"))
    op.add_column("webhook_endpoints", sa.Column("paused_until", UtcDateTime(), nullable=True))
    op.drop_index(op.f("ix_deliveries_app_id_state_next_attempt_at"), "deliveries")
    op.drop_column("deliveries", "lease_until")
    op.add_column("deliveries", sa.Column("last_attempt_at", UtcDateTime(), nullable=True))
    op.add_column("deliveries", sa.Column("last_duration_ms", Number, nullable=True))
    for name, (columns, rows) in FOUND_BY.items():
        where: dict[str, Any] = {f"{database}_where": sa.text(rows) for database in ("sqlite", "postgresql")}
        op.create_index(op.f(name), "deliveries", columns, unique=False, **where)


def downgrade() -> None:
    for name in FOUND_BY:
        op.drop_index(op.f(name), "deliveries")
    op.drop_column("deliveries", "last_duration_ms")
    op.drop_column("deliveries", "last_attempt_at")
    op.add_column("deliveries", sa.Column("lease_until", UtcDateTime(), nullable=True))
    op.create_index(
        op.f("ix_deliveries_app_id_state_next_attempt_at"),
        "deliveries",
        ["app_id", "state", "next_attempt_at"],
        unique=False,
    )
    op.drop_column("webhook_endpoints", "paused_until")
    op.drop_column("webhook_endpoints", "failures")
