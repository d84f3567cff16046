"""I9: each state change has exactly one notification, positions have no gaps, and nothing is stuck on its way."""

from __future__ import annotations

from datetime import timedelta

from referral_service.doctor.books import Books, Question, put
from referral_service.doctor.endpoints import ENDPOINTS
from referral_service.doctor.report import Check

# A worker that was stopped comes back, or another takes over, within moments; past this nobody has. Seconds.
LEASE_GRACE_SECONDS = 60


def _counted(table: str, prefix: str) -> Question:
    """Objects whose number of changes is not their number of notifications."""
    return Question(
        table,
        f"SELECT t.id AS object_id, t.sequence, COALESCE(n.told, 0) AS told FROM {table} t LEFT JOIN ("
        f"SELECT object_id, count(*) AS told FROM notifications WHERE app_id = :app_id AND type LIKE '{prefix}.%' "
        "GROUP BY object_id) n ON n.object_id = t.id WHERE t.app_id = :app_id AND t.sequence <> COALESCE(n.told, 0)",
        "It counts {sequence} changes, and {told} are announced.",
    )


QUESTIONS = (
    _counted("referrals", "referral"),
    _counted("rewards", "reward"),
    _counted("ledger_accounts", "balance"),
    _counted("webhook_endpoints", "endpoint"),
    Question(
        "referrals",
        "SELECT id AS object_id, state FROM referrals WHERE app_id = :app_id AND sequence = 0",
        "It is {state}, and that was never announced.",
    ),
    Question(
        "rewards",
        "SELECT id AS object_id, state FROM rewards WHERE app_id = :app_id AND sequence = 0",
        "It is {state}, and that was never announced.",
    ),
    Question(
        "notifications",
        "SELECT object_id, count(*) AS told, MIN(sequence) AS first, MAX(sequence) AS last FROM notifications "
        "WHERE app_id = :app_id GROUP BY object_id "
        "HAVING MIN(sequence) <> 1 OR MAX(sequence) <> count(*) OR count(DISTINCT sequence) <> count(*)",
        "{told} notifications are numbered {first} to {last}.",
    ),
    Question(
        "notification_heads",
        "SELECT h.app_id AS object_id, h.last_position, count(n.position) AS given FROM notification_heads h "
        "LEFT JOIN notifications n ON n.app_id = h.app_id AND n.position IS NOT NULL WHERE h.app_id = :app_id "
        "GROUP BY h.app_id, h.last_position HAVING count(DISTINCT n.position) <> h.last_position "
        "OR count(n.position) <> h.last_position OR COALESCE(MAX(n.position), 0) <> h.last_position "
        "OR COALESCE(MIN(n.position), 1) <> 1",
        "Positions are given up to {last_position}, and {given} notifications have one.",
    ),
    Question(
        "notifications",
        "SELECT MIN(n.id) AS object_id FROM notifications n WHERE n.app_id = :app_id AND n.position IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM notification_heads h WHERE h.app_id = n.app_id) HAVING count(*) > 0",
        "Notifications have positions that no head has given.",
    ),
    Question(
        "deliveries",
        "SELECT id AS object_id, state FROM deliveries WHERE app_id = :app_id AND ("
        "state NOT IN ('scheduled', 'leased', 'done', 'dead', 'disabled') "
        "OR (state = 'done') <> (done_at IS NOT NULL))",
        "It is {state}, without the time that goes with it.",
    ),
    Question(
        "deliveries",
        "SELECT d.id AS object_id, d.state FROM deliveries d JOIN webhook_endpoints e ON e.app_id = d.app_id "
        "AND e.id = d.endpoint_id WHERE d.app_id = :app_id AND d.state = 'scheduled' AND e.state <> 'enabled'",
        "It is {state} for an endpoint that nothing is sent to.",
    ),
    Question(
        "deliveries",
        "SELECT d.id AS object_id FROM deliveries d LEFT JOIN notifications n ON n.app_id = d.app_id "
        "AND n.id = d.notification_id WHERE d.app_id = :app_id AND n.position IS NULL",
        "It delivers a notification that has no position.",
    ),
)
STUCK = (
    "SELECT id AS object_id FROM deliveries WHERE app_id = :app_id AND state = 'leased' "
    "AND next_attempt_at < :stuck_since"
)


def check_announcements(books: Books, check: Check) -> None:
    """I9."""
    put(QUESTIONS, books, check)
    put(ENDPOINTS, books, check)
    for row in books.rows(STUCK, stuck_since=books.now - timedelta(seconds=LEASE_GRACE_SECONDS)):
        check.accuse(row.object_id, "It is leased past its time-out, and nobody sends it.")
