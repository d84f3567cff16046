"""Schema migrations. `upgrade` is what `referral-service db upgrade` and `up` run; there is no alembic.ini."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from referral_service.all_models import metadata
from referral_service.migrations.statistics import write_statistics

# Any number that nobody else uses: two deployments that migrate at once take turns on it.
MIGRATION_LOCK = 7262712646


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database to `revision`. Safe to run from several machines at once."""
    with engine.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            # A table that has grown takes longer to go over than any request may.
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        command.upgrade(_config(connection), revision)
        if connection.dialect.name == "sqlite":
            write_statistics(connection)


def downgrade(engine: Engine, revision: str) -> None:
    """Take migrations back down to `revision` (`base`: all of them)."""
    with engine.connect() as connection, connection.begin():
        command.downgrade(_config(connection), revision)


def current_revision(engine: Engine) -> str | None:
    """The revision the database stands at, or None for an empty one."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def heads() -> list[str]:
    """The newest revisions of the code; more than one is a mistake."""
    return list(ScriptDirectory.from_config(_config()).get_heads())


def differences(engine: Engine) -> list[object]:
    """What differs between the models and the migrated database; empty when they are equal."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        return list(compare_metadata(context, metadata))
