"""Counted ahead: claims, conversions and rewards by day, referrers by their conversions, and how far that has come.

What is there is counted here, by the database itself. What is announced but has no position yet will be counted by
the worker, so it is left out. The deltas that nobody wrote go.

Revision: 0011, after 0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from referral_service.kit.db.base import Id, Key, Number, Word

revision = "0011"
down_revision = "0010"

MARKED = {
    "ix_conversions_untallied": ("conversions", ["app_id", "referral_id", "n"]),
    "ix_ranks_untallied": ("ranks", ["app_id", "program_id", "customer_id"]),
}
# Each row of these passes through an index of marked ones, and what has left it stays there until it is vacuumed away.
# PostgreSQL would wait for a fifth of the table, and a reader would walk past all of that.
OFTEN_VACUUMED = "autovacuum_vacuum_scale_factor"
# How a database writes the day of an instant in UTC, and a text of a notification's object.
DAY = {"sqlite": "date({0})", "postgresql": "CAST({0} AT TIME ZONE 'UTC' AS date)"}
TOLD = {"sqlite": "json_extract(object, '$.{0}')", "postgresql": "object ->> '{0}'"}
DAY_TOLD = {"sqlite": "substr({0}, 1, 10)", "postgresql": "CAST(substr({0}, 1, 10) AS date)"}


def upgrade() -> None:
    op.drop_table("counter_deltas")
    op.create_table(
        "change_tallies",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("last_position", Number, nullable=False),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_change_tallies")),
    )
    op.create_table(
        "rank_counts",
        sa.Column("app_id", Number, autoincrement=False, nullable=False),
        sa.Column("program_id", Id, nullable=False),
        sa.Column("conversions", Number, autoincrement=False, nullable=False),
        sa.Column("referrers", Number, nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id", "program_id"], ["programs.app_id", "programs.id"], name=op.f("fk_rank_counts_app_id_program_id")
        ),
        sa.PrimaryKeyConstraint("app_id", "program_id", "conversions", name=op.f("pk_rank_counts")),
    )
    for table in ("conversions", "ranks"):
        op.add_column(table, sa.Column("is_tallied", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("conversions", sa.Column("tallied_on", sa.Date(), nullable=True))
    op.add_column("conversions", sa.Column("tallied_state", Word, nullable=True))
    op.add_column("ranks", sa.Column("tallied", Number, nullable=False, server_default="0"))
    _count_days()
    _count_ranks()
    # Last, so that no row is put into them only to leave at once.
    for name, (table, columns) in MARKED.items():
        where = sa.text("NOT is_tallied")
        op.create_index(name, table, columns, unique=False, sqlite_where=where, postgresql_where=where)
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"ALTER TABLE {table} SET ({OFTEN_VACUUMED} = 0.02)")
            # Or it would take half of the rows for marked ones, and read them all.
            op.execute(f"ANALYZE {table}")


def _count_days() -> None:
    dialect = op.get_bind().dialect.name
    day, day_told = DAY[dialect], DAY_TOLD[dialect]
    program, claimed_at, created_at = (
        TOLD[dialect].format(name) for name in ("program_id", "claimed_at", "created_at")
    )
    unplaced = "FROM notifications WHERE position IS NULL AND type"
    op.execute(
        _added_up(
            "claims",
            f"SELECT app_id, program_id, {day.format('claimed_at')} AS day, '' AS key, count(*) AS n FROM referrals "
            f"WHERE NOT is_refused_claim GROUP BY app_id, program_id, {day.format('claimed_at')}",
            f"SELECT app_id, {program}, {day_told.format(claimed_at)}, '', -1 {unplaced} = 'referral.created'",
        )
    )
    op.execute(
        _added_up(
            "rewards",
            f"SELECT app_id, program_id, {day.format('created_at')} AS day, state AS key, count(*) AS n FROM rewards "
            f"GROUP BY app_id, program_id, {day.format('created_at')}, state",
            f"SELECT app_id, {program}, {day_told.format(created_at)}, state, -1 {unplaced} LIKE 'reward.%'",
            f"SELECT app_id, {program}, {day_told.format(created_at)}, previous_state, 1 {unplaced} LIKE 'reward.%' "
            "AND previous_state IS NOT NULL",
        )
    )
    op.execute(
        _added_up(
            "conversions",
            f"SELECT v.app_id, r.program_id, {day.format('v.occurred_at')} AS day, v.state AS key, count(*) AS n "
            "FROM conversions v JOIN referrals r ON r.app_id = v.app_id AND r.id = v.referral_id "
            f"GROUP BY v.app_id, r.program_id, {day.format('v.occurred_at')}, v.state",
        )
    )
    op.execute(
        f"UPDATE conversions SET is_tallied = true, tallied_on = {day.format('occurred_at')}, tallied_state = state"
    )
    op.execute(
        "INSERT INTO change_tallies (app_id, last_position) SELECT app_id, last_position FROM notification_heads"
    )


def _added_up(name: str, *parts: str) -> str:
    return (
        "INSERT INTO counters (app_id, program_id, name, day, key, value) "
        f"SELECT app_id, program_id, '{name}', day, key, SUM(n) FROM ({' UNION ALL '.join(parts)}) AS counted "
        "GROUP BY app_id, program_id, day, key HAVING SUM(n) <> 0"
    )


def _count_ranks() -> None:
    gone = (
        "EXISTS (SELECT 1 FROM customers c WHERE c.app_id = ranks.app_id AND c.id = ranks.customer_id "
        "AND c.erased_at IS NOT NULL)"
    )
    op.execute(f"UPDATE ranks SET is_tallied = true, tallied = CASE WHEN {gone} THEN 0 ELSE conversions END")
    op.execute(
        "INSERT INTO rank_counts (app_id, program_id, conversions, referrers) "
        "SELECT app_id, program_id, tallied, count(*) FROM ranks WHERE tallied > 0 "
        "GROUP BY app_id, program_id, tallied"
    )


def downgrade() -> None:
    for name, (table, _) in MARKED.items():
        op.drop_index(name, table_name=table)
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"ALTER TABLE {table} RESET ({OFTEN_VACUUMED})")
    op.drop_column("ranks", "tallied")
    op.drop_column("conversions", "tallied_state")
    op.drop_column("conversions", "tallied_on")
    for table in ("conversions", "ranks"):
        op.drop_column(table, "is_tallied")
    op.execute("DELETE FROM counters WHERE name IN ('claims', 'conversions', 'rewards')")
    op.drop_table("rank_counts")
    op.drop_table("change_tallies")
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
