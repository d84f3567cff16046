"""I4: what is reversed is a function of what was refunded and of the dispute's state."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from referral_service.doctor.books import Books, Question, put
from referral_service.doctor.facts import ACTED_ON, COUNTED, COUNTED_BY_STEP, PURCHASE_TRUTH
from referral_service.doctor.promises import Promise, RewardPromise, half_up, promises
from referral_service.doctor.report import Check

ON_CONVERSION, OF_STEP = "converted", "step:"
OF_PURCHASES = ("repeat_purchase", "every_purchase")
# Reasons that end a conversion whole whatever was refunded.
ENDED_WHOLE = {"not_new", "person_erased"}
# Reasons that keep a reward reversed that would otherwise have come back, or that take one whose facts were merged.
REFUSED = {"cap_reached", "budget_exhausted", "not_counted"}

QUESTIONS = (
    Question(
        "rewards",
        "SELECT id AS object_id, granted, reversed FROM rewards "
        "WHERE app_id = :app_id AND (granted < 0 OR reversed < 0 OR reversed > granted)",
        "{reversed} of {granted} are said to be reversed.",
    ),
    Question(
        "purchases",
        f"WITH {PURCHASE_TRUTH} SELECT t.id AS object_id, t.said_refunded, t.refunded_minor FROM purchase_truth t "
        "WHERE (CASE WHEN t.said_refunded > t.amount_minor THEN t.amount_minor ELSE t.said_refunded END) "
        "<> t.refunded_minor AND NOT EXISTS (SELECT 1 FROM refunds r WHERE r.app_id = :app_id "
        "AND r.purchase_id = t.id AND r.currency <> t.currency)",
        "It says that {said_refunded} were refunded; its refunds say {refunded_minor}.",
    ),
    Question(
        "purchases",
        f"WITH {PURCHASE_TRUTH} SELECT t.id AS object_id, COALESCE(t.said_dispute, 'nothing') AS said "
        "FROM purchase_truth t "
        "WHERE (CASE WHEN COALESCE(t.said_dispute, '') IN ('opened', 'lost') THEN 1 ELSE 0 END) <> t.disputed",
        "Of disputes it says {said}; its disputes say otherwise.",
    ),
    Question(
        "conversions",
        f"WITH {PURCHASE_TRUTH}, {COUNTED} SELECT c.referral_id AS object_id, c.n, c.refunded_minor AS said, "
        "x.refunded_minor FROM conversions c JOIN counted x ON x.referral_id = c.referral_id AND x.n = c.n "
        # A conversion that is reversed whole may call all of it refunded, whatever the reason.
        "WHERE c.app_id = :app_id AND c.refunded_minor <> x.refunded_minor AND c.refunded_minor <> x.gone_minor "
        "AND NOT (c.state = 'reversed' AND c.refunded_minor = c.amount_minor)",
        "Conversion {n} says that {said} were refunded; the facts it counted say {refunded_minor}.",
    ),
)

REWARD = """
w.id, w.program_id, w.version, w.reward_key, w.kind, w.state, w.granted, w.reversed, w.reason, w.released_at"""
BY_PERSONS = """
    CASE WHEN a.object_id IS NULL AND b.object_id IS NULL THEN 0 ELSE 1 END AS by_hand,
    CASE WHEN p.erased_at IS NULL AND q.erased_at IS NULL THEN 0 ELSE 1 END AS erased"""
PERSONS = """
LEFT JOIN customers p ON p.app_id = w.app_id AND p.id = r.referrer_id
LEFT JOIN customers q ON q.app_id = w.app_id AND q.id = r.referee_id
LEFT JOIN acted a ON a.object_id = w.id
LEFT JOIN acted b ON b.object_id = w.referral_id
"""
REWARDS = f"""
WITH {PURCHASE_TRUTH}, {COUNTED}, {ACTED_ON}
SELECT {REWARD}, x.amount_minor, x.refunded_minor, x.disputed, x.partly_disputed, x.gone_minor,
    r.reason AS referral_reason, c.reason AS conversion_reason, {BY_PERSONS}
FROM rewards w
JOIN referrals r ON r.app_id = w.app_id AND r.id = w.referral_id
JOIN conversions c ON c.app_id = w.app_id AND c.referral_id = w.referral_id AND c.n = w.conversion_no
JOIN counted x ON x.referral_id = w.referral_id AND x.n = w.conversion_no
{PERSONS}WHERE w.app_id = :app_id
"""
# A row for each step of the conversion; which one is the reward's own, its terms say.
STEP_REWARDS = f"""
WITH {PURCHASE_TRUTH}, {COUNTED_BY_STEP}, {ACTED_ON}
SELECT {REWARD}, x.step_key, x.amount_minor, x.refunded_minor, x.disputed, x.partly_disputed, x.gone_minor,
    r.reason AS referral_reason, NULL AS conversion_reason, {BY_PERSONS}
FROM rewards w
JOIN referrals r ON r.app_id = w.app_id AND r.id = w.referral_id
JOIN stepped x ON x.referral_id = w.referral_id AND x.n = w.conversion_no
{PERSONS}WHERE w.app_id = :app_id
"""
# Each follows its own purchase, whether or not a referral stands behind it.
PURCHASE_REWARDS = f"""
WITH {PURCHASE_TRUTH}, {ACTED_ON}
SELECT {REWARD}, t.amount_minor, t.refunded_minor, t.disputed, 0 AS partly_disputed,
    t.refunded_minor AS gone_minor, r.reason AS referral_reason, NULL AS conversion_reason, {BY_PERSONS}
FROM rewards w
JOIN purchase_truth t ON w.subject = 'purchase:' || t.id
LEFT JOIN referrals r ON r.app_id = w.app_id AND r.id = w.referral_id
{PERSONS}WHERE w.app_id = :app_id
"""


def check_reversals(books: Books, check: Check) -> None:
    """I4."""
    put(QUESTIONS, books, check)
    versions = promises(books)
    for sql in (REWARDS, STEP_REWARDS, PURCHASE_REWARDS):
        for row in books.stream(sql):
            promise = versions.get((row.program_id, row.version))
            reward = promise.rewards.get(row.reward_key) if promise else None
            if promise is None or reward is None or not _is_its_own(sql, row, reward):
                continue
            check.looked_at(1)
            said = _wrong(row, promise, reward)
            if said:
                check.accuse(row.id, said)


def _is_its_own(sql: str, row: Row[Any], reward: RewardPromise) -> bool:
    """Whether the sums of this row are those that the reward follows."""
    if sql == REWARDS:
        return reward.moment == ON_CONVERSION
    if sql == STEP_REWARDS:
        return reward.moment == OF_STEP + str(row.step_key)
    return reward.moment in OF_PURCHASES


def _wrong(row: Row[Any], promise: Promise, reward: RewardPromise) -> str | None:
    if row.granted == 0:
        return None
    if row.reversed == row.granted and _may_be_whole(row, reward):
        return None
    allowed = _reversed(row, promise, reward)
    if row.reversed in allowed:
        return None
    wanted = " or ".join(str(each) for each in sorted(allowed))
    return (
        f"{row.reversed} of {row.granted} are reversed; with {row.refunded_minor} of {row.amount_minor} refunded"
        f"{' and a dispute' if row.disputed else ''} it must be {wanted}."
    )


def _may_be_whole(row: Row[Any], reward: RewardPromise) -> bool:
    """Whether something else than a refund or a dispute may have taken it whole."""
    ended = {row.referral_reason, row.conversion_reason} & ENDED_WHOLE
    # An offer that was not taken up, and credit whose time is over, are gone without any refund.
    # What was not released yet when its conversion fell, or when its facts turned out to be others', went with them.
    fell = reward.moment in OF_PURCHASES and row.released_at is None and row.state == "voided"
    return bool(ended or row.by_hand or row.erased or row.state == "expired" or row.reason in REFUSED or fell)


def _reversed(row: Row[Any], promise: Promise, reward: RewardPromise) -> set[int]:
    """What may be reversed, from the facts alone."""
    amount, refunded, gone = int(row.amount_minor), int(row.refunded_minor), int(row.gone_minor)
    open_end = bool(row.partly_disputed) and not row.disputed
    if reward.moment == ON_CONVERSION:
        whole = promise.reversed_whole(amount_minor=amount, refunded_minor=refunded, disputed=bool(row.disputed))
        # With one of several disputed, whether what is left still qualifies is for the matcher to say.
        whole = None if open_end and not whole else whole
    elif reward.moment.startswith(OF_STEP):
        whole = True if row.disputed or (refunded and refunded >= amount) else None if gone else False
    else:
        whole = bool(row.disputed or (refunded and refunded >= amount))
    if reward.keeps:
        # The contract leaves open whether "keep" outlasts a dispute.
        return {0, row.granted} if row.disputed or open_end else {0}
    if whole:
        return {row.granted}
    comes_in_parts = amount and row.kind not in {"coupon", "custom"}
    part = half_up(row.granted, gone, amount) if comes_in_parts else 0
    return {part} if whole is False else {part, row.granted}
