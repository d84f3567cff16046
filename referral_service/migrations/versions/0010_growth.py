"""Growth: how far clicks have been counted, lists by state, and indexes over what waits for time alone.

The three indexes by state and a time held every reward for ever, and were written with each of its steps; those that
take their place hold a row only while it waits.

Revision: 0010, after 0009.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from referral_service.kit.db.base import Id, Number, UtcDateTime

revision = "0010"
down_revision = "0009"

BY_TIME = {
    "ix_rewards_app_id_state_hold_ends_at": ("rewards", ["app_id", "state", "hold_ends_at"]),
    "ix_rewards_app_id_state_accept_by": ("rewards", ["app_id", "state", "accept_by"]),
    "ix_rewards_app_id_state_kind_expires_at": ("rewards", ["app_id", "state", "kind", "expires_at"]),
    "ix_referrals_app_id_state_deadline_at": ("referrals", ["app_id", "state", "deadline_at"]),
}
WAITING = {
    "ix_rewards_held": ("rewards", ["app_id", "hold_ends_at"], "state = 'pending'"),
    "ix_rewards_offered": ("rewards", ["app_id", "accept_by"], "state = 'offered'"),
    "ix_rewards_unused": (
        "rewards", ["app_id", "kind", "expires_at"], "state = 'available' AND expires_at IS NOT NULL"
    ),
    "ix_referrals_open": ("referrals", ["app_id", "deadline_at"], "state = 'pending'"),
}  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "click_tallies",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("last_id", Id, nullable=False),
        sa.Column("next_id", Id, nullable=False),
        sa.Column("next_from", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_click_tallies")),
    )
    for table in ("referrals", "rewards"):
        op.create_index(op.f(f"ix_{table}_app_id_state_id"), table, ["app_id", "state", "id"], unique=False)
    for name, (table, columns, rows) in WAITING.items():
        where = sa.text(rows)
        op.create_index(name, table, columns, unique=False, sqlite_where=where, postgresql_where=where)
    for name, (table, _) in BY_TIME.items():
        op.drop_index(op.f(name), table_name=table)


def downgrade() -> None:
    for name, (table, columns) in BY_TIME.items():
        op.create_index(op.f(name), table, columns, unique=False)
    for name, (table, *_) in WAITING.items():
        op.drop_index(name, table_name=table)
    for table in ("referrals", "rewards"):
        op.drop_index(op.f(f"ix_{table}_app_id_state_id"), table_name=table)
    op.drop_table("click_tallies")
