"""Purchases with what refunds and disputes truly say of them, summed from their own rows."""

from __future__ import annotations

# A purchase that grew into another counts as that other one; so do its refunds and disputes. `purchase_truth` has a
# row for each confirmed purchase: `refunded_minor` is min(amount, max(largest cumulative, sum of singles)) of the
# refunds in its own currency, and `disputed` says that a dispute is open or lost.
PURCHASE_TRUTH = """
roots AS (
    SELECT p.id, COALESCE(p.merged_into, p.id) AS root FROM purchases p WHERE p.app_id = :app_id
), refund_sums AS (
    SELECT roots.root, r.currency,
        MAX(CASE WHEN r.mode = 'cumulative' THEN r.amount_minor ELSE 0 END) AS largest,
        SUM(CASE WHEN r.mode = 'single' THEN r.amount_minor ELSE 0 END) AS singles
    FROM refunds r JOIN roots ON roots.id = r.purchase_id WHERE r.app_id = :app_id GROUP BY roots.root, r.currency
), refund_totals AS (
    SELECT root, currency, CASE WHEN largest > singles THEN largest ELSE singles END AS total FROM refund_sums
), dispute_sums AS (
    SELECT roots.root, MAX(CASE WHEN d.state IN ('opened', 'lost') THEN 1 ELSE 0 END) AS disputed
    FROM disputes d JOIN roots ON roots.id = d.purchase_id WHERE d.app_id = :app_id GROUP BY roots.root
), purchase_truth AS (
    SELECT p.id, p.order_key, p.customer_id, p.amount_minor, p.currency, p.occurred_at, p.confirmed_at, p.event_id,
        p.refunded_minor AS said_refunded, p.dispute_state AS said_dispute, COALESCE(d.disputed, 0) AS disputed,
        CASE WHEN COALESCE(r.total, 0) > p.amount_minor THEN p.amount_minor ELSE COALESCE(r.total, 0) END
            AS refunded_minor
    FROM purchases p
    LEFT JOIN refund_totals r ON r.root = p.id AND r.currency = p.currency
    LEFT JOIN dispute_sums d ON d.root = p.id
    WHERE p.app_id = :app_id AND p.merged_into IS NULL AND p.confirmed_at IS NOT NULL
)
"""

# Every conversion with the sum of the facts it counted, each taken as the purchase it truly is. `disputed` says that
# all of them are, `partly_disputed` that one is; `gone_minor` counts what is disputed as gone.
COUNTED = """
counted AS (
    SELECT f.referral_id, f.n, count(*) AS facts, SUM(f.amount_minor) AS amount_minor,
        SUM(COALESCE(t.refunded_minor, 0)) AS refunded_minor, MIN(COALESCE(t.disputed, 0)) AS disputed,
        MAX(COALESCE(t.disputed, 0)) AS partly_disputed, SUM(CASE WHEN t.disputed = 1 THEN f.amount_minor
            WHEN t.refunded_minor > f.amount_minor THEN f.amount_minor ELSE COALESCE(t.refunded_minor, 0) END)
            AS gone_minor, MAX(f.occurred_at) AS occurred_at
    FROM qualification_facts f LEFT JOIN roots ON roots.id = f.fact_id LEFT JOIN purchase_truth t ON t.id = roots.root
    WHERE f.app_id = :app_id GROUP BY f.referral_id, f.n
)
"""

# The same by step: a step's reward follows what that step counted.
COUNTED_BY_STEP = """
stepped AS (
    SELECT f.referral_id, f.n, f.step_key, SUM(f.amount_minor) AS amount_minor,
        SUM(COALESCE(t.refunded_minor, 0)) AS refunded_minor, MIN(COALESCE(t.disputed, 0)) AS disputed,
        MAX(COALESCE(t.disputed, 0)) AS partly_disputed, SUM(CASE WHEN t.disputed = 1 THEN f.amount_minor
            WHEN t.refunded_minor > f.amount_minor THEN f.amount_minor ELSE COALESCE(t.refunded_minor, 0) END)
            AS gone_minor
    FROM qualification_facts f LEFT JOIN roots ON roots.id = f.fact_id LEFT JOIN purchase_truth t ON t.id = roots.root
    WHERE f.app_id = :app_id GROUP BY f.referral_id, f.n, f.step_key
)
"""

# Objects that a person voided or rejected: there facts alone do not say where they stand.
ACTED_ON = """
acted AS (
    SELECT DISTINCT object_id FROM audit_log
    WHERE app_id = :app_id AND (action LIKE '%void%' OR action LIKE '%reject%' OR action LIKE '%migrat%')
)
"""
