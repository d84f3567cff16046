"""I3: every grant traces to verified, paid, in-window facts that are stored with it; every eligible one has a grant."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from referral_service.doctor.books import Books, Question, put
from referral_service.doctor.facts import COUNTED, PURCHASE_TRUTH
from referral_service.doctor.promises import Promise, RewardPromise, Version, promises
from referral_service.doctor.report import Check

QUESTIONS = (
    Question(
        "conversions",
        "SELECT c.referral_id AS object_id, c.n FROM conversions c WHERE c.app_id = :app_id AND NOT EXISTS ("
        "SELECT 1 FROM qualification_facts f WHERE f.app_id = c.app_id "
        "AND f.referral_id = c.referral_id AND f.n = c.n)",
        "Conversion {n} stands on no fact.",
    ),
    Question(
        "conversions",
        f"WITH {PURCHASE_TRUTH}, {COUNTED} SELECT c.referral_id AS object_id, c.n, c.amount_minor AS said, "
        "x.amount_minor FROM conversions c JOIN counted x ON x.referral_id = c.referral_id AND x.n = c.n "
        "WHERE c.app_id = :app_id AND (c.amount_minor <> x.amount_minor OR c.occurred_at <> x.occurred_at)",
        "Conversion {n} counted {said}; its facts sum to {amount_minor}, or happened at another time.",
    ),
    Question(
        "rewards",
        "SELECT w.id AS object_id, w.side, w.recipient_id FROM rewards w "
        "JOIN referrals r ON r.app_id = w.app_id AND r.id = w.referral_id WHERE w.app_id = :app_id AND ("
        "(w.side = 'referrer' AND w.recipient_id <> r.referrer_id) "
        "OR (w.side = 'referee' AND w.recipient_id <> r.referee_id) "
        "OR w.program_id <> r.program_id OR w.version <> r.version)",
        "{recipient_id} is not the {side} of its referral, or the terms are not that referral's.",
    ),
    Question(
        "rewards",
        "SELECT w.id AS object_id, w.side FROM rewards w WHERE w.app_id = :app_id "
        "AND w.side IN ('referrer', 'referee') AND w.referral_id IS NULL AND w.reward_key <> 'prize'",
        "A reward of the {side} belongs to no referral.",
    ),
    Question(
        "rewards",
        "SELECT w.id AS object_id, r.state FROM rewards w JOIN referrals r ON r.app_id = w.app_id "
        "AND r.id = w.referral_id WHERE w.app_id = :app_id AND w.conversion_no IS NOT NULL "
        # A step's reward leads to the conversion that is still to come.
        "AND r.state NOT IN ('converted', 'reversed') AND NOT (r.conversion_no = 0 AND w.conversion_no = 1)",
        "It rewards the conversion of a referral that is {state}.",
    ),
    Question(
        "rewards",
        "SELECT w.id AS object_id, w.referral_id FROM rewards w JOIN referrals r ON r.app_id = w.app_id "
        "AND r.id = w.referral_id WHERE w.app_id = :app_id AND r.is_refused_claim",
        "It stands on the refused claim {referral_id}.",
    ),
)

FACTS = """
SELECT f.referral_id, f.n, f.fact_id, f.occurred_at, f.amount_minor, r.program_id, r.version, r.referee_id,
    r.window_starts_at, r.deadline_at, p.id AS purchase_id, p.customer_id AS payer_id, p.confirmed_at,
    p.amount_minor AS paid_minor, p.currency, p.occurred_at AS paid_at, e.id AS event_id,
    e.customer_id AS told_of, e.occurred_at AS told_at
FROM qualification_facts f
JOIN referrals r ON r.app_id = f.app_id AND r.id = f.referral_id
LEFT JOIN purchases was ON was.app_id = f.app_id AND was.id = f.fact_id
LEFT JOIN purchases p ON p.app_id = was.app_id AND p.id = COALESCE(was.merged_into, was.id)
LEFT JOIN events e ON e.app_id = f.app_id AND e.id = f.fact_id
WHERE f.app_id = :app_id
"""

REWARDS = """
SELECT w.id, w.program_id, w.version, w.reward_key, w.side, w.kind, w.unit, w.ordinal, w.state, w.granted,
    w.occurred_at, w.hold_ends_at, w.released_at, w.reason, c.amount_minor, c.occurred_at AS converted_at,
    COALESCE(b.bought_minor, 0) AS bought_minor
FROM rewards w
LEFT JOIN (
    SELECT f.referral_id, f.n, SUM(f.amount_minor) AS bought_minor
    FROM qualification_facts f JOIN purchases p ON p.app_id = f.app_id AND p.id = f.fact_id
    WHERE f.app_id = :app_id GROUP BY f.referral_id, f.n
) b ON b.referral_id = w.referral_id AND b.n = w.conversion_no
LEFT JOIN conversions c ON c.app_id = w.app_id AND c.referral_id = w.referral_id AND c.n = w.conversion_no
WHERE w.app_id = :app_id
"""

OWED = """
SELECT r.id, r.program_id, r.version, w.reward_key, count(w.id) AS given
FROM referrals r
LEFT JOIN rewards w ON w.app_id = r.app_id AND w.referral_id = r.id AND w.conversion_no = r.conversion_no
WHERE r.app_id = :app_id AND r.state = 'converted'
GROUP BY r.id, r.program_id, r.version, w.reward_key
ORDER BY r.id
"""


ENDED_BY_PEOPLE = {"voided_by_hand", "person_erased", "review"}


def check_grants(books: Books, check: Check) -> None:
    """I3."""
    put(QUESTIONS, books, check)
    versions = promises(books)
    for row in books.stream(FACTS, times=("occurred_at", "window_starts_at", "deadline_at", "paid_at", "told_at")):
        check.looked_at(1)
        for said in _wrong_fact(row, versions.get((row.program_id, row.version))):
            check.accuse(row.referral_id, f"Conversion {row.n} counted {row.fact_id}: {said}")
    # A budget of any version may have cut what another version promises: it is the newest one's that counts.
    budgeted = {program_id for (program_id, _), promise in versions.items() if promise.budget_minor is not None}
    for row in books.stream(REWARDS, times=("occurred_at", "hold_ends_at", "converted_at")):
        check.looked_at(1)
        promise = versions.get((row.program_id, row.version))
        for said in _wrong_reward(row, promise, may_be_cut=row.program_id in budgeted):
            check.accuse(row.id, said)
    _check_nothing_is_owed(books, check, versions)


def _wrong_fact(row: Row[Any], promise: Promise | None) -> list[str]:
    if promise is None:
        return []
    if row.purchase_id is None and row.event_id is None:
        return ["no such purchase or event is known."]
    payer, at = (row.told_of, row.told_at) if row.purchase_id is None else (row.payer_id, row.paid_at)
    said = []
    if payer != row.referee_id:
        said.append(f"it is of {payer}, not of the referee.")
    if at is None or at != row.occurred_at:
        said.append("it did not happen when the conversion says.")
    elif not row.window_starts_at <= at <= row.deadline_at:
        said.append("it lies outside the window.")
    if row.purchase_id is None:
        return said
    if row.confirmed_at is None:
        said.append("it was never confirmed.")
    if row.currency != promise.currency:
        said.append(f"it was paid in {row.currency}, and the program counts {promise.currency}.")
    if promise.counts_whole_amounts and row.paid_minor != row.amount_minor:
        said.append(f"{row.paid_minor} were paid, and {row.amount_minor} counted.")
    if promise.is_simple and (row.paid_minor or 0) < promise.min_amount_minor:
        said.append(f"{row.paid_minor} were paid, and {promise.min_amount_minor} are asked for.")
    return said


def _wrong_reward(row: Row[Any], promise: Promise | None, *, may_be_cut: bool) -> list[str]:
    reward = promise.rewards.get(row.reward_key) if promise else None
    if promise is None or reward is None:
        return ["Its terms know no such reward."] if not str(row.reward_key).startswith("prize") else []
    said = []
    if row.side != reward.side or row.kind != reward.kind or reward.unit not in {None, row.unit}:
        said.append("Its side, kind or unit is not that of its terms.")
    if row.hold_ends_at != row.occurred_at + timedelta(days=reward.hold_days):
        said.append(f"Its hold does not end {reward.hold_days} days after it began.")
    if reward.moment != "converted":
        return said
    is_ended = row.released_at is None and (row.state in {"expired", "capped"} or row.reason in ENDED_BY_PEOPLE)
    if is_ended:
        # It stays what it was when it ended, whatever purchase takes its conversion over later.
        return said
    if row.amount_minor is None:
        return [*said, "It rewards a conversion that is not there."]
    if row.occurred_at != row.converted_at:
        said.append("It did not happen when its conversion did.")
    return said + _wrong_amount(row, reward, may_be_cut=may_be_cut)


def _wrong_amount(row: Row[Any], reward: RewardPromise, *, may_be_cut: bool) -> list[str]:
    # A percentage is of purchases; so many per amount is of everything that counted.
    base = int(row.bought_minor) if reward.kind == "percent" else row.amount_minor
    worth = reward.worth(ordinal=row.ordinal, amount_minor=base)
    if worth is None or row.state == "capped":
        return []
    if not worth:
        return [f"Number {row.ordinal} grants nothing."]
    limited = reward.cap_amount is not None or may_be_cut
    if row.granted in worth or (limited and row.granted < max(worth)):
        return []
    promised = " or ".join(str(each) for each in sorted(worth))
    return [f"It grants {row.granted} {row.unit}; its terms promise {promised}."]


def _check_nothing_is_owed(books: Books, check: Check, versions: dict[Version, Promise]) -> None:
    """A converted referral has each reward of its terms, granted or recorded as capped."""
    owner: tuple[str, str, int] | None = None
    given: dict[str, int] = {}
    for row in books.stream(OWED):
        if owner is None or owner[0] != row.id:
            _accuse_of_owing(owner, given, check, versions)
            owner, given = (row.id, row.program_id, row.version), {}
        if row.reward_key is not None:
            given[row.reward_key] = row.given
    _accuse_of_owing(owner, given, check, versions)


def _accuse_of_owing(
    owner: tuple[str, str, int] | None, given: dict[str, int], check: Check, versions: dict[Version, Promise]
) -> None:
    promise = versions.get(owner[1:]) if owner else None
    if owner is None or promise is None:
        return
    check.looked_at(1)
    for key, reward in promise.rewards.items():
        count = given.get(key, 0)
        if reward.moment == "converted" and (count > 1 or (count == 0 and reward.grants_each_time)):
            check.accuse(owner[0], f"It is converted and has {count} rewards {key}; its terms promise one.")
