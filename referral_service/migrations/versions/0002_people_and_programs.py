"""Programs and their versions, customers, codes, clicks.

Revision: 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from referral_service.kit.db.base import Id, JsonDocument, Key, Number, UtcDateTime, Word
from referral_service.migrations.triggers import drop_function, make_append_only

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "clicks",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("program_id", Id, nullable=False),
        sa.Column("code_id", Id, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("kind", Word, nullable=False),
        sa.Column("channel", Word, nullable=True),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("address_ct", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_clicks")),
    )
    op.create_index(op.f("ix_clicks_app_id_customer_id"), "clicks", ["app_id", "customer_id"], unique=False)
    op.create_index(op.f("ix_clicks_app_id_program_id_at"), "clicks", ["app_id", "program_id", "at"], unique=False)
    op.create_table(
        "customers",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("external_id", Key, nullable=True),
        sa.Column("email_index", sa.LargeBinary(length=32), nullable=True),
        sa.Column("email_canon_index", sa.LargeBinary(length=32), nullable=True),
        sa.Column("profile_ct", sa.LargeBinary(), nullable=True),
        sa.Column("locale", Word, nullable=True),
        sa.Column("leaderboard_opt_in", sa.Boolean(), nullable=False),
        sa.Column("attributes", JsonDocument, nullable=False),
        sa.Column("share_tokens_from", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("erased_at", UtcDateTime(), nullable=True),
        sa.Column("tombstone", sa.LargeBinary(length=32), nullable=True),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_customers_app_id")),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_customers")),
        sa.UniqueConstraint("app_id", "external_id", name=op.f("uq_customers_app_id_external_id")),
    )
    op.create_index(
        op.f("ix_customers_app_id_email_canon_index"),
        "customers",
        ["app_id", "email_canon_index"],
        unique=False,
    )
    op.create_index(op.f("ix_customers_app_id_email_index"), "customers", ["app_id", "email_index"], unique=False)
    op.create_table(
        "programs",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", Word, nullable=False),
        sa.Column("landing_url", sa.Text(), nullable=False),
        sa.Column("allowed_hosts", JsonDocument, nullable=False),
        sa.Column("code_parameter", Word, nullable=False),
        sa.Column("click_parameter", Word, nullable=False),
        sa.Column("signed_links_only", sa.Boolean(), nullable=False),
        sa.Column("branding", JsonDocument, nullable=False),
        sa.Column("version", Number, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("activated_at", UtcDateTime(), nullable=True),
        sa.Column("archived_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_programs_app_id")),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_programs")),
    )
    op.create_table(
        "budgets",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("program_id", Id, nullable=False),
        sa.Column("used_minor", Number, nullable=False),
        sa.Column("used_count", Number, nullable=False),
        sa.CheckConstraint("used_minor >= 0 AND used_count >= 0", name=op.f("ck_budgets_not_negative")),
        sa.ForeignKeyConstraint(
            ["app_id", "program_id"],
            ["programs.app_id", "programs.id"],
            name=op.f("fk_budgets_app_id_program_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "program_id", name=op.f("pk_budgets")),
    )
    op.create_table(
        "codes",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("program_id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("text", Word, nullable=False),
        sa.Column("folded", Word, nullable=False),
        sa.Column("is_vanity", sa.Boolean(), nullable=False),
        sa.Column("state", Word, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["app_id", "customer_id"],
            ["customers.app_id", "customers.id"],
            name=op.f("fk_codes_app_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "program_id"],
            ["programs.app_id", "programs.id"],
            name=op.f("fk_codes_app_id_program_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_codes")),
        sa.UniqueConstraint("app_id", "folded", name=op.f("uq_codes_app_id_folded")),
    )
    op.create_index(op.f("ix_codes_app_id_customer_id"), "codes", ["app_id", "customer_id"], unique=False)
    op.create_index(
        "uq_codes_one_active",
        "codes",
        ["app_id", "program_id", "customer_id"],
        unique=True,
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "program_versions",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("program_id", Id, nullable=False),
        sa.Column("version", Number, nullable=False),
        sa.Column("terms", JsonDocument, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id", "program_id"],
            ["programs.app_id", "programs.id"],
            name=op.f("fk_program_versions_app_id_program_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_program_versions")),
        sa.UniqueConstraint(
            "app_id", "program_id", "version", name=op.f("uq_program_versions_app_id_program_id_version")
        ),
    )

    make_append_only("program_versions")


def downgrade() -> None:
    op.drop_table("program_versions")
    op.drop_table("codes")
    op.drop_table("budgets")
    op.drop_table("programs")
    op.drop_table("customers")
    op.drop_table("clicks")
    drop_function()
