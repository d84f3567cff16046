"""Counters, for I5: what reports are read from, and what is not in there yet, are what a recount of the rows says."""

from __future__ import annotations

from referral_service.doctor.books import Question

# Announced and not counted: placed after the last position that was, or without a position.
TAIL = (
    "(SELECT type, previous_state, state, object ->> 'program_id' AS program_id, "
    "object ->> 'claimed_at' AS claimed_at, object ->> 'created_at' AS created_at "
    "FROM notifications WHERE app_id = :app_id AND (position IS NULL OR position > "
    "COALESCE((SELECT last_position FROM change_tallies WHERE app_id = :app_id), 0)))"
)
REWARD_TOLD = f"FROM {TAIL} AS t WHERE type LIKE 'reward.%'"
OPEN_CONVERSIONS = (
    "FROM conversions v JOIN referrals r ON r.app_id = v.app_id AND r.id = v.referral_id "
    "WHERE v.app_id = :app_id AND NOT v.is_tallied"
)


def _counted(name: str, tail: str, recount: str) -> Question:
    """The counters of this name and the tail, less the recount: rows of (program, day, key, number)."""
    return Question(
        "counters",
        "SELECT program_id AS object_id, day, key, SUM(n) AS beyond FROM ("
        "SELECT program_id, CAST(day AS VARCHAR(10)) AS day, key, value AS n FROM counters "
        f"WHERE app_id = :app_id AND name = '{name}' UNION ALL {tail} UNION ALL {recount}) AS counted "
        "GROUP BY program_id, day, key HAVING SUM(n) <> 0",
        f"The {name} of {{day}} ({{key}}) are counted {{beyond}} beyond the rows.",
    )


COUNTERS = (
    _counted(
        "claims",
        f"SELECT program_id, substr(claimed_at, 1, 10), '', 1 FROM {TAIL} AS t WHERE type = 'referral.created'",
        "SELECT program_id, CAST(date(claimed_at) AS VARCHAR(10)), '', -1 FROM referrals "
        "WHERE app_id = :app_id AND NOT is_refused_claim",
    ),
    _counted(
        "conversions",
        f"SELECT r.program_id, CAST(date(v.occurred_at) AS VARCHAR(10)), v.state, 1 {OPEN_CONVERSIONS} UNION ALL "
        f"SELECT r.program_id, CAST(v.tallied_on AS VARCHAR(10)), v.tallied_state, -1 {OPEN_CONVERSIONS} "
        "AND v.tallied_on IS NOT NULL",
        "SELECT r.program_id, CAST(date(v.occurred_at) AS VARCHAR(10)), v.state, -1 FROM conversions v "
        "JOIN referrals r ON r.app_id = v.app_id AND r.id = v.referral_id WHERE v.app_id = :app_id",
    ),
    _counted(
        "rewards",
        f"SELECT program_id, substr(created_at, 1, 10), state, 1 {REWARD_TOLD} UNION ALL "
        f"SELECT program_id, substr(created_at, 1, 10), previous_state, -1 {REWARD_TOLD} "
        "AND previous_state IS NOT NULL",
        "SELECT program_id, CAST(date(created_at) AS VARCHAR(10)), state, -1 FROM rewards WHERE app_id = :app_id",
    ),
    Question(
        "change_tallies",
        "SELECT t.app_id AS object_id, t.last_position FROM change_tallies t WHERE t.app_id = :app_id "
        "AND t.last_position > "
        "COALESCE((SELECT h.last_position FROM notification_heads h WHERE h.app_id = t.app_id), 0)",
        "Notifications are counted up to {last_position}, which no position has reached.",
    ),
    Question(
        "rank_counts",
        "SELECT program_id AS object_id, conversions, SUM(n) AS beyond FROM ("
        "SELECT program_id, conversions, referrers AS n FROM rank_counts WHERE app_id = :app_id UNION ALL "
        "SELECT program_id, tallied, -1 FROM ranks WHERE app_id = :app_id AND tallied > 0) AS counted "
        "GROUP BY program_id, conversions HAVING SUM(n) <> 0",
        "Referrers with {conversions} conversions are counted {beyond} beyond those whose ranks say so.",
    ),
    Question(
        "ranks",
        "SELECT k.customer_id AS object_id, k.program_id, k.tallied, k.conversions FROM ranks k "
        "JOIN customers c ON c.app_id = k.app_id AND c.id = k.customer_id WHERE k.app_id = :app_id AND k.is_tallied "
        "AND k.tallied <> CASE WHEN c.erased_at IS NULL THEN k.conversions ELSE 0 END",
        "Counted in {program_id} among those with {tallied} conversions, not {conversions}, or erased, and not marked.",
    ),
)
