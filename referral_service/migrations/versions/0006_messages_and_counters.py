"""Notifications, webhooks in and out, counters.

Revision: 0006, after 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from referral_service.kit.db.base import Id, JsonDocument, Key, Number, UtcDateTime, Word

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "counter_deltas",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("program_id", Id, nullable=False),
        sa.Column("name", Word, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("key", Key, nullable=False),
        sa.Column("delta", Number, nullable=False),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_counter_deltas")),
    )
    op.create_table(
        "notification_heads",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("last_position", Number, nullable=False),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_notification_heads")),
    )
    op.create_table(
        "notifications",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("type", Word, nullable=False),
        sa.Column("object_id", Id, nullable=False),
        sa.Column("sequence", Number, nullable=False),
        sa.Column("previous_state", Word, nullable=True),
        sa.Column("state", Word, nullable=False),
        sa.Column("reason", Word, nullable=True),
        sa.Column("object", JsonDocument, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("position", Number, nullable=True),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("app_id", "object_id", "sequence", name=op.f("uq_notifications_app_id_object_id_sequence")),
        sa.UniqueConstraint("app_id", "position", name=op.f("uq_notifications_app_id_position")),
    )
    op.create_index(
        "ix_notifications_unplaced",
        "notifications",
        ["app_id", "id"],
        unique=False,
        sqlite_where=sa.text("position IS NULL"),
        postgresql_where=sa.text("position IS NULL"),
    )
    op.create_table(
        "webhook_endpoints",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", JsonDocument, nullable=False),
        sa.Column("state", Word, nullable=False),
        sa.Column("reason", Word, nullable=True),
        sa.Column("failing_since", UtcDateTime(), nullable=True),
        sa.Column("sequence", Number, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_webhook_endpoints_app_id")),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_webhook_endpoints")),
    )
    op.create_table(
        "counters",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("program_id", Id, nullable=False),
        sa.Column("name", Word, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("key", Key, nullable=False),
        sa.Column("value", Number, nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id", "program_id"],
            ["programs.app_id", "programs.id"],
            name=op.f("fk_counters_app_id_program_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "program_id", "name", "day", "key", name=op.f("pk_counters")),
    )
    op.create_table(
        "deliveries",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("notification_id", Id, nullable=False),
        sa.Column("endpoint_id", Id, nullable=False),
        sa.Column("state", Word, nullable=False),
        sa.Column("attempts", Number, nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("last_status", Number, nullable=True),
        sa.Column("last_error", Word, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["app_id", "endpoint_id"],
            ["webhook_endpoints.app_id", "webhook_endpoints.id"],
            name=op.f("fk_deliveries_app_id_endpoint_id"),
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "notification_id"],
            ["notifications.app_id", "notifications.id"],
            name=op.f("fk_deliveries_app_id_notification_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint(
            "app_id",
            "notification_id",
            "endpoint_id",
            name=op.f("uq_deliveries_app_id_notification_id_endpoint_id"),
        ),
    )
    op.create_index(
        op.f("ix_deliveries_app_id_endpoint_id_id"),
        "deliveries",
        ["app_id", "endpoint_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_deliveries_app_id_state_next_attempt_at"),
        "deliveries",
        ["app_id", "state", "next_attempt_at"],
        unique=False,
    )
    op.create_table(
        "endpoint_secrets",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("endpoint_id", Id, nullable=False),
        sa.Column("secret_ct", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("retires_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["app_id", "endpoint_id"],
            ["webhook_endpoints.app_id", "webhook_endpoints.id"],
            name=op.f("fk_endpoint_secrets_app_id_endpoint_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_endpoint_secrets")),
    )
    op.create_index(
        op.f("ix_endpoint_secrets_app_id_endpoint_id"),
        "endpoint_secrets",
        ["app_id", "endpoint_id"],
        unique=False,
    )
    op.create_table(
        "inbound_events",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("external_id", Key, nullable=False),
        sa.Column("provider_type", Key, nullable=False),
        sa.Column("type", Word, nullable=False),
        sa.Column("state", Word, nullable=False),
        sa.Column("reason", Word, nullable=True),
        sa.Column("event_id", Id, nullable=True),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("body_ct", sa.LargeBinary(), nullable=True),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id", "source_id"],
            ["sources.app_id", "sources.id"],
            name=op.f("fk_inbound_events_app_id_source_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_inbound_events")),
        sa.UniqueConstraint(
            "app_id", "source_id", "external_id", name=op.f("uq_inbound_events_app_id_source_id_external_id")
        ),
    )
    op.create_index(op.f("ix_inbound_events_app_id_event_id"), "inbound_events", ["app_id", "event_id"], unique=False)
    op.create_index(
        op.f("ix_inbound_events_app_id_received_at"),
        "inbound_events",
        ["app_id", "received_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_inbound_events_app_id_state_id"), "inbound_events", ["app_id", "state", "id"], unique=False
    )
    op.create_table(
        "ranks",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("program_id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("conversions", Number, nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id", "customer_id"],
            ["customers.app_id", "customers.id"],
            name=op.f("fk_ranks_app_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["app_id", "program_id"],
            ["programs.app_id", "programs.id"],
            name=op.f("fk_ranks_app_id_program_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "program_id", "customer_id", name=op.f("pk_ranks")),
    )
    op.create_index(
        op.f("ix_ranks_app_id_program_id_conversions_customer_id"),
        "ranks",
        ["app_id", "program_id", "conversions", "customer_id"],
        unique=False,
    )
    op.create_table(
        "source_secrets",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("secret_ct", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("retires_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["app_id", "source_id"],
            ["sources.app_id", "sources.id"],
            name=op.f("fk_source_secrets_app_id_source_id"),
        ),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_source_secrets")),
    )
    op.create_index(op.f("ix_source_secrets_app_id_source_id"), "source_secrets", ["app_id", "source_id"], unique=False)


def downgrade() -> None:
    op.drop_table("source_secrets")
    op.drop_table("ranks")
    op.drop_table("inbound_events")
    op.drop_table("endpoint_secrets")
    op.drop_table("deliveries")
    op.drop_table("counters")
    op.drop_table("webhook_endpoints")
    op.drop_table("notifications")
    op.drop_table("notification_heads")
    op.drop_table("counter_deltas")
