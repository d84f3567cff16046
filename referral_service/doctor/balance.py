"""I1: the books balance. Written from docs/ledger.md: a posting is what its account gets, a minus what it gives."""

from __future__ import annotations

from referral_service.doctor.books import Books, Question, put
from referral_service.doctor.report import Check

# Coupons and custom rewards are no money and no quantity: the ledger does not know them.
KEPT_IN_THE_LEDGER = "w.kind IN ('credit', 'percent', 'points', 'quota')"
# An offer that nobody took up was given back before it was ever released.
LAPSED_OFFER = "(w.state = 'expired' AND w.released_at IS NULL)"


def _of_rewards(kind: str) -> str:
    """What all transactions about one reward together put into accounts of this kind."""
    return (
        "(SELECT x.subject, SUM(p.amount) AS total FROM ledger_txns x "
        "JOIN ledger_postings p ON p.app_id = x.app_id AND p.txn_id = x.id "
        "JOIN ledger_accounts a ON a.app_id = p.app_id AND a.id = p.account_id "
        f"WHERE x.app_id = :app_id AND a.kind = '{kind}' GROUP BY x.subject)"
    )


TRANSACTIONS = (
    Question(
        "ledger_postings",
        "SELECT txn_id AS object_id, unit, SUM(amount) AS total FROM ledger_postings WHERE app_id = :app_id "
        "GROUP BY txn_id, unit HAVING SUM(amount) <> 0",
        "The transaction sums to {total} {unit}, not to zero.",
    ),
    Question(
        "ledger_txns",
        "SELECT x.id AS object_id, x.kind FROM ledger_txns x WHERE x.app_id = :app_id "
        "AND NOT EXISTS (SELECT 1 FROM ledger_postings p WHERE p.app_id = x.app_id AND p.txn_id = x.id)",
        "The transaction {kind} moves nothing.",
    ),
    Question(
        "ledger_postings",
        "SELECT p.txn_id AS object_id, p.unit, a.unit AS other FROM ledger_postings p "
        "JOIN ledger_accounts a ON a.app_id = p.app_id AND a.id = p.account_id "
        "WHERE p.app_id = :app_id AND p.unit <> a.unit",
        "A posting of {unit} stands in an account of {other}.",
    ),
)

ACCOUNTS = (
    Question(
        "ledger_accounts",
        "SELECT a.id AS object_id, a.balance, COALESCE(p.total, 0) AS total FROM ledger_accounts a LEFT JOIN ("
        "SELECT account_id, SUM(amount) AS total FROM ledger_postings WHERE app_id = :app_id GROUP BY account_id) p "
        "ON p.account_id = a.id "
        "WHERE a.app_id = :app_id AND a.balance IS NOT NULL AND a.balance <> COALESCE(p.total, 0)",
        "Its balance is {balance}; its postings sum to {total}.",
    ),
    Question(
        "ledger_accounts",
        "SELECT a.id AS object_id, a.kind FROM ledger_accounts a WHERE a.app_id = :app_id AND "
        "(CASE WHEN a.kind IN ('pending', 'available', 'debt') THEN 1 ELSE 0 END) <> "
        "(CASE WHEN a.balance IS NULL THEN 0 ELSE 1 END)",
        "Only a customer's account has a stored balance, and each of them has; this one is {kind}.",
    ),
    Question(
        "ledger_accounts",
        "SELECT a.id AS object_id, a.kind, SUM(p.amount) AS total FROM ledger_accounts a "
        "JOIN ledger_postings p ON p.app_id = a.app_id AND p.account_id = a.id WHERE a.app_id = :app_id "
        "GROUP BY a.id, a.kind "
        "HAVING (a.kind IN ('pending', 'available', 'redeemed', 'expired') AND SUM(p.amount) < 0) "
        "OR (a.kind IN ('debt', 'expense', 'written_off') AND SUM(p.amount) > 0)",
        "What is {kind} cannot stand at {total}.",
    ),
    Question(
        "ledger_accounts",
        "SELECT a.id AS object_id, a.owner, a.kind FROM ledger_accounts a WHERE a.app_id = :app_id AND ("
        "(a.kind IN ('pending', 'available', 'debt') AND NOT EXISTS ("
        "SELECT 1 FROM customers c WHERE c.app_id = a.app_id AND c.id = a.owner)) "
        "OR (a.kind IN ('expense', 'redeemed', 'expired', 'written_off') AND NOT EXISTS ("
        "SELECT 1 FROM programs g WHERE g.app_id = a.app_id AND g.id = a.owner)))",
        "{owner} cannot own an account of what is {kind}.",
    ),
    Question(
        "redemptions",
        "SELECT r.id AS object_id, r.amount, COALESCE(-SUM(p.amount), 0) AS taken FROM redemptions r "
        "LEFT JOIN ledger_postings p ON p.app_id = r.app_id AND p.txn_id = r.txn_id AND p.account_id = r.account_id "
        "WHERE r.app_id = :app_id GROUP BY r.id, r.amount HAVING COALESCE(-SUM(p.amount), 0) <> r.amount",
        "It redeemed {amount}; its transaction took {taken}.",
    ),
)

LOTS = (
    Question(
        "lots",
        "SELECT l.id AS object_id, l.rest, l.granted, COALESCE(m.total, 0) AS moved FROM lots l LEFT JOIN ("
        "SELECT lot_id, SUM(amount) AS total FROM lot_movements WHERE app_id = :app_id GROUP BY lot_id) m "
        "ON m.lot_id = l.id WHERE l.app_id = :app_id AND (l.rest <> l.granted + COALESCE(m.total, 0) "
        "OR l.rest < 0 OR l.rest > l.granted)",
        "Its rest is {rest}; {granted} were put in and its movements sum to {moved}.",
    ),
    Question(
        "ledger_accounts",
        "SELECT a.id AS object_id, a.balance, COALESCE(l.rest, 0) AS rest FROM ledger_accounts a LEFT JOIN ("
        "SELECT account_id, SUM(rest) AS rest FROM lots WHERE app_id = :app_id GROUP BY account_id) l "
        "ON l.account_id = a.id "
        "WHERE a.app_id = :app_id AND a.kind = 'available' AND a.balance <> COALESCE(l.rest, 0)",
        "{balance} are available; the rests of its lots sum to {rest}.",
    ),
    Question(
        "lots",
        "SELECT l.id AS object_id, l.unit, a.kind, a.unit AS other FROM lots l JOIN ledger_accounts a "
        "ON a.app_id = l.app_id AND a.id = l.account_id "
        "WHERE l.app_id = :app_id AND (a.kind <> 'available' OR a.unit <> l.unit)",
        "A lot of {unit} lies in what is {kind}, of {other}.",
    ),
)

REWARDS = (
    Question(
        "rewards",
        "SELECT w.id AS object_id, w.granted, w.reversed, COALESCE(-e.total, 0) AS booked FROM rewards w "
        f"LEFT JOIN {_of_rewards('expense')} e ON e.subject = w.id WHERE w.app_id = :app_id "
        f"AND {KEPT_IN_THE_LEDGER} AND NOT {LAPSED_OFFER} AND COALESCE(-e.total, 0) <> w.granted - w.reversed",
        "{granted} are granted and {reversed} reversed; the books have given out {booked}.",
    ),
    Question(
        "rewards",
        "SELECT w.id AS object_id, w.state, COALESCE(h.total, 0) AS held FROM rewards w "
        f"LEFT JOIN {_of_rewards('pending')} h ON h.subject = w.id WHERE w.app_id = :app_id AND {KEPT_IN_THE_LEDGER} "
        f"AND NOT {LAPSED_OFFER} AND COALESCE(h.total, 0) <> "
        "CASE WHEN w.released_at IS NULL THEN w.granted - w.reversed ELSE 0 END",
        "It is {state}, and the books hold {held} of it as pending.",
    ),
    Question(
        "rewards",
        "SELECT w.id AS object_id, w.state FROM rewards w LEFT JOIN lots l ON l.app_id = w.app_id AND l.origin = w.id "
        f"WHERE w.app_id = :app_id AND {KEPT_IN_THE_LEDGER} AND ((w.released_at IS NULL AND l.id IS NOT NULL) "
        "OR (w.released_at IS NOT NULL AND w.granted > w.reversed AND l.id IS NULL))",
        "It is {state}; a reward has a lot once it is released, and not before.",
    ),
    Question(
        "rewards",
        "SELECT w.id AS object_id, w.recipient_id, a.owner, l.unit FROM rewards w "
        "JOIN lots l ON l.app_id = w.app_id AND l.origin = w.id "
        "JOIN ledger_accounts a ON a.app_id = l.app_id AND a.id = l.account_id "
        "WHERE w.app_id = :app_id AND (a.owner <> w.recipient_id OR l.unit <> w.unit OR l.granted > w.granted "
        "OR l.payer <> w.program_id)",
        "Its lot of {unit} belongs to {owner}, has another payer or holds too much; the recipient is {recipient_id}.",
    ),
    Question(
        "rewards",
        "SELECT w.id AS object_id, l.rest FROM rewards w JOIN lots l ON l.app_id = w.app_id AND l.origin = w.id "
        "WHERE w.app_id = :app_id AND w.state = 'redeemed' AND l.rest > 0",
        "It is redeemed, and {rest} of its lot are left.",
    ),
    Question(
        "rewards",
        "SELECT w.id AS object_id, w.state, l.rest FROM rewards w "
        "JOIN lots l ON l.app_id = w.app_id AND l.origin = w.id WHERE w.app_id = :app_id "
        "AND ((w.state = 'available' AND l.rest = 0) OR (w.state IN ('expired', 'clawed_back') AND l.rest > 0))",
        "It is {state}, and {rest} of its lot are left.",
    ),
    Question(
        "ledger_txns",
        "SELECT x.id AS object_id, x.kind, x.subject FROM ledger_txns x WHERE x.app_id = :app_id "
        "AND x.kind IN ('grant', 'amend', 'void', 'release', 'claw_back', 'restore') "
        "AND NOT EXISTS (SELECT 1 FROM rewards w WHERE w.app_id = x.app_id AND w.id = x.subject)",
        "The transaction {kind} is about {subject}, which is no reward.",
    ),
    Question(
        "ledger_txns",
        "SELECT MIN(id) AS object_id, kind, subject, count(*) AS times, MAX(seq) AS highest FROM ledger_txns "
        "WHERE app_id = :app_id GROUP BY kind, subject HAVING MAX(seq) <> count(*) OR MIN(seq) <> 1",
        "{times} transactions {kind} about {subject} are numbered up to {highest}.",
    ),
)


def check_balance(books: Books, check: Check) -> None:
    """I1."""
    for questions in (TRANSACTIONS, ACCOUNTS, LOTS, REWARDS):
        put(questions, books, check)
