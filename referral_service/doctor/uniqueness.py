"""I2: nothing is granted twice. I6: nobody refers himself, and each referee has one accepted referrer.

The database's unique keys say the same; here it is counted once more, as if they were not there.
"""

from __future__ import annotations

from referral_service.doctor.books import Books, Question, put
from referral_service.doctor.contests import PRIZES
from referral_service.doctor.report import Check


def _twice(table: str, columns: str, named: str, says: str, where: str = "") -> Question:
    """Rows that agree in all these columns."""
    return Question(
        table,
        f"SELECT MIN({named}) AS object_id, count(*) AS times, {columns} FROM {table} "
        f"WHERE app_id = :app_id {where} GROUP BY {columns} HAVING count(*) > 1",
        says,
    )


GRANTS = (
    _twice(
        "rewards",
        "program_id, recipient_id, reward_key, subject",
        "id",
        "{times} rewards {reward_key} for {recipient_id} and the one subject {subject}.",
    ),
    _twice(
        "rewards",
        "program_id, reward_key, recipient_id, ordinal",
        "id",
        "{times} rewards {reward_key} of {recipient_id} are number {ordinal}.",
    ),
    _twice(
        "reward_ordinals",
        "program_id, reward_key, recipient_id, subject",
        "subject",
        "{times} ordinals {reward_key} of {recipient_id} for the one subject {subject}.",
    ),
    _twice(
        "ledger_txns",
        "kind, subject, seq",
        "id",
        "{times} transactions {kind} number {seq} for the one subject {subject}.",
    ),
    _twice("lots", "origin", "id", "{times} lots come from the one grant {origin}."),
    _twice("coupons", "reward_id", "id", "{times} coupons come from the one reward {reward_id}."),
    _twice("coupons", "folded", "id", "{times} coupons share the code {folded}."),
    _twice("conversions", "referral_id, n", "referral_id", "{times} conversions of one referral carry the number {n}."),
    _twice(
        "events",
        "source_id, external_id",
        "id",
        "{times} events of {source_id} carry the one external id {external_id}.",
    ),
    _twice(
        "purchase_aliases",
        "source_id, alias",
        "purchase_id",
        "{times} purchases of {source_id} are known under the one alias {alias}.",
    ),
    _twice(
        "refunds",
        "purchase_id, refund_key",
        "purchase_id",
        "{times} refunds of the purchase share the key {refund_key}.",
    ),
    Question(
        "rewards",
        "SELECT a.id AS object_id, a.reward_key, b.id AS other, a.referral_id, a.conversion_no FROM rewards a "
        "JOIN rewards b ON b.app_id = a.app_id AND b.referral_id = a.referral_id AND b.conversion_no = a.conversion_no "
        "AND b.reward_key = a.reward_key AND b.recipient_id = a.recipient_id AND b.subject = a.subject AND b.id > a.id "
        "WHERE a.app_id = :app_id AND a.program_id <> b.program_id",
        "The reward {other} is the same {reward_key} for conversion {conversion_no} of {referral_id}, elsewhere.",
    ),
    Question(
        "rewards",
        "SELECT id AS object_id, reward_key, subject FROM rewards WHERE app_id = :app_id AND conversion_no IS NOT NULL "
        "AND subject LIKE 'referral:%' "
        "AND subject <> 'referral:' || referral_id || ':' || CAST(conversion_no AS VARCHAR(20))",
        "Its subject {subject} is not the conversion it belongs to.",
    ),
)

PEOPLE = (
    Question(
        "referrals",
        "SELECT id AS object_id, referee_id FROM referrals "
        "WHERE app_id = :app_id AND referrer_id = referee_id AND state <> 'rejected'",
        "{referee_id} is said to have referred himself.",
    ),
    _twice(
        "referrals",
        "program_id, referee_id",
        "id",
        "{times} accepted referrals of {referee_id} in {program_id}.",
        where="AND state <> 'rejected'",
    ),
    _twice(
        "referrals",
        "program_id, referee_id, code_id",
        "id",
        "{times} refused claims of {referee_id} in {program_id} with the one code {code_id}.",
        where="AND is_refused_claim",
    ),
    Question(
        "referrals",
        "SELECT r.id AS object_id, r.referrer_id, c.customer_id FROM referrals r "
        "JOIN codes c ON c.app_id = r.app_id AND c.id = r.code_id "
        "WHERE r.app_id = :app_id AND (c.customer_id <> r.referrer_id OR c.program_id <> r.program_id)",
        "Its code belongs to {customer_id}, or to another program, and not to its referrer {referrer_id}.",
    ),
    Question(
        "referee_anchors",
        "SELECT a.referral_id AS object_id, a.referee_id FROM referee_anchors a "
        "JOIN referrals r ON r.app_id = a.app_id AND r.id = a.referral_id "
        "WHERE a.app_id = :app_id AND r.referee_id <> a.referee_id",
        "It holds the place of {referee_id}, who is not its referee.",
    ),
)


def check_grants_are_unique(books: Books, check: Check) -> None:
    """I2."""
    put(GRANTS + PRIZES, books, check)


def check_people(books: Books, check: Check) -> None:
    """I6. Which longer circles are blocked is a matter of the program's fraud rules, not of the books."""
    put(PEOPLE, books, check)
