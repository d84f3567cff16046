"""Referrals, their evidence and their conversions.

Revision: 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from referral_service.kit.db.base import Id, Key, Number, UtcDateTime, Word

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "referrals",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("program_id", Id, nullable=False),
        sa.Column("version", Number, nullable=False),
        sa.Column("referrer_id", Id, nullable=False),
        sa.Column("referee_id", Id, nullable=False),
        sa.Column("code_id", Id, nullable=False),
        sa.Column("state", Word, nullable=False),
        sa.Column("reason", Word, nullable=True),
        sa.Column("is_refused_claim", sa.Boolean(), nullable=False),
        sa.Column("claimed_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("window_starts_at", UtcDateTime(), nullable=False),
        sa.Column("deadline_at", UtcDateTime(), nullable=False),
        sa.Column("converted_at", UtcDateTime(), nullable=True),
        sa.Column("conversion_no", Number, nullable=False),
        sa.Column("sequence", Number, nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "referrer_id <> referee_id OR state = 'rejected'", name=op.f("ck_referrals_no_self_referral")
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "code_id"], ["codes.app_id", "codes.id"], name=op.f("fk_referrals_app_id_code_id")
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "program_id", "version"],
            ["program_versions.app_id", "program_versions.program_id", "program_versions.version"],
            name=op.f("fk_referrals_app_id_program_id_version"),
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "referee_id"],
            ["customers.app_id", "customers.id"],
            name=op.f("fk_referrals_app_id_referee_id"),
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "referrer_id"],
            ["customers.app_id", "customers.id"],
            name=op.f("fk_referrals_app_id_referrer_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_referrals")),
    )
    op.create_index(
        op.f("ix_referrals_app_id_program_id_state_id"),
        "referrals",
        ["app_id", "program_id", "state", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_referrals_app_id_referee_id"), "referrals", ["app_id", "referee_id"], unique=False)
    op.create_index(
        op.f("ix_referrals_app_id_referrer_id_id"), "referrals", ["app_id", "referrer_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_referrals_app_id_state_deadline_at"),
        "referrals",
        ["app_id", "state", "deadline_at"],
        unique=False,
    )
    op.create_index(
        "uq_referrals_one_accepted",
        "referrals",
        ["app_id", "program_id", "referee_id"],
        unique=True,
        sqlite_where=sa.text("state <> 'rejected'"),
        postgresql_where=sa.text("state <> 'rejected'"),
    )
    op.create_index(
        "uq_referrals_refused_once",
        "referrals",
        ["app_id", "program_id", "referee_id", "code_id"],
        unique=True,
        sqlite_where=sa.text("is_refused_claim"),
        postgresql_where=sa.text("is_refused_claim"),
    )
    op.create_table(
        "budget_reservations",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("referral_id", Id, nullable=False),
        sa.Column("program_id", Id, nullable=False),
        sa.Column("amount_minor", Number, nullable=False),
        sa.Column("count", Number, nullable=False),
        sa.Column("state", Key, nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id", "referral_id"],
            ["referrals.app_id", "referrals.id"],
            name=op.f("fk_budget_reservations_app_id_referral_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "referral_id", name=op.f("pk_budget_reservations")),
    )
    op.create_table(
        "conversions",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("referral_id", Id, nullable=False),
        sa.Column("n", Number, autoincrement=False, nullable=False),
        sa.Column("state", Word, nullable=False),
        sa.Column("reason", Word, nullable=True),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("amount_minor", Number, nullable=False),
        sa.Column("refunded_minor", Number, nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id", "referral_id"],
            ["referrals.app_id", "referrals.id"],
            name=op.f("fk_conversions_app_id_referral_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "referral_id", "n", name=op.f("pk_conversions")),
    )
    op.create_table(
        "referee_anchors",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("referee_id", Id, nullable=False),
        sa.Column("referral_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id", "referee_id"],
            ["customers.app_id", "customers.id"],
            name=op.f("fk_referee_anchors_app_id_referee_id"),
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "referral_id"],
            ["referrals.app_id", "referrals.id"],
            name=op.f("fk_referee_anchors_app_id_referral_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "referee_id", name=op.f("pk_referee_anchors")),
    )
    op.create_table(
        "touches",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("referral_id", Id, nullable=False),
        sa.Column("n", Number, autoincrement=False, nullable=False),
        sa.Column("kind", Word, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=True),
        sa.Column("code_id", Id, nullable=True),
        sa.Column("click_id", Id, nullable=True),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("reason", Word, nullable=True),
        sa.ForeignKeyConstraint(
            ["app_id", "referral_id"],
            ["referrals.app_id", "referrals.id"],
            name=op.f("fk_touches_app_id_referral_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "referral_id", "n", name=op.f("pk_touches")),
    )
    op.create_table(
        "qualification_facts",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("referral_id", Id, nullable=False),
        sa.Column("n", Number, autoincrement=False, nullable=False),
        sa.Column("step_key", Word, nullable=False),
        sa.Column("fact_id", Id, nullable=False),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("amount_minor", Number, nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id", "referral_id", "n"],
            ["conversions.app_id", "conversions.referral_id", "conversions.n"],
            name=op.f("fk_qualification_facts_app_id_referral_id_n"),
        ),
        sa.PrimaryKeyConstraint(
            "app_id", "referral_id", "n", "step_key", "fact_id", name=op.f("pk_qualification_facts")
        ),
    )
    op.create_index(
        op.f("ix_qualification_facts_app_id_fact_id"),
        "qualification_facts",
        ["app_id", "fact_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("qualification_facts")
    op.drop_table("touches")
    op.drop_table("referee_anchors")
    op.drop_table("conversions")
    op.drop_table("budget_reservations")
    op.drop_table("referrals")
