"""Tenants, their keys and sources, signing keys, the audit log.

Revision: 0001, after nothing.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from referral_service.kit.db.base import Id, JsonDocument, Key, Number, UtcDateTime, Word

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "apps",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("public_id", Id, nullable=False),
        sa.Column("slug", Word, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mode", Word, nullable=False),
        sa.Column("clock_offset_us", Number, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_apps")),
        sa.UniqueConstraint("public_id", name=op.f("uq_apps_public_id")),
        sa.UniqueConstraint("slug", name=op.f("uq_apps_slug")),
    )
    op.create_table(
        "audit_heads",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("last_seq", Number, nullable=False),
        sa.Column("last_chain", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_audit_heads")),
    )
    op.create_table(
        "audit_log",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", Id, nullable=False),
        sa.Column("action", Word, nullable=False),
        sa.Column("object_id", Key, nullable=False),
        sa.Column("details", JsonDocument, nullable=True),
        sa.Column("salt", sa.LargeBinary(length=16), nullable=True),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("seq", Number, nullable=True),
        sa.Column("chain", sa.LargeBinary(length=32), nullable=True),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_audit_log")),
        sa.UniqueConstraint("app_id", "seq", name=op.f("uq_audit_log_app_id_seq")),
    )
    op.create_index(
        "ix_audit_log_unsealed",
        "audit_log",
        ["app_id", "id"],
        unique=False,
        sqlite_where=sa.text("seq IS NULL"),
        postgresql_where=sa.text("seq IS NULL"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("api_key_id", Id, nullable=False),
        sa.Column("key", Key, nullable=False),
        sa.Column("request_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", Number, nullable=True),
        sa.Column("answer_ct", sa.LargeBinary(), nullable=True),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("app_id", "api_key_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_expires_at"), "idempotency_keys", ["expires_at"], unique=False)
    op.create_index("ix_idempotency_keys_customer", "idempotency_keys", ["app_id", "customer_id"], unique=False)
    op.create_table(
        "signing_keys",
        sa.Column("kid", Number, autoincrement=True, nullable=False),
        sa.Column("purpose", Word, nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column("active_from", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_keys")),
    )
    op.create_index(op.f("ix_signing_keys_purpose"), "signing_keys", ["purpose"], unique=False)
    op.create_table(
        "api_keys",
        sa.Column("id", Id, nullable=False),
        sa.Column("app_id", Number, nullable=True),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("prefix", Word, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", JsonDocument, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_api_keys_app_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("sha256", name=op.f("uq_api_keys_sha256")),
    )
    op.create_index(op.f("ix_api_keys_app_id"), "api_keys", ["app_id"], unique=False)
    op.create_table(
        "sources",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("provider", Word, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_sources_app_id")),
        sa.PrimaryKeyConstraint("app_id", "id", name=op.f("pk_sources")),
    )


def downgrade() -> None:
    op.drop_table("sources")
    op.drop_table("api_keys")
    op.drop_table("signing_keys")
    op.drop_table("idempotency_keys")
    op.drop_table("audit_log")
    op.drop_table("audit_heads")
    op.drop_table("apps")
