"""Run by Alembic, always on a connection that `referral_service.migrations` opened."""

from __future__ import annotations

from alembic import context

from referral_service.all_models import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
