"""What whole programs need beside their terms: the facts behind each reward, open-ended coupons, limits on referrers.

Revision: 0007, after 0006.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from referral_service.kit.db.base import Id, JsonDocument, Number, UtcDateTime, Word

revision = "0007"
down_revision = "0006"

# What funnels, leaderboards and liabilities are read by: table, columns, and which rows alone.
READ_BY = {
    "ix_conversions_app_id_occurred_at": ("conversions", ["app_id", "occurred_at"], None),
    "ix_customers_erased": ("customers", ["app_id", "id"], "erased_at IS NOT NULL"),
    "ix_ledger_accounts_owing": ("ledger_accounts", ["app_id", "id"], "kind = 'debt' AND balance < 0"),
    "ix_lots_by_payer": ("lots", ["app_id", "payer"], "rest > 0"),
    "ix_referrals_app_id_program_id_claimed_at": ("referrals", ["app_id", "program_id", "claimed_at"], None),
    "ix_rewards_app_id_program_id_created_at": ("rewards", ["app_id", "program_id", "created_at"], None),
    "ix_rewards_badges": ("rewards", ["app_id", "program_id", "recipient_id"], "badge IS NOT NULL"),
}


def upgrade() -> None:
    op.add_column("rewards", sa.Column("counted", JsonDocument, nullable=False, server_default="[]"))
    op.add_column("rewards", sa.Column("fulfilled_at", UtcDateTime(), nullable=True))
    op.create_index(op.f("ix_rewards_app_id_subject"), "rewards", ["app_id", "subject"], unique=False)
    op.create_index(
        op.f("ix_rewards_app_id_state_accept_by"), "rewards", ["app_id", "state", "accept_by"], unique=False
    )
    op.create_index(
        op.f("ix_rewards_app_id_state_kind_expires_at"),
        "rewards",
        ["app_id", "state", "kind", "expires_at"],
        unique=False,
    )
    with op.batch_alter_table("coupons") as coupons:
        coupons.alter_column("valid_until", existing_type=UtcDateTime(), nullable=True)
        coupons.create_index(op.f("ix_coupons_app_id_redeemed_order"), ["app_id", "redeemed_order"])
    op.add_column("programs", sa.Column("ends_at", UtcDateTime(), nullable=True))
    op.add_column("programs", sa.Column("rewards_self", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        op.f("ix_programs_app_id_status_ends_at"), "programs", ["app_id", "status", "ends_at"], unique=False
    )
    op.add_column("budgets", sa.Column("level", Word, nullable=False, server_default="uncounted"))
    op.add_column("budgets", sa.Column("sequence", Number, nullable=False, server_default="0"))
    op.create_table(
        "referrer_anchors",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("program_id", Id, nullable=False),
        sa.Column("referrer_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id", "program_id"],
            ["programs.app_id", "programs.id"],
            name=op.f("fk_referrer_anchors_app_id_program_id"),
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "referrer_id"],
            ["customers.app_id", "customers.id"],
            name=op.f("fk_referrer_anchors_app_id_referrer_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "program_id", "referrer_id", name=op.f("pk_referrer_anchors")),
    )
    for name, (table, columns, rows) in READ_BY.items():
        where: dict[str, Any] = (
            {f"{database}_where": sa.text(rows) for database in ("sqlite", "postgresql")} if rows else {}
        )
        op.create_index(op.f(name), table, columns, unique=False, **where)
    # From now on it is kept where conversions are made; what was made before belongs to it as well.
    op.execute(
        "INSERT INTO ranks (app_id, program_id, customer_id, conversions) "
        "SELECT app_id, program_id, referrer_id, count(*) FROM referrals WHERE state = 'converted' "
        "GROUP BY app_id, program_id, referrer_id"
    )


def downgrade() -> None:
    op.execute("DELETE FROM ranks")
    for name, (table, _, _) in READ_BY.items():
        op.drop_index(op.f(name), table)
    op.drop_table("referrer_anchors")
    op.drop_column("budgets", "sequence")
    op.drop_column("budgets", "level")
    op.drop_index(op.f("ix_programs_app_id_status_ends_at"), "programs")
    op.drop_column("programs", "rewards_self")
    op.drop_column("programs", "ends_at")
    # A coupon without end gets one that no shop will see.
    op.execute("UPDATE coupons SET valid_until = valid_from WHERE valid_until IS NULL")
    with op.batch_alter_table("coupons") as coupons:
        coupons.drop_index(op.f("ix_coupons_app_id_redeemed_order"))
        coupons.alter_column("valid_until", existing_type=UtcDateTime(), nullable=False)
    op.drop_index(op.f("ix_rewards_app_id_state_kind_expires_at"), "rewards")
    op.drop_index(op.f("ix_rewards_app_id_state_accept_by"), "rewards")
    op.drop_index(op.f("ix_rewards_app_id_subject"), "rewards")
    op.drop_column("rewards", "fulfilled_at")
    op.drop_column("rewards", "counted")
