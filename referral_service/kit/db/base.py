"""The declarative base and the column types every room builds its tables from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

# Names are given by us, so that a migration can name what it drops on every database.
NAMING = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class Base(DeclarativeBase):
    """All tables share this metadata; Alembic compares it with the migrations."""

    metadata = MetaData(naming_convention=NAMING)


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. Refuses naive values and always gives aware UTC ones, also on SQLite, which knows no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime was given where an instant is needed")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Text that is compared byte by byte: ids sort by time in the same order on every database.
Id = String(48).with_variant(String(48, collation="C"), "postgresql")
Word = String(64).with_variant(String(64, collation="C"), "postgresql")
"""A short machine word: a state, a reason, a unit, a reward key."""
Key = String(255).with_variant(String(255, collation="C"), "postgresql")
"""Someone else's identifier: an order, an event id, a customer_id."""
Number = BigInteger().with_variant(Integer(), "sqlite")
"""Amounts in minor units, quantities, ordinals. SQLite's INTEGER has 64 bits and is needed there for row ids."""
JsonDocument: JSON = JSON().with_variant(JSONB(), "postgresql")
LongText = Text()


def belongs_to(
    table: str, *columns: str, to: tuple[str, ...] = ("app_id", "id"), **options: Any
) -> ForeignKeyConstraint:
    """A foreign key that stays inside its tenant: `belongs_to("customers", "app_id", "referee_id")`."""
    return ForeignKeyConstraint(list(columns), [f"{table}.{name}" for name in to], **options)
