"""Events, purchases under all their names, refunds, disputes.

Revision: 0003, after 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from referral_service.kit.db.base import Id, JsonDocument, Key, Number, UtcDateTime, Word

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("external_id", Key, nullable=False),
        sa.Column("type", Word, nullable=False),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("purchase_id", Id, nullable=True),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("outcome", Word, nullable=False),
        sa.Column("reason", Word, nullable=True),
        sa.Column("duplicate_of", Id, nullable=True),
        sa.Column("payload", JsonDocument, nullable=False),
        sa.Column("first_answer", JsonDocument, nullable=True),
        sa.ForeignKeyConstraint(
            ["app_id", "customer_id"],
            ["customers.app_id", "customers.id"],
            name=op.f("fk_events_app_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "source_id"], ["sources.app_id", "sources.id"], name=op.f("fk_events_app_id_source_id")
        ),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_events")),
        sa.UniqueConstraint("app_id", "source_id", "external_id", name=op.f("uq_events_app_id_source_id_external_id")),
    )
    op.create_index(
        op.f("ix_events_app_id_customer_id_type_occurred_at"),
        "events",
        ["app_id", "customer_id", "type", "occurred_at"],
        unique=False,
    )
    op.create_index(op.f("ix_events_app_id_purchase_id"), "events", ["app_id", "purchase_id"], unique=False)
    op.create_table(
        "purchases",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("payer_email_index", sa.LargeBinary(length=32), nullable=True),
        sa.Column("event_id", Id, nullable=True),
        sa.Column("order_key", Key, nullable=True),
        sa.Column("amount_minor", Number, nullable=True),
        sa.Column("currency", Word, nullable=True),
        sa.Column("lines", JsonDocument, nullable=False),
        sa.Column("attributes", JsonDocument, nullable=False),
        sa.Column("occurred_at", UtcDateTime(), nullable=True),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.Column("refunded_minor", Number, nullable=False),
        sa.Column("dispute_state", Word, nullable=True),
        sa.Column("merged_into", Id, nullable=True),
        sa.CheckConstraint("amount_minor >= 0 AND refunded_minor >= 0", name=op.f("ck_purchases_not_negative")),
        sa.CheckConstraint(
            "confirmed_at IS NULL OR (amount_minor IS NOT NULL AND occurred_at IS NOT NULL)",
            name=op.f("ck_purchases_complete"),
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "customer_id"],
            ["customers.app_id", "customers.id"],
            name=op.f("fk_purchases_app_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "source_id"],
            ["sources.app_id", "sources.id"],
            name=op.f("fk_purchases_app_id_source_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_purchases")),
    )
    op.create_index(
        op.f("ix_purchases_app_id_customer_id_occurred_at"),
        "purchases",
        ["app_id", "customer_id", "occurred_at"],
        unique=False,
    )
    op.create_index(
        "ix_purchases_unmatched",
        "purchases",
        ["app_id", "payer_email_index"],
        unique=False,
        sqlite_where=sa.text("payer_email_index IS NOT NULL"),
        postgresql_where=sa.text("payer_email_index IS NOT NULL"),
    )
    op.create_table(
        "disputes",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("purchase_id", Id, nullable=False),
        sa.Column("dispute_key", Key, nullable=False),
        sa.Column("state", Word, nullable=False),
        sa.Column("event_id", Id, nullable=False),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id", "event_id"], ["events.app_id", "events.id"], name=op.f("fk_disputes_app_id_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "purchase_id"],
            ["purchases.app_id", "purchases.id"],
            name=op.f("fk_disputes_app_id_purchase_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "purchase_id", "dispute_key", name=op.f("pk_disputes")),
    )
    op.create_table(
        "event_results",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("event_id", Id, nullable=False),
        sa.Column("program_id", Id, nullable=False),
        sa.Column("referral_id", Id, nullable=True),
        sa.Column("outcome", Word, nullable=False),
        sa.Column("reason", Word, nullable=True),
        sa.Column("reward_ids", JsonDocument, nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id", "event_id"],
            ["events.app_id", "events.id"],
            name=op.f("fk_event_results_app_id_event_id"),
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "program_id"],
            ["programs.app_id", "programs.id"],
            name=op.f("fk_event_results_app_id_program_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "event_id", "program_id", name=op.f("pk_event_results")),
    )
    op.create_index(
        op.f("ix_event_results_app_id_referral_id"), "event_results", ["app_id", "referral_id"], unique=False
    )
    op.create_table(
        "purchase_aliases",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("alias", Key, nullable=False),
        sa.Column("purchase_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id", "purchase_id"],
            ["purchases.app_id", "purchases.id"],
            name=op.f("fk_purchase_aliases_app_id_purchase_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "source_id", "alias", name=op.f("pk_purchase_aliases")),
    )
    op.create_index(
        op.f("ix_purchase_aliases_app_id_purchase_id"),
        "purchase_aliases",
        ["app_id", "purchase_id"],
        unique=False,
    )
    op.create_table(
        "refunds",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("purchase_id", Id, nullable=False),
        sa.Column("refund_key", Key, nullable=False),
        sa.Column("mode", Word, nullable=False),
        sa.Column("amount_minor", Number, nullable=False),
        sa.Column("currency", Word, nullable=False),
        sa.Column("event_id", Id, nullable=False),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_refunds_not_negative")),
        sa.ForeignKeyConstraint(
            ["app_id", "event_id"], ["events.app_id", "events.id"], name=op.f("fk_refunds_app_id_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "purchase_id"],
            ["purchases.app_id", "purchases.id"],
            name=op.f("fk_refunds_app_id_purchase_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "purchase_id", "refund_key", name=op.f("pk_refunds")),
    )


def downgrade() -> None:
    op.drop_table("refunds")
    op.drop_table("purchase_aliases")
    op.drop_table("event_results")
    op.drop_table("disputes")
    op.drop_table("purchases")
    op.drop_table("events")
