"""I8: states change only as the lifecycles of the product allow, and times run forwards.

The history of an object is its chain of notifications. The tables below are written from PRODUCT, "Lifecycles".
"""

from __future__ import annotations

from datetime import timedelta

from referral_service.doctor.books import Books, Question, put
from referral_service.doctor.coupons import COUPONS
from referral_service.doctor.report import Check

# Two requests read the clock, then wait for one lock: the later reading may be written first. Seconds.
CLOCK_SLACK_SECONDS = 120

# `rejected` is final. A refused claim starts there; told again with another reason, it may stay.
REFERRAL_STEPS = {
    "": {"pending", "under_review", "rejected"},
    "pending": {"converted", "expired", "rejected", "under_review"},
    # An open referral of a person who is erased expires, under review or not.
    "under_review": {"pending", "rejected", "expired"},
    "converted": {"reversed", "converted"},
    "expired": {"converted"},
    "reversed": {"converted"},
    "rejected": set(),
}
# Where state stays the same, the amounts have changed: a partial refund, an earlier purchase that took over.
REWARD_STEPS = {
    "": {"pending", "under_review", "capped"},
    "pending": {"pending", "offered", "available", "voided", "under_review"},
    "under_review": {"pending", "voided", "under_review"},
    "offered": {"offered", "available", "expired", "voided"},
    "available": {"available", "redeemed", "expired", "clawed_back"},
    "redeemed": {"redeemed", "clawed_back", "available"},
    "expired": {"expired", "clawed_back"},
    # A dispute that is won brings back; so does an earlier purchase that takes a reversed conversion over.
    "voided": {"pending", "offered", "available", "under_review"},
    "clawed_back": {"available", "redeemed", "expired"},
    "capped": set(),
}
REFERRAL_TYPES = {
    "referral.converted": "converted",
    "referral.rejected": "rejected",
    "referral.expired": "expired",
    "referral.reversed": "reversed",
    "referral.under_review": "under_review",
}
OBJECTS = (("referrals", "referral", REFERRAL_STEPS), ("rewards", "reward", REWARD_STEPS))
RELEASED_STATES = "'available', 'redeemed', 'clawed_back'"
UNRELEASED_STATES = "'pending', 'offered', 'under_review', 'capped', 'voided'"

TIMES = (
    Question(
        "referrals",
        "SELECT id AS object_id FROM referrals "
        "WHERE app_id = :app_id AND (window_starts_at > claimed_at OR claimed_at > deadline_at)",
        "Its window does not hold its claim.",
    ),
    Question(
        "referrals",
        "SELECT id AS object_id, state FROM referrals WHERE app_id = :app_id "
        "AND ((state IN ('converted', 'reversed') AND (converted_at IS NULL OR conversion_no = 0)) "
        "OR (state IN ('pending', 'rejected', 'expired', 'under_review') AND conversion_no <> 0))",
        "It is {state}, which does not go with its conversion number or the time of its conversion.",
    ),
    Question(
        "referrals",
        "SELECT r.id AS object_id, r.conversion_no, count(c.n) AS kept FROM referrals r "
        "LEFT JOIN conversions c ON c.app_id = r.app_id AND c.referral_id = r.id WHERE r.app_id = :app_id "
        "GROUP BY r.id, r.conversion_no HAVING count(c.n) <> r.conversion_no "
        "OR COALESCE(MAX(c.n), 0) <> r.conversion_no",
        "It says conversion {conversion_no}, and {kept} are on record.",
    ),
    Question(
        "referrals",
        "SELECT r.id AS object_id, r.state, c.state AS other FROM referrals r JOIN conversions c "
        "ON c.app_id = r.app_id AND c.referral_id = r.id AND c.n = r.conversion_no WHERE r.app_id = :app_id "
        "AND (CASE WHEN r.state = 'reversed' THEN 1 ELSE 0 END) <> (CASE WHEN c.state = 'reversed' THEN 1 ELSE 0 END)",
        "It is {state} while its last conversion is {other}.",
    ),
    Question(
        "referrals",
        "SELECT id AS object_id, state FROM referrals "
        "WHERE app_id = :app_id AND is_refused_claim AND state <> 'rejected'",
        "A refused claim is {state}.",
    ),
    Question(
        "rewards",
        "SELECT id AS object_id FROM rewards WHERE app_id = :app_id AND hold_ends_at < occurred_at",
        "Its hold ends before it began.",
    ),
    Question(
        "rewards",
        "SELECT id AS object_id FROM rewards WHERE app_id = :app_id AND released_at < hold_ends_at",
        "It was released before its hold ended.",
    ),
    Question(
        "rewards",
        "SELECT id AS object_id, state FROM rewards WHERE app_id = :app_id "
        f"AND ((state IN ({RELEASED_STATES}) AND released_at IS NULL) "
        f"OR (state IN ({UNRELEASED_STATES}) AND released_at IS NOT NULL))",
        "It is {state}, which does not go with its release.",
    ),
    Question(
        "rewards",
        "SELECT id AS object_id, state, granted, reversed FROM rewards WHERE app_id = :app_id "
        "AND ((state IN ('voided', 'clawed_back') AND reversed <> granted) OR (state = 'capped' AND granted <> 0))",
        "It is {state} with {granted} granted and {reversed} reversed.",
    ),
    Question(
        "redemptions",
        "SELECT id AS object_id FROM redemptions WHERE app_id = :app_id AND amount <= 0",
        "It redeemed nothing.",
    ),
    Question(
        "coupons",
        "SELECT id AS object_id FROM coupons WHERE app_id = :app_id AND valid_until < valid_from",
        "It ends before it begins.",
    ),
)


def check_transitions(books: Books, check: Check) -> None:
    """I8."""
    put(TIMES + COUPONS, books, check)
    for table, prefix, steps in OBJECTS:
        _check_chain(books, check, table=table, prefix=prefix, steps=steps)
    _check_step_back_in_time(books, check)
    pairs = ", ".join(f"('{kind}', '{state}')" for kind, state in REFERRAL_TYPES.items())
    wrong_name = (
        f"WITH named(type, state) AS (VALUES {pairs}) SELECT n.object_id, n.type, n.state FROM notifications n "
        "JOIN named ON named.type = n.type WHERE n.app_id = :app_id AND named.state <> n.state"
    )
    for row in books.rows(wrong_name):
        check.accuse(row.object_id, f"A notification {row.type} says that it is {row.state}.")


def _check_chain(books: Books, check: Check, *, table: str, prefix: str, steps: dict[str, set[str]]) -> None:
    """Each step is legal, begins where the one before it ended, and the last one ends where the row stands."""
    legal = ", ".join(f"('{a}', '{b}')" for a, following in steps.items() for b in sorted(following))
    ours = f"n.app_id = :app_id AND n.type LIKE '{prefix}.%'"
    check.looked_at(books.number(f"SELECT count(*) FROM notifications n WHERE {ours}"))
    stays = "AND NOT (n.previous_state = 'rejected' AND n.state = 'rejected')" if table == "referrals" else ""
    illegal = (
        f"WITH legal(a, b) AS (VALUES {legal}) SELECT n.object_id, n.sequence, n.previous_state, n.state "
        f"FROM notifications n WHERE {ours} {stays} "
        "AND NOT EXISTS (SELECT 1 FROM legal l WHERE l.a = COALESCE(n.previous_state, '') AND l.b = n.state)"
    )
    for row in books.rows(illegal):
        check.accuse(
            row.object_id, f"Step {row.sequence} from {row.previous_state or 'nothing'} to {row.state} is not legal."
        )
    broken = (
        "SELECT object_id, sequence, previous_state, before FROM (SELECT n.object_id, n.sequence, n.previous_state, "
        "LAG(n.state) OVER (PARTITION BY n.object_id ORDER BY n.sequence) AS before "
        f"FROM notifications n WHERE {ours}) AS chain WHERE COALESCE(previous_state, '') <> COALESCE(before, '')"
    )
    for row in books.rows(broken):
        check.accuse(
            row.object_id,
            f"Step {row.sequence} begins at {row.previous_state or 'nothing'}, "
            f"though the one before it ended at {row.before or 'nothing'}.",
        )
    last = (
        f"SELECT t.id AS object_id, t.state, n.state AS announced FROM {table} t JOIN notifications n "
        "ON n.app_id = t.app_id AND n.object_id = t.id AND n.sequence = t.sequence "
        "WHERE t.app_id = :app_id AND n.state <> t.state"
    )
    for row in books.rows(last):
        check.accuse(row.object_id, f"It is {row.state}, and was last announced as {row.announced}.")
    if table == "referrals":
        _check_late_conversion_once(books, check)


def _check_late_conversion_once(books: Books, check: Check) -> None:
    twice = (
        "SELECT object_id, count(*) AS times FROM notifications WHERE app_id = :app_id AND type LIKE 'referral.%' "
        "AND previous_state = 'expired' AND state = 'converted' GROUP BY object_id HAVING count(*) > 1"
    )
    for row in books.rows(twice):
        check.accuse(row.object_id, f"It expired and converted {row.times} times.")


def _check_step_back_in_time(books: Books, check: Check) -> None:
    sql = (
        "SELECT object_id, sequence, created_at, latest FROM (SELECT object_id, sequence, created_at, "
        "LAG(created_at) OVER (PARTITION BY object_id ORDER BY sequence) AS latest "
        "FROM notifications WHERE app_id = :app_id) AS chain WHERE created_at < latest"
    )
    for row in books.stream(sql, times=("created_at", "latest")):
        if row.latest - row.created_at > timedelta(seconds=CLOCK_SLACK_SECONDS):
            check.accuse(row.object_id, f"Step {row.sequence} is dated before the one it follows.")
