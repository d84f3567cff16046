"""Corruptions of what the worker has counted."""

from __future__ import annotations

from doctor.corruptions import OF, planted

COUNTERS = (
    planted(
        "a claim was counted twice",
        "I5",
        "UPDATE counters SET value = value + 1 WHERE app_id = 1 AND program_id = 'prg_1_held' AND name = 'claims'",
        "The claims of 2026-03-01 () are counted 1 beyond the rows.",
    ),
    planted(
        "conversions were never counted",
        "I5",
        "DELETE FROM counters WHERE app_id = 1 AND program_id = :contest_program AND name = 'conversions'",
        "are counted -5 beyond the rows.",
    ),
    planted(
        "rewards are counted in a state that they have left",
        "I5",
        "UPDATE counters SET key = 'voided' WHERE app_id = 1 AND program_id = :contest_program AND name = 'rewards'",
        "(voided) are counted 3 beyond the rows.",
    ),
    planted(
        "a conversion was counted again that was counted",
        "I5",
        "UPDATE conversions SET is_tallied = false, tallied_on = NULL "
        f"WHERE {OF.format('referral_id', 'won_referral')}",
        "(converted) are counted 1 beyond the rows.",
    ),
    planted(
        "notifications are counted before they are there",
        "I5",
        "UPDATE change_tallies SET last_position = last_position + 1 WHERE app_id = 1",
        "which no position has reached",
    ),
    planted(
        "a referrer is counted twice among the ranks",
        "I5",
        "UPDATE rank_counts SET referrers = referrers + 1 WHERE app_id = 1 AND program_id = :contest_program "
        "AND conversions = 2",
        "Referrers with 2 conversions are counted 1 beyond",
    ),
    planted(
        "somebody was erased and is still ranked",
        "I5",
        f"UPDATE customers SET erased_at = created_at WHERE {OF.format('id', 'third_winner')}",
        "third_winner",
    ),
)
