"""I5: ordinals have no gaps; caps and budgets are kept, recounted from the grants; ranks and counters are what a
recount says.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from referral_service.doctor.books import Books, Question, put
from referral_service.doctor.contests import RANKS
from referral_service.doctor.counters import COUNTERS
from referral_service.doctor.promises import Promise, RewardPromise, promises
from referral_service.doctor.report import Check

# A slot comes back when a reward is reversed whole; while anything of it is left, the slot is taken for certain.
TAKES_A_SLOT = "state NOT IN ('capped', 'voided', 'clawed_back') AND granted > reversed"
SAME_RECIPIENT = (
    "{0}.program_id = {1}.program_id AND {0}.reward_key = {1}.reward_key AND {0}.recipient_id = {1}.recipient_id"
)

QUESTIONS = (
    Question(
        "reward_anchors",
        "SELECT a.recipient_id AS object_id, a.reward_key, a.last_ordinal, count(o.n) AS counted, "
        "COALESCE(MAX(o.n), 0) AS highest FROM reward_anchors a LEFT JOIN reward_ordinals o ON o.app_id = a.app_id "
        f"AND {SAME_RECIPIENT.format('o', 'a')} WHERE a.app_id = :app_id "
        "GROUP BY a.program_id, a.recipient_id, a.reward_key, a.last_ordinal "
        "HAVING count(o.n) <> a.last_ordinal OR COALESCE(MAX(o.n), 0) <> a.last_ordinal",
        "{reward_key} stands at number {last_ordinal}; {counted} are counted, up to {highest}.",
    ),
    Question(
        "reward_ordinals",
        "SELECT DISTINCT o.recipient_id AS object_id, o.reward_key FROM reward_ordinals o WHERE o.app_id = :app_id "
        "AND NOT EXISTS (SELECT 1 FROM reward_anchors a WHERE a.app_id = o.app_id "
        f"AND {SAME_RECIPIENT.format('a', 'o')})",
        "{reward_key} is counted without its anchor.",
    ),
    Question(
        "rewards",
        "SELECT w.id AS object_id, w.reward_key, w.ordinal FROM rewards w LEFT JOIN reward_ordinals o "
        f"ON o.app_id = w.app_id AND {SAME_RECIPIENT.format('o', 'w')} AND o.subject = w.subject "
        "WHERE w.app_id = :app_id AND COALESCE(o.n, 0) <> w.ordinal",
        "It is number {ordinal} of {reward_key}, which its ordinal does not say.",
    ),
    Question(
        "budgets",
        "SELECT program_id AS object_id, used_minor, used_count FROM budgets "
        "WHERE app_id = :app_id AND (used_minor < 0 OR used_count < 0)",
        "{used_minor} and {used_count} are said to be used.",
    ),
)

ANCHORS = "SELECT program_id, reward_key, recipient_id, used_count FROM reward_anchors WHERE app_id = :app_id"
GRANTS = (
    "SELECT program_id, version, reward_key, recipient_id, granted, reversed, created_at FROM rewards "
    f"WHERE app_id = :app_id AND {TAKES_A_SLOT}"
)
NEWEST = "SELECT id, version FROM programs WHERE app_id = :app_id"
BUDGETS = (
    "SELECT b.program_id, b.used_minor, b.used_count, b.level, g.version, COALESCE(w.taken, 0) AS taken, "
    "COALESCE(w.money, 0) AS money FROM budgets b "
    "JOIN programs g ON g.app_id = b.app_id AND g.id = b.program_id LEFT JOIN (SELECT program_id, count(*) AS taken, "
    "SUM(CASE WHEN kind IN ('credit', 'percent') THEN granted - reversed ELSE 0 END) AS money FROM rewards "
    f"WHERE app_id = :app_id AND {TAKES_A_SLOT} GROUP BY program_id) w ON w.program_id = b.program_id "
    "WHERE b.app_id = :app_id"
)


def check_limits(books: Books, check: Check) -> None:
    """I5."""
    put(QUESTIONS + RANKS + COUNTERS, books, check)
    versions = promises(books)
    newest = {row.id: versions.get((row.id, row.version)) for row in books.stream(NEWEST)}
    capped = {version for version, promise in versions.items() if any(map(_is_capped, promise.rewards.values()))}
    if capped:
        _check_caps(books, check, versions)
    for row in books.rows(BUDGETS):
        promise = newest.get(row.program_id)
        if promise and row.level != "uncounted":
            most = [each for (program_id, _), each in versions.items() if program_id == row.program_id]
            _check_budget(row, promise, most, check)


def _is_capped(reward: RewardPromise) -> bool:
    return reward.cap_count is not None or reward.cap_amount is not None


def _check_caps(books: Books, check: Check, versions: dict[tuple[str, int], Promise]) -> None:
    """No period of any cap holds more grants than it allows. Versions may differ: the most generous one is asked."""
    used: dict[tuple[str, str, str], list[tuple[datetime, int]]] = defaultdict(list)
    for row in books.stream(GRANTS, times=("created_at",)):
        used[row.program_id, row.reward_key, row.recipient_id].append((row.created_at, row.granted - row.reversed))
    rewards: dict[tuple[str, str], list[RewardPromise]] = defaultdict(list)
    for (program_id, _), promise in versions.items():
        for key, reward in promise.rewards.items():
            rewards[program_id, key].append(reward)
    for (program_id, key, recipient_id), grants in used.items():
        known = rewards[program_id, key]
        check.looked_at(len(grants))
        if known and all(_is_over(reward, grants) for reward in known):
            check.accuse(recipient_id, f"{len(grants)} grants of {key} in {program_id} are more than its cap allows.")
    for row in books.stream(ANCHORS):
        known = [each for each in rewards[row.program_id, row.reward_key] if each.cap_period == "lifetime"]
        most = max((each.cap_count for each in known if each.cap_count is not None), default=None)
        if known and most is not None and all(_is_capped(each) for each in known) and row.used_count > most:
            check.accuse(row.recipient_id, f"{row.used_count} of {most} slots of {row.reward_key} are used.")


def _is_over(reward: RewardPromise, grants: list[tuple[datetime, int]]) -> bool:
    if reward.cap_period == "rolling_30_days":
        return any(_exceeds(reward, _month_before(at, grants)) for at, _ in grants)
    periods: dict[Any, list[int]] = defaultdict(list)
    for at, amount in grants:
        periods[_period(reward.cap_period, at)].append(amount)
    return any(_exceeds(reward, amounts) for amounts in periods.values())


def _exceeds(reward: RewardPromise, amounts: list[int]) -> bool:
    over_count = reward.cap_count is not None and len(amounts) > reward.cap_count
    return over_count or (reward.cap_amount is not None and sum(amounts) > reward.cap_amount)


def _month_before(end: datetime, grants: list[tuple[datetime, int]]) -> list[int]:
    return [amount for at, amount in grants if end - timedelta(days=30) < at <= end]


def _period(name: str, at: datetime) -> object:
    day = at.astimezone(UTC)
    return {"calendar_year": day.year, "calendar_month": (day.year, day.month)}.get(name)


def _check_budget(row: Any, promise: Promise, ever: list[Promise], check: Check) -> None:
    """A budget may have been lowered below what was granted under a larger one, or under none."""
    check.looked_at(1)
    limits = (
        ("money", promise.budget_minor, [each.budget_minor for each in ever], row.used_minor, row.money),
        ("rewards", promise.budget_count, [each.budget_count for each in ever], row.used_count, row.taken),
    )
    for name, now, at_times, said, recounted in limits:
        if now is None:
            continue
        most = None if None in at_times else max(limit for limit in at_times if limit is not None)
        if most is not None and max(said, recounted) > most:
            check.accuse(
                row.program_id, f"The budget of {most} ({name}) is overspent: {said} said, {recounted} granted."
            )
        elif recounted > said:
            check.accuse(row.program_id, f"{said} of the budget ({name}) are said to be used; grants hold {recounted}.")
