"""Contests, for I5 and I2: ranks are what a recount of the referrals says, and prizes are given once."""

from __future__ import annotations

from referral_service.doctor.books import Question

RECOUNT = (
    "(SELECT program_id, referrer_id, count(*) AS counted FROM referrals "
    "WHERE app_id = :app_id AND state = 'converted' GROUP BY program_id, referrer_id)"
)
IS_PRIZE = "app_id = :app_id AND reward_key = 'prize' AND subject LIKE 'prize:%'"

RANKS = (
    Question(
        "ranks",
        "SELECT k.customer_id AS object_id, k.program_id, k.conversions, COALESCE(c.counted, 0) AS counted "
        f"FROM ranks k LEFT JOIN {RECOUNT} c ON c.program_id = k.program_id AND c.referrer_id = k.customer_id "
        "WHERE k.app_id = :app_id AND k.conversions <> COALESCE(c.counted, 0)",
        "{conversions} conversions are said in {program_id}; {counted} of the referrals stand converted.",
    ),
    Question(
        "ranks",
        f"SELECT c.referrer_id AS object_id, c.program_id, c.counted FROM {RECOUNT} c "
        "WHERE NOT EXISTS (SELECT 1 FROM ranks k WHERE k.app_id = :app_id AND k.program_id = c.program_id "
        "AND k.customer_id = c.referrer_id)",
        "No rank is kept in {program_id}; {counted} of the referrals stand converted.",
    ),
)

PRIZES = (
    Question(
        "rewards",
        "SELECT MIN(id) AS object_id, program_id, recipient_id, count(*) AS times FROM rewards "
        f"WHERE {IS_PRIZE} GROUP BY program_id, recipient_id HAVING count(*) > 1",
        "{recipient_id} has {times} prizes of {program_id}.",
    ),
    # Whoever comes after two first ones is third: with more before it than its number says, a rank was given twice.
    Question(
        "rewards",
        "SELECT id AS object_id, place, counted FROM (SELECT id, CAST(substr(subject, 7) AS BIGINT) AS place, "
        "RANK() OVER (PARTITION BY program_id ORDER BY CAST(substr(subject, 7) AS BIGINT)) AS counted "
        f"FROM rewards WHERE {IS_PRIZE}) AS given WHERE counted > place",
        "It is the prize of rank {place}, and the holders of better ones make it at least rank {counted}.",
    ),
    Question(
        "rewards",
        f"SELECT w.id AS object_id, p.status FROM (SELECT * FROM rewards WHERE {IS_PRIZE}) w JOIN programs p "
        "ON p.app_id = w.app_id AND p.id = w.program_id WHERE p.status <> 'ended' OR p.ended_at IS NULL",
        "It is a prize of a contest that is {status}.",
    ),
    Question(
        "rewards",
        f"SELECT id AS object_id, side FROM rewards WHERE {IS_PRIZE} "
        "AND (side <> 'referrer' OR referral_id IS NOT NULL OR conversion_no IS NOT NULL)",
        "It is a prize, and yet of the {side} of a referral.",
    ),
)
