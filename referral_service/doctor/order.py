"""I13: where a referral stands does not depend on the order in which its facts arrived.

Recounted from purchases, refunds and disputes alone, for referrals none of whose conversion rewards was ever released
(after a release nothing moves, and the order may show). Programs that ask for more than one purchase of a minimum
amount, or that let a referral qualify again, are left to I3.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Row

from referral_service.doctor.books import Books
from referral_service.doctor.facts import ACTED_ON, PURCHASE_TRUTH
from referral_service.doctor.promises import Promise, promises
from referral_service.doctor.report import Check

# "... for a purchase that happened inside the window and arrives within 7 days after the deadline."
LATE_ARRIVAL = timedelta(days=7)

STANDINGS = f"""
WITH {PURCHASE_TRUTH}, {ACTED_ON},
released AS (
    SELECT DISTINCT referral_id FROM rewards
    WHERE app_id = :app_id AND conversion_no IS NOT NULL AND released_at IS NOT NULL
)
SELECT r.id, r.program_id, r.version, r.state, r.reason, r.window_starts_at, r.deadline_at, r.recorded_at, f.fact_id,
    t.id AS purchase_id, t.order_key, t.occurred_at, t.amount_minor, t.currency, t.refunded_minor, t.disputed,
    COALESCE(e.recorded_at, t.confirmed_at) AS arrived_at, roots.root AS counted_id,
    CASE WHEN a.object_id IS NULL AND g.archived_at IS NULL AND g.ended_at IS NULL
        AND p.erased_at IS NULL AND q.erased_at IS NULL THEN 0 ELSE 1 END AS disturbed
FROM referrals r
JOIN programs g ON g.app_id = r.app_id AND g.id = r.program_id
JOIN customers p ON p.app_id = r.app_id AND p.id = r.referrer_id
JOIN customers q ON q.app_id = r.app_id AND q.id = r.referee_id
LEFT JOIN qualification_facts f ON f.app_id = r.app_id AND f.referral_id = r.id AND f.n = r.conversion_no
LEFT JOIN roots ON roots.id = f.fact_id
LEFT JOIN purchase_truth t ON t.customer_id = r.referee_id AND t.occurred_at <= r.deadline_at
LEFT JOIN events e ON e.app_id = r.app_id AND e.id = t.event_id
LEFT JOIN acted a ON a.object_id = r.id
LEFT JOIN released x ON x.referral_id = r.id
WHERE r.app_id = :app_id AND NOT r.is_refused_claim AND x.referral_id IS NULL
ORDER BY r.id
"""
TIMES = ("window_starts_at", "deadline_at", "recorded_at", "occurred_at", "arrived_at")


def check_order(books: Books, check: Check) -> None:
    """I13, as far as a state can show it."""
    versions = promises(books)
    for _, group in groupby(books.stream(STANDINGS, times=TIMES), key=attrgetter("id")):
        # Of two purchases at one instant the smaller order is the earlier: text compared by its code points.
        rows = sorted(
            group, key=lambda row: (row.occurred_at or row.recorded_at, row.order_key or "", row.purchase_id or "")
        )
        promise = versions.get((rows[0].program_id, rows[0].version))
        if promise is None or not promise.is_simple or promise.requalifies or rows[0].disturbed:
            continue
        check.looked_at(1)
        said = _wrong(rows[0], [row for row in rows if row.purchase_id is not None], promise, books)
        if said:
            check.accuse(rows[0].id, said)


def _wrong(referral: Row[Any], purchases: list[Row[Any]], promise: Promise, books: Books) -> str | None:
    """Compare where the referral stands with where its facts put it."""
    earlier = [row for row in purchases if row.occurred_at < referral.window_starts_at]
    if referral.state == "rejected":
        if referral.reason == "not_new" and not earlier:
            return "It is rejected as not new, and no purchase lies before its window."
        return None
    if promise.referee_is_new and earlier:
        return _wrong_for_an_old_customer(referral, earlier, promise)
    if referral.reason == "not_new":
        return f"It is {referral.state} as not new, and no purchase lies before its window."
    fitting = [
        row
        for row in purchases
        if row.occurred_at >= referral.window_starts_at
        and row.currency == promise.currency
        and row.amount_minor >= promise.min_amount_minor
    ]
    if not fitting:
        return _wrong_without_purchase(referral, books)
    return _wrong_with_purchase(referral, fitting, promise)


def _wrong_for_an_old_customer(referral: Row[Any], earlier: Iterable[Row[Any]], promise: Promise) -> str | None:
    # The contract leaves open whether a purchase in another currency makes a customer an old one.
    clear = [row for row in earlier if row.currency == promise.currency]
    if clear and referral.state in {"pending", "converted"}:
        return f"It is {referral.state}, though the referee bought {clear[0].purchase_id} before its window."
    return None


def _wrong_without_purchase(referral: Row[Any], books: Books) -> str | None:
    if referral.state in {"converted", "reversed"}:
        return f"It is {referral.state}, and no purchase of the referee fits its terms."
    if referral.state == "expired" and books.business_now < referral.deadline_at:
        return "It expired before its deadline."
    return None


def _wrong_with_purchase(referral: Row[Any], fitting: list[Row[Any]], promise: Promise) -> str | None:
    first = fitting[0]
    if referral.state in {"pending", "expired"}:
        # What arrives later than that may find it expired, or just not yet.
        in_time = [
            row for row in fitting if max(row.arrived_at, referral.recorded_at) <= referral.deadline_at + LATE_ARRIVAL
        ]
        return f"It is {referral.state}, though the purchase {in_time[0].purchase_id} fits." if in_time else None
    if referral.state not in {"converted", "reversed"}:
        return None
    if referral.counted_id != first.purchase_id:
        return f"It counted {referral.fact_id}; the first purchase that fits is {first.purchase_id}."
    whole = promise.reversed_whole(
        amount_minor=first.amount_minor, refunded_minor=first.refunded_minor, disputed=bool(first.disputed)
    )
    if whole is not (referral.state == "reversed"):
        return f"It is {referral.state}, with {first.refunded_minor} of {first.amount_minor} refunded."
    return None
