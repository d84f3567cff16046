"""What docs/ledger.md says always holds, asked of the database in SQL of its own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

QUESTIONS = {
    "a transaction does not sum to zero": """
        SELECT txn_id, unit, sum(amount) FROM ledger_postings WHERE app_id = :app
        GROUP BY txn_id, unit HAVING sum(amount) <> 0""",
    "a transaction without postings": """
        SELECT id FROM ledger_txns t WHERE app_id = :app AND NOT EXISTS
        (SELECT 1 FROM ledger_postings p WHERE p.app_id = t.app_id AND p.txn_id = t.id)""",
    "a customer's balance is not the sum of its postings": """
        SELECT a.id, a.balance, coalesce(sum(p.amount), 0) FROM ledger_accounts a
        LEFT JOIN ledger_postings p ON p.app_id = a.app_id AND p.account_id = a.id
        WHERE a.app_id = :app AND a.kind IN ('pending', 'available', 'debt')
        GROUP BY a.id, a.balance HAVING a.balance IS NULL OR a.balance <> coalesce(sum(p.amount), 0)""",
    "a lot's rest is not its grant and its movements": """
        SELECT l.id, l.granted, l.rest FROM lots l
        LEFT JOIN lot_movements m ON m.app_id = l.app_id AND m.lot_id = l.id
        WHERE l.app_id = :app GROUP BY l.id, l.granted, l.rest
        HAVING l.rest <> l.granted + coalesce(sum(m.amount), 0)""",
    "what is available is not what the lots hold": """
        SELECT a.id, a.balance FROM ledger_accounts a
        LEFT JOIN lots l ON l.app_id = a.app_id AND l.account_id = a.id
        WHERE a.app_id = :app AND a.kind = 'available'
        GROUP BY a.id, a.balance HAVING a.balance <> coalesce(sum(l.rest), 0)""",
    "overdrawn": """
        SELECT id, kind, balance FROM ledger_accounts WHERE app_id = :app
        AND ((kind <> 'debt' AND balance < 0) OR (kind = 'debt' AND balance > 0))""",
    "a program's account on the wrong side": """
        SELECT a.id, a.kind, sum(p.amount) FROM ledger_accounts a
        JOIN ledger_postings p ON p.app_id = a.app_id AND p.account_id = a.id
        WHERE a.app_id = :app GROUP BY a.id, a.kind
        HAVING (a.kind IN ('redeemed', 'expired') AND sum(p.amount) < 0)
        OR (a.kind IN ('expense', 'written_off') AND sum(p.amount) > 0)""",
    "numbers with a gap": """
        SELECT kind, subject FROM ledger_txns WHERE app_id = :app
        GROUP BY kind, subject HAVING max(seq) <> count(*) OR min(seq) <> 1""",
    "announcements that do not match the account's count": """
        SELECT a.id, a.sequence FROM ledger_accounts a
        LEFT JOIN notifications n ON n.app_id = a.app_id AND n.object_id = a.id
        WHERE a.app_id = :app GROUP BY a.id, a.sequence
        HAVING a.sequence <> count(n.id) OR a.sequence <> coalesce(max(n.sequence), 0)""",
}


def violations(session: Session, app_id: int) -> list[tuple[Any, ...]]:
    """Every row that breaks a promise, with the promise's name first."""
    return [
        (promise, *row) for promise, query in QUESTIONS.items() for row in session.execute(text(query), {"app": app_id})
    ]


def balance_of(session: Session, app_id: int, owner: str, kind: str) -> int:
    """The sum of an owner's postings under one heading, over all units."""
    query = """SELECT coalesce(sum(p.amount), 0) FROM ledger_postings p
        JOIN ledger_accounts a ON a.app_id = p.app_id AND a.id = p.account_id
        WHERE a.app_id = :app AND a.owner = :owner AND a.kind = :kind"""
    return int(session.execute(text(query), {"app": app_id, "owner": owner, "kind": kind}).scalar_one())


def given_out(session: Session, app_id: int, reward_id: str) -> int:
    """What the program has given for one reward and not taken back."""
    query = """SELECT coalesce(-sum(p.amount), 0) FROM ledger_postings p
        JOIN ledger_accounts a ON a.app_id = p.app_id AND a.id = p.account_id
        JOIN ledger_txns t ON t.app_id = p.app_id AND t.id = p.txn_id
        WHERE a.app_id = :app AND t.subject = :reward AND a.kind = 'expense'"""
    return int(session.execute(text(query), {"app": app_id, "reward": reward_id}).scalar_one())


def postings_of(session: Session, app_id: int, subject: str, kind: str) -> list[tuple[str, int]]:
    """The postings of all transactions of one kind about a subject, in order: (account's kind, amount)."""
    query = """SELECT a.kind, p.amount FROM ledger_postings p
        JOIN ledger_accounts a ON a.app_id = p.app_id AND a.id = p.account_id
        JOIN ledger_txns t ON t.app_id = p.app_id AND t.id = p.txn_id
        WHERE t.app_id = :app AND t.subject = :subject AND t.kind = :kind ORDER BY t.seq, p.n"""
    rows = session.execute(text(query), {"app": app_id, "subject": subject, "kind": kind})
    return [(row[0], int(row[1])) for row in rows]
