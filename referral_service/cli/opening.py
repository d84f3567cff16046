"""What most commands begin with: the settings and a database that has this version's schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.orm import Session

from referral_service import migrations
from referral_service.cli.answers import CommandFailed, ExitCode
from referral_service.config import ConfigurationError, Settings, load_settings
from referral_service.kit.clock import Clock, SystemClock
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.signing.rotate import ensure_keys

Result = TypeVar("Result")
# Who did it, in the audit log.
ACTOR = "cli"


@dataclass(frozen=True, slots=True)
class Opened:
    """The service's database, as a command uses it."""

    settings: Settings
    database: Database
    sealer: Sealer
    clock: Clock

    def transact(self, work: Callable[[Session], Result]) -> Result:
        return self.database.transact(work)

    def read(self, work: Callable[[Session], Result]) -> Result:
        return self.database.read(work)


def settings() -> Settings:
    """Return the settings; raise ConfigurationError."""
    try:
        return load_settings()
    except OSError as error:
        raise ConfigurationError([f"REFERRAL_DATA_DIR: {error.strerror}: {error.filename}"]) from None


@contextmanager
def opened(*, any_schema: bool = False) -> Iterator[Opened]:
    """Give the database, and give it back afterwards.

    An empty SQLite file gets its schema on the way; every other database must have been brought up to date by
    `db upgrade`, unless `any_schema`. Raises ConfigurationError, CommandFailed.
    """
    said = settings()
    database = Database.of(said)
    try:
        found = Opened(said, database, Sealer(said.master_keys), SystemClock())
        if not any_schema:
            demand_schema(found)
        yield found
    finally:
        database.dispose()


def upgrade(found: Opened) -> None:
    """Bring the schema up to date and make the first signing keys: both change nothing where nothing is to be done."""
    migrations.upgrade(found.database.write_engine)
    ensure_keys(found.database, found.sealer, found.clock.now())


def demand_schema(found: Opened) -> None:
    """Raise CommandFailed unless the database has exactly this version's schema."""
    revision = migrations.current_revision(found.database.write_engine)
    if revision is None and found.database.is_sqlite:
        upgrade(found)
    elif [revision] != migrations.heads():
        raise CommandFailed(
            "The database does not have this version's schema. Run `referral-service db upgrade` first.",
            code="schema_out_of_date",
            exit_code=ExitCode.CONFIGURATION,
            revision=revision,
            wanted=migrations.heads(),
        )
