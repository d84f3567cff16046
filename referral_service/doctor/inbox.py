"""I10: what was accepted was processed, or parked with a reason."""

from __future__ import annotations

from datetime import timedelta

from referral_service.doctor.books import Books, Question, put
from referral_service.doctor.report import Check

UNPROCESSED_MINUTES_MAX = 15

QUESTIONS = (
    Question(
        "events",
        "SELECT id AS object_id, type FROM events WHERE app_id = :app_id AND outcome = ''",
        "The event of type {type} has no outcome.",
    ),
    Question(
        "events",
        "SELECT e.id AS object_id, e.type FROM events e WHERE e.app_id = :app_id AND e.outcome = 'parked' "
        "AND e.reason IS NULL AND NOT EXISTS (SELECT 1 FROM event_results x WHERE x.app_id = e.app_id "
        "AND x.event_id = e.id AND x.reason IS NOT NULL)",
        "The event of type {type} is parked without a reason.",
    ),
    Question(
        "event_results",
        "SELECT event_id AS object_id, program_id, outcome FROM event_results WHERE app_id = :app_id "
        "AND (outcome = '' OR (outcome = 'parked' AND reason IS NULL))",
        "What the event meant for {program_id} has no outcome, or is parked without a reason.",
    ),
    Question(
        "purchases",
        "SELECT p.id AS object_id FROM purchases p WHERE p.app_id = :app_id AND p.confirmed_at IS NOT NULL "
        "AND p.event_id IS NULL AND NOT EXISTS (SELECT 1 FROM events e WHERE e.app_id = p.app_id "
        "AND e.purchase_id = p.id)",
        "The purchase is confirmed, and no event says so.",
    ),
)
WAITING = (
    "SELECT id AS object_id, provider_type, state FROM inbound_events WHERE app_id = :app_id AND event_id IS NULL "
    "AND reason IS NULL AND state <> 'ignored' AND received_at < :waits_since"
)


def check_inbox(books: Books, check: Check) -> None:
    """I10. The time a message was received is real time."""
    put(QUESTIONS, books, check)
    check.looked_at(books.number("SELECT count(*) FROM inbound_events WHERE app_id = :app_id"))
    for row in books.rows(WAITING, waits_since=books.now - timedelta(minutes=UNPROCESSED_MINUTES_MAX)):
        check.accuse(
            row.object_id,
            f"The message {row.provider_type} is {row.state} for more than {UNPROCESSED_MINUTES_MAX} minutes, "
            "and no reason says why.",
        )
