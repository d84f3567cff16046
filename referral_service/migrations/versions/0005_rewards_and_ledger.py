"""Rewards with their anchors, and the append-only books.

Revision: 0005, after 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from referral_service.kit.db.base import Id, Key, Number, UtcDateTime, Word
from referral_service.migrations.triggers import make_append_only

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "ledger_accounts",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("owner", Id, nullable=False),
        sa.Column("kind", Word, nullable=False),
        sa.Column("unit", Word, nullable=False),
        sa.Column("balance", Number, nullable=True),
        sa.Column("sequence", Number, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "CASE WHEN kind = 'debt' THEN balance <= 0 ELSE balance >= 0 END",
            name=op.f("ck_ledger_accounts_not_overdrawn"),
        ),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_ledger_accounts")),
        sa.UniqueConstraint("app_id", "owner", "kind", "unit", name=op.f("uq_ledger_accounts_app_id_owner_kind_unit")),
    )
    op.create_table(
        "ledger_txns",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", Word, nullable=False),
        sa.Column("subject", Id, nullable=False),
        sa.Column("seq", Number, nullable=False),
        sa.Column("reason", Word, nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_ledger_txns")),
        sa.UniqueConstraint("app_id", "kind", "subject", "seq", name=op.f("uq_ledger_txns_app_id_kind_subject_seq")),
    )
    op.create_index(op.f("ix_ledger_txns_app_id_subject"), "ledger_txns", ["app_id", "subject"], unique=False)
    op.create_table(
        "reward_ordinals",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("program_id", Id, nullable=False),
        sa.Column("reward_key", Word, nullable=False),
        sa.Column("recipient_id", Id, nullable=False),
        sa.Column("subject", Key, nullable=False),
        sa.Column("n", Number, nullable=False),
        sa.PrimaryKeyConstraint(
            "app_id", "program_id", "reward_key", "recipient_id", "subject", name=op.f("pk_reward_ordinals")
        ),
        sa.UniqueConstraint(
            "app_id",
            "program_id",
            "reward_key",
            "recipient_id",
            "n",
            name=op.f("uq_reward_ordinals_app_id_program_id_reward_key_recipient_id_n"),
        ),
    )
    op.create_table(
        "ledger_postings",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("txn_id", Id, nullable=False),
        sa.Column("n", Number, autoincrement=False, nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("unit", Word, nullable=False),
        sa.Column("amount", Number, nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_ledger_postings_moves_something")),
        sa.ForeignKeyConstraint(
            ["app_id", "account_id"],
            ["ledger_accounts.app_id", "ledger_accounts.id"],
            name=op.f("fk_ledger_postings_app_id_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "txn_id"],
            ["ledger_txns.app_id", "ledger_txns.id"],
            name=op.f("fk_ledger_postings_app_id_txn_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "txn_id", "n", name=op.f("pk_ledger_postings")),
    )
    op.create_index(
        op.f("ix_ledger_postings_app_id_account_id"),
        "ledger_postings",
        ["app_id", "account_id"],
        unique=False,
    )
    op.create_table(
        "lots",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("origin", Id, nullable=False),
        sa.Column("payer", Id, nullable=False),
        sa.Column("unit", Word, nullable=False),
        sa.Column("granted", Number, nullable=False),
        sa.Column("rest", Number, nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("rest >= 0 AND rest <= granted", name=op.f("ck_lots_rest_within_granted")),
        sa.ForeignKeyConstraint(
            ["app_id", "account_id"],
            ["ledger_accounts.app_id", "ledger_accounts.id"],
            name=op.f("fk_lots_app_id_account_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_lots")),
        sa.UniqueConstraint("app_id", "origin", name=op.f("uq_lots_app_id_origin")),
    )
    op.create_index(
        "ix_lots_open",
        "lots",
        ["app_id", "account_id", "expires_at"],
        unique=False,
        sqlite_where=sa.text("rest > 0"),
        postgresql_where=sa.text("rest > 0"),
    )
    op.create_index(
        "ix_lots_due",
        "lots",
        ["app_id", "expires_at"],
        unique=False,
        sqlite_where=sa.text("rest > 0 AND expires_at IS NOT NULL"),
        postgresql_where=sa.text("rest > 0 AND expires_at IS NOT NULL"),
    )
    op.create_table(
        "redemptions",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("txn_id", Id, nullable=False),
        sa.Column("unit", Word, nullable=False),
        sa.Column("amount", Number, nullable=False),
        sa.Column("reference", Key, nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_redemptions_positive")),
        sa.ForeignKeyConstraint(
            ["app_id", "account_id"],
            ["ledger_accounts.app_id", "ledger_accounts.id"],
            name=op.f("fk_redemptions_app_id_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "txn_id"],
            ["ledger_txns.app_id", "ledger_txns.id"],
            name=op.f("fk_redemptions_app_id_txn_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_redemptions")),
    )
    op.create_index(
        op.f("ix_redemptions_app_id_customer_id_id"),
        "redemptions",
        ["app_id", "customer_id", "id"],
        unique=False,
    )
    op.create_table(
        "lot_movements",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("txn_id", Id, nullable=False),
        sa.Column("lot_id", Id, nullable=False),
        sa.Column("amount", Number, nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id", "lot_id"], ["lots.app_id", "lots.id"], name=op.f("fk_lot_movements_app_id_lot_id")
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "txn_id"],
            ["ledger_txns.app_id", "ledger_txns.id"],
            name=op.f("fk_lot_movements_app_id_txn_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "txn_id", "lot_id", name=op.f("pk_lot_movements")),
    )
    op.create_index(op.f("ix_lot_movements_app_id_lot_id"), "lot_movements", ["app_id", "lot_id"], unique=False)
    op.create_table(
        "reward_anchors",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("program_id", Id, nullable=False),
        sa.Column("reward_key", Word, nullable=False),
        sa.Column("recipient_id", Id, nullable=False),
        sa.Column("last_ordinal", Number, nullable=False),
        sa.Column("used_count", Number, nullable=False),
        sa.Column("used_amount", Number, nullable=False),
        sa.CheckConstraint("used_count >= 0 AND used_amount >= 0", name=op.f("ck_reward_anchors_not_negative")),
        sa.ForeignKeyConstraint(
            ["app_id", "program_id"],
            ["programs.app_id", "programs.id"],
            name=op.f("fk_reward_anchors_app_id_program_id"),
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "recipient_id"],
            ["customers.app_id", "customers.id"],
            name=op.f("fk_reward_anchors_app_id_recipient_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "program_id", "reward_key", "recipient_id", name=op.f("pk_reward_anchors")),
    )
    op.create_table(
        "rewards",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("program_id", Id, nullable=False),
        sa.Column("version", Number, nullable=False),
        sa.Column("referral_id", Id, nullable=True),
        sa.Column("conversion_no", Number, nullable=True),
        sa.Column("recipient_id", Id, nullable=False),
        sa.Column("reward_key", Word, nullable=False),
        sa.Column("subject", Key, nullable=False),
        sa.Column("side", Word, nullable=False),
        sa.Column("ordinal", Number, nullable=False),
        sa.Column("state", Word, nullable=False),
        sa.Column("reason", Word, nullable=True),
        sa.Column("kind", Word, nullable=False),
        sa.Column("unit", Word, nullable=False),
        sa.Column("granted", Number, nullable=False),
        sa.Column("reversed", Number, nullable=False),
        sa.Column("badge", Word, nullable=True),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("hold_ends_at", UtcDateTime(), nullable=False),
        sa.Column("accept_by", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("released_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("sequence", Number, nullable=False),
        sa.CheckConstraint(
            "granted >= 0 AND reversed >= 0 AND reversed <= granted",
            name=op.f("ck_rewards_reversed_within_granted"),
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "program_id", "version"],
            ["program_versions.app_id", "program_versions.program_id", "program_versions.version"],
            name=op.f("fk_rewards_app_id_program_id_version"),
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "recipient_id"],
            ["customers.app_id", "customers.id"],
            name=op.f("fk_rewards_app_id_recipient_id"),
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "referral_id"],
            ["referrals.app_id", "referrals.id"],
            name=op.f("fk_rewards_app_id_referral_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_rewards")),
        sa.UniqueConstraint(
            "app_id",
            "program_id",
            "recipient_id",
            "reward_key",
            "subject",
            name=op.f("uq_rewards_app_id_program_id_recipient_id_reward_key_subject"),
        ),
        sa.UniqueConstraint(
            "app_id",
            "program_id",
            "reward_key",
            "recipient_id",
            "ordinal",
            name=op.f("uq_rewards_app_id_program_id_reward_key_recipient_id_ordinal"),
        ),
    )
    op.create_index(
        op.f("ix_rewards_app_id_program_id_state_id"),
        "rewards",
        ["app_id", "program_id", "state", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_rewards_app_id_recipient_id_id"), "rewards", ["app_id", "recipient_id", "id"], unique=False
    )
    op.create_index(op.f("ix_rewards_app_id_referral_id"), "rewards", ["app_id", "referral_id"], unique=False)
    op.create_index(
        op.f("ix_rewards_app_id_state_hold_ends_at"),
        "rewards",
        ["app_id", "state", "hold_ends_at"],
        unique=False,
    )
    op.create_table(
        "coupons",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("reward_id", Id, nullable=False),
        sa.Column("text", Word, nullable=False),
        sa.Column("folded", Word, nullable=False),
        sa.Column("percent_off_hundredths", Number, nullable=True),
        sa.Column("amount_off_minor", Number, nullable=True),
        sa.Column("currency", Word, nullable=False),
        sa.Column("valid_from", UtcDateTime(), nullable=False),
        sa.Column("valid_until", UtcDateTime(), nullable=False),
        sa.Column("state", Word, nullable=False),
        sa.Column("redeemed_order", Key, nullable=True),
        sa.Column("redeemed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["app_id", "reward_id"],
            ["rewards.app_id", "rewards.id"],
            name=op.f("fk_coupons_app_id_reward_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_coupons")),
        sa.UniqueConstraint("app_id", "folded", name=op.f("uq_coupons_app_id_folded")),
        sa.UniqueConstraint("app_id", "reward_id", name=op.f("uq_coupons_app_id_reward_id")),
    )

    for table in ("ledger_txns", "ledger_postings", "lot_movements"):
        make_append_only(table)


def downgrade() -> None:
    op.drop_table("coupons")
    op.drop_table("rewards")
    op.drop_table("reward_anchors")
    op.drop_table("lot_movements")
    op.drop_table("redemptions")
    op.drop_table("lots")
    op.drop_table("ledger_postings")
    op.drop_table("reward_ordinals")
    op.drop_table("ledger_txns")
    op.drop_table("ledger_accounts")
