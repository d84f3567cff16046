"""I11: the audit log's sealed chain is intact."""

from __future__ import annotations

import hashlib

import orjson

from referral_service.doctor.books import Books, Question, put
from referral_service.doctor.report import Check
from referral_service.kit.clock import format_rfc3339

START = bytes(32)

QUESTIONS = (
    Question(
        "audit_log",
        "SELECT id AS object_id FROM audit_log WHERE app_id = :app_id "
        "AND (CASE WHEN seq IS NULL THEN 1 ELSE 0 END) <> (CASE WHEN chain IS NULL THEN 1 ELSE 0 END)",
        "It is sealed by half: a number without a link, or a link without a number.",
    ),
    Question(
        "audit_heads",
        "SELECT h.app_id AS object_id, h.last_seq, count(e.seq) AS sealed, COALESCE(MAX(e.seq), 0) AS highest "
        "FROM audit_heads h LEFT JOIN audit_log e ON e.app_id = h.app_id AND e.seq IS NOT NULL "
        "WHERE h.app_id = :app_id GROUP BY h.app_id, h.last_seq "
        "HAVING count(DISTINCT e.seq) <> h.last_seq OR count(e.seq) <> h.last_seq "
        "OR COALESCE(MAX(e.seq), 0) <> h.last_seq OR COALESCE(MIN(e.seq), 1) <> 1",
        "The chain ends at {last_seq}; {sealed} entries are sealed, up to {highest}.",
    ),
    Question(
        "audit_heads",
        "SELECT e.id AS object_id, e.seq FROM audit_heads h JOIN audit_log e ON e.app_id = h.app_id "
        "AND e.seq = h.last_seq WHERE h.app_id = :app_id AND e.chain <> h.last_chain",
        "It is the last of the chain, number {seq}, and not what the chain's end says.",
    ),
    Question(
        "audit_log",
        "SELECT MIN(e.id) AS object_id FROM audit_log e WHERE e.app_id = :app_id AND e.seq IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM audit_heads h WHERE h.app_id = e.app_id) HAVING count(*) > 0",
        "Entries are sealed, and the chain has no end.",
    ),
    Question(
        "audit_log",
        "SELECT id AS object_id FROM audit_log WHERE app_id = :app_id AND salt IS NULL "
        "AND details IS NOT NULL "
        # What is emptied through JSON is its null, and no NULL.
        "AND CAST(details AS VARCHAR(4)) <> 'null'",
        "Its details stand there without their salt, so nothing proves them.",
    ),
)
SEALED = (
    "SELECT seq, app_id, id, at, actor, action, object_id, details AS details, salt, digest, chain FROM audit_log "
    "WHERE app_id = :app_id AND seq IS NOT NULL ORDER BY seq"
)


def check_audit_chain(books: Books, check: Check) -> None:
    """I11. A link is SHA-256 over the one before it and the entry; `details` are in it by their salted hash alone."""
    put(QUESTIONS, books, check)
    previous = START
    for row in books.stream(SEALED, times=("at",)):
        check.looked_at(1)
        digest = bytes(row.digest)
        fields = [
            row.seq,
            row.app_id,
            row.id,
            format_rfc3339(row.at),
            row.actor,
            row.action,
            row.object_id,
            digest.hex(),
        ]
        if hashlib.sha256(previous + orjson.dumps(fields)).digest() != bytes(row.chain or b""):
            check.accuse(row.id, f"Number {row.seq} of the chain, or one before it, was changed after it was sealed.")
        # On with what is stored: one broken link is told once, and not again for every entry after it.
        previous = bytes(row.chain or b"")
        if row.details is not None and row.salt is not None:
            said = orjson.dumps(row.details, option=orjson.OPT_SORT_KEYS)
            if hashlib.sha256(bytes(row.salt) + said).digest() != digest:
                check.accuse(row.id, "Its details are not those that were recorded.")
