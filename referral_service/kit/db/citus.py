"""How the schema is spread over a Citus cluster by tenant, read from the models so that it stays true.

A table whose primary key starts with `app_id` is distributed by it, all of them alike: what belongs to one app lies on
one node, and whatever is done for one app is done there in one transaction. Every other table is small, and every node
has a copy of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ForeignKeyConstraint, MetaData, PrimaryKeyConstraint, Table, UniqueConstraint

TENANT = "app_id"
SETTINGS = (
    # The triggers that make tables append-only look at nothing but the row before them, so they are as good on a shard;
    # Citus cannot know that.
    "citus.enable_unsafe_triggers TO on",
    # What a transaction says by SET LOCAL holds on the nodes, too: how long it may wait, for one.
    "citus.propagate_set_commands TO 'local'",
)
# All of it or nothing: tables that refer to copied ones can share a transaction with others only this way.
IN_ONE_TRANSACTION = "citus.multi_shard_modify_mode TO 'sequential'"


@dataclass(frozen=True, slots=True)
class Spread:
    """Tables by the way they are spread, each after those that it refers to."""

    reference: list[Table]
    distributed: list[Table]

    def statements(self) -> list[str]:
        """Return what the coordinator is to be told, in this order, right after the schema was made."""
        first, *others = (table.name for table in self.distributed)
        return [
            *(_for_every_session(setting) for setting in SETTINGS),
            *(f"SET {setting}" for setting in (*SETTINGS, IN_ONE_TRANSACTION)),
            *(f"SELECT create_reference_table('{table.name}')" for table in self.reference),
            f"SELECT create_distributed_table('{first}', '{TENANT}', colocate_with => 'none')",
            *(f"SELECT create_distributed_table('{name}', '{TENANT}', colocate_with => '{first}')" for name in others),
        ]


def spread(metadata: MetaData) -> Spread:
    """Sort the tables into those that are distributed and those that are copied."""
    found = Spread([], [])
    for table in metadata.sorted_tables:
        (found.distributed if _is_tenants(table) else found.reference).append(table)
    return found


def obstacles(metadata: MetaData) -> list[str]:
    """Say everything that Citus would refuse, a sentence each; empty for a schema that can be spread.

    Its rules: a unique key of a distributed table holds the column that it is distributed by; a foreign key between
    two of them joins that column to itself; a table that is copied refers only to others that are; and the column is
    of one type everywhere, or equal numbers would lie on different nodes.
    """
    tables = spread(metadata)
    kinds = {str(table.c[TENANT].type) for table in tables.distributed}
    found = [f"{TENANT} is of several types: {', '.join(sorted(kinds))}."] if len(kinds) > 1 else []
    for table in tables.distributed:
        found += [f"{table.name}: {name} does not hold {TENANT}." for name in _unique_without_tenant(table)]
        found += [
            f"{table.name}: the foreign key to {key.referred_table.name} leaves the app."
            for key in table.foreign_key_constraints
            if _is_tenants(key.referred_table) and not _joins_tenant(key)
        ]
    for table in tables.reference:
        found += [
            f"{table.name}: it is copied, and refers to {key.referred_table.name}, which is distributed."
            for key in table.foreign_key_constraints
            if _is_tenants(key.referred_table)
        ]
    return found


def _for_every_session(setting: str) -> str:
    quoted = setting.replace("'", "''")
    return f"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET {quoted}', current_database()); END $$"


def _is_tenants(table: Table) -> bool:
    return [column.name for column in table.primary_key.columns][:1] == [TENANT]


def _joins_tenant(key: ForeignKeyConstraint) -> bool:
    return (TENANT, TENANT) in [(element.parent.name, element.column.name) for element in key.elements]


def _unique_without_tenant(table: Table) -> list[str]:
    keys = [
        (str(constraint.name), constraint.columns.keys())
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint | PrimaryKeyConstraint)
    ]
    keys += [(str(index.name), index.columns.keys()) for index in table.indexes if index.unique]
    return sorted(name for name, columns in keys if TENANT not in columns)
