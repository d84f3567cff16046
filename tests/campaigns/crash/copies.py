"""A database that can be put back to where it was, often and fast: each crash point starts from the same rows."""

from __future__ import annotations

import filecmp
import shutil
from pathlib import Path

from sqlalchemy import Connection, make_url

from referral_service.all_models import metadata
from referral_service.kit.db.engines import Database


class Copies:
    """`keep` remembers what is in the database now, `put_back` brings it back. `database` holds no connection after
    either, so that a child that is forked next inherits none.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def empty(self) -> None:
        """Remove everything that was written since the migrations."""
        raise AssertionError("Each kind of database has its own way.")

    def keep(self) -> None:
        raise AssertionError("Each kind of database has its own way.")

    def put_back(self) -> None:
        raise AssertionError("Each kind of database has its own way.")

    def is_as_kept(self) -> bool:
        """Whether all rows are those that `put_back` brought."""
        raise AssertionError("Each kind of database has its own way.")


class SqliteCopies(Copies):
    def __init__(self, database: Database) -> None:
        super().__init__(database)
        # Beside the database, as they were made when it was first taken over: blank, that is.
        self._path = Path(str(database.url.database))
        self._blank = self._path.with_suffix(".blank")
        self._kept = self._path.with_suffix(".kept")
        if not self._blank.exists():
            self._save(self._blank)

    def empty(self) -> None:
        self._load(self._blank)

    def keep(self) -> None:
        self._save(self._kept)

    def put_back(self) -> None:
        self._load(self._kept)

    def is_as_kept(self) -> bool:
        log = self._path.with_name(self._path.name + "-wal")
        written = log.stat().st_size if log.exists() else 0
        return not written and filecmp.cmp(self._path, self._kept, shallow=False)

    def _save(self, copy: Path) -> None:
        # Folds the write-ahead log in, so that the one file is all there is to copy.
        with self.database.write_engine.connect() as connection:
            connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
        self.database.dispose()
        shutil.copyfile(self._path, copy)

    def _load(self, copy: Path) -> None:
        self.database.dispose()
        for ending in ("-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
        shutil.copyfile(copy, self._path)


class PostgresCopies(Copies):
    """Rows are copied within the database: a database made from a template costs a second, this some milliseconds."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._tables = [table.name for table in metadata.sorted_tables]
        self._filled: list[str] = []
        self._kept: list[tuple[object, ...]] = []

    def empty(self) -> None:
        with self._alone() as connection:
            self._delete(connection)
            # App numbers and key ids are counted from 1 again: both have few characters in a signed code.
            for sequence in ("apps_id_seq", "signing_keys_kid_seq"):
                connection.exec_driver_sql(f"ALTER SEQUENCE {sequence} RESTART")
            connection.commit()
        self.database.dispose()

    def keep(self) -> None:
        self._kept = []
        with self._alone() as connection:
            connection.exec_driver_sql("DROP SCHEMA IF EXISTS kept CASCADE; CREATE SCHEMA kept")
            self._filled = [
                name
                for name in self._tables
                if connection.exec_driver_sql(f"SELECT 1 FROM {name} LIMIT 1").first() is not None
            ]
            for name in self._filled:
                connection.exec_driver_sql(f"CREATE TABLE kept.{name} AS TABLE public.{name}")
            connection.commit()
        self.database.dispose()

    def put_back(self) -> None:
        with self._alone() as connection:
            self._delete(connection)
            copied = [f"INSERT INTO public.{name} SELECT * FROM kept.{name}" for name in self._filled]
            connection.exec_driver_sql("; ".join(copied))
            self._kept = self._kept or self._digest(connection)
            connection.commit()
        self.database.dispose()

    def is_as_kept(self) -> bool:
        with self._alone() as connection:
            found = self._digest(connection)
        self.database.dispose()
        return found == self._kept

    def _alone(self) -> Connection:
        """A connection, after those that a dead process left behind are gone."""
        self.database.dispose()
        connection = self.database.write_engine.connect()
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        # As a replica, no trigger fires: neither the append-only ones nor foreign keys.
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        return connection

    def _digest(self, connection: Connection) -> list[tuple[object, ...]]:
        """How many rows each table has, and a sum of their hashes."""
        parts = [f"SELECT '{name}', count(*), sum(hashtextextended(t::text, 0)) FROM {name} t" for name in self._tables]
        return [tuple(row) for row in connection.exec_driver_sql(" UNION ALL ".join(parts))]

    def _delete(self, connection: Connection) -> None:
        connection.exec_driver_sql("; ".join(f"DELETE FROM public.{name}" for name in reversed(self._tables)))


def copies_of(url: str) -> Copies:
    """Take over a migrated database that nobody else uses."""
    database = Database(url)
    return SqliteCopies(database) if make_url(url).get_backend_name() == "sqlite" else PostgresCopies(database)
