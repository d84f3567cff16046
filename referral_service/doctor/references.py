"""I7: every reference leads to a row of the same app, whether or not a foreign key guards it."""

from __future__ import annotations

from dataclasses import dataclass

from referral_service.doctor.books import Books
from referral_service.doctor.report import Check


@dataclass(frozen=True, slots=True)
class Reference:
    """`columns` of `table` name a row of one of `targets` by `to`; empty ones name nothing. `where` narrows it."""

    table: str
    columns: tuple[str, ...]
    targets: tuple[str, ...]
    to: tuple[str, ...] = ("id",)
    named: str = "id"
    where: str = ""


def _one(table: str, column: str, *targets: str, named: str = "id", where: str = "") -> Reference:
    return Reference(table, (column,), targets, named=named, where=where)


VERSION = ("program_id", "version")

REFERENCES = (
    _one("codes", "program_id", "programs"),
    _one("codes", "customer_id", "customers"),
    _one("clicks", "program_id", "programs"),
    _one("clicks", "code_id", "codes"),
    _one("program_versions", "program_id", "programs"),
    Reference("programs", ("id", "version"), ("program_versions",), VERSION),
    _one("events", "source_id", "sources"),
    _one("events", "customer_id", "customers"),
    _one("events", "purchase_id", "purchases"),
    _one("events", "duplicate_of", "events"),
    _one("event_results", "event_id", "events", named="event_id"),
    _one("event_results", "program_id", "programs", named="event_id"),
    _one("event_results", "referral_id", "referrals", named="event_id"),
    _one("purchases", "source_id", "sources"),
    _one("purchases", "customer_id", "customers"),
    _one("purchases", "event_id", "events"),
    _one("purchases", "merged_into", "purchases"),
    _one("purchase_aliases", "source_id", "sources", named="purchase_id"),
    _one("purchase_aliases", "purchase_id", "purchases", named="purchase_id"),
    _one("refunds", "purchase_id", "purchases", named="purchase_id"),
    _one("refunds", "event_id", "events", named="purchase_id"),
    _one("disputes", "purchase_id", "purchases", named="purchase_id"),
    _one("disputes", "event_id", "events", named="purchase_id"),
    Reference("referrals", VERSION, ("program_versions",), VERSION),
    _one("referrals", "referrer_id", "customers"),
    _one("referrals", "referee_id", "customers"),
    _one("referrals", "code_id", "codes"),
    _one("touches", "referral_id", "referrals", named="referral_id"),
    _one("touches", "code_id", "codes", named="referral_id"),
    _one("conversions", "referral_id", "referrals", named="referral_id"),
    Reference("qualification_facts", ("referral_id", "n"), ("conversions",), ("referral_id", "n"), named="referral_id"),
    _one("qualification_facts", "fact_id", "purchases", "events", named="referral_id"),
    _one("referee_anchors", "referee_id", "customers", named="referee_id"),
    _one("referee_anchors", "referral_id", "referrals", named="referral_id"),
    _one("budgets", "program_id", "programs", named="program_id"),
    _one("budget_reservations", "referral_id", "referrals", named="referral_id"),
    _one("budget_reservations", "program_id", "programs", named="referral_id"),
    Reference("rewards", VERSION, ("program_versions",), VERSION),
    _one("rewards", "referral_id", "referrals"),
    Reference(
        "rewards",
        ("referral_id", "conversion_no"),
        ("conversions",),
        ("referral_id", "n"),
        # A step's reward may lead to a conversion that is still to come.
        where="referral_id NOT IN (SELECT id FROM referrals WHERE app_id = :app_id AND conversion_no = 0)",
    ),
    _one("rewards", "recipient_id", "customers"),
    _one("reward_anchors", "program_id", "programs", named="recipient_id"),
    _one("reward_anchors", "recipient_id", "customers", named="recipient_id"),
    _one("coupons", "reward_id", "rewards"),
    # What is given by hand belongs to the app itself.
    _one("ledger_accounts", "owner", "customers", "programs", where="kind <> 'adjustment'"),
    _one("ledger_postings", "txn_id", "ledger_txns", named="txn_id"),
    _one("ledger_postings", "account_id", "ledger_accounts", named="txn_id"),
    _one("lots", "account_id", "ledger_accounts"),
    _one("lots", "origin", "rewards", where="origin LIKE 'rwd!_%' ESCAPE '!'"),
    _one("lots", "payer", "programs", where="payer <> 'app'"),
    _one("lot_movements", "txn_id", "ledger_txns", named="txn_id"),
    _one("lot_movements", "lot_id", "lots", named="txn_id"),
    _one("redemptions", "account_id", "ledger_accounts"),
    _one("redemptions", "customer_id", "customers"),
    _one("redemptions", "txn_id", "ledger_txns"),
    _one("notifications", "object_id", "referrals", where="type LIKE 'referral.%'"),
    _one("notifications", "object_id", "rewards", where="type LIKE 'reward.%'"),
    _one("notifications", "object_id", "ledger_accounts", where="type LIKE 'balance.%'"),
    _one("notifications", "object_id", "programs", where="type LIKE 'program.%'"),
    _one("notifications", "object_id", "webhook_endpoints", where="type LIKE 'endpoint.%'"),
    _one("deliveries", "notification_id", "notifications"),
    _one("deliveries", "endpoint_id", "webhook_endpoints"),
    _one("endpoint_secrets", "endpoint_id", "webhook_endpoints"),
    _one("source_secrets", "source_id", "sources"),
    _one("inbound_events", "source_id", "sources"),
    _one("inbound_events", "event_id", "events"),
    _one("inbound_events", "customer_id", "customers"),
    _one("counters", "program_id", "programs", named="program_id"),
    _one("rank_counts", "program_id", "programs", named="program_id"),
    _one("ranks", "customer_id", "customers", named="customer_id"),
    _one("ranks", "program_id", "programs", named="customer_id"),
)

MERGED_INTO_ITSELF = "SELECT id AS object_id FROM purchases WHERE app_id = :app_id AND merged_into = id"

APPS = ("customers", "programs", "sources", "rewards", "referrals", "ledger_accounts", "ledger_txns", "events")


def check_references(books: Books, check: Check) -> None:
    """I7 for one app."""
    for reference in REFERENCES:
        check.looked_at(books.number(f"SELECT count(*) FROM {reference.table} WHERE app_id = :app_id"))
        for row in books.rows(_finds(reference)):
            columns, targets = ", ".join(reference.columns), " or ".join(reference.targets)
            check.accuse(
                row.object_id, f"{reference.table}.{columns} = {row.value}: no such row of {targets} in its app."
            )
    for row in books.rows(MERGED_INTO_ITSELF):
        check.accuse(row.object_id, "The purchase is merged into itself.")
    reward_ids = _REWARD_IDS[books.connection.dialect.name]
    for row in books.rows(reward_ids):
        check.accuse(row.object_id, f"The event's result names the reward {row.value}, which is not in its app.")


def check_every_row_has_an_app(books: Books, check: Check) -> None:
    """I7 once for all: rows of an app that does not exist would be seen by no other check."""
    for table in APPS:
        orphans = (
            f"SELECT DISTINCT t.app_id AS object_id FROM {table} t "
            "WHERE NOT EXISTS (SELECT 1 FROM apps a WHERE a.id = t.app_id)"
        )
        for row in books.rows(orphans):
            check.accuse(row.object_id, f"Rows of {table} belong to an app that does not exist.")


def _finds(reference: Reference) -> str:
    shown = " || ' ' || ".join(f"CAST(t.{column} AS VARCHAR(255))" for column in reference.columns)
    wanted = [f"t.{column} IS NOT NULL" for column in reference.columns]
    if reference.where:
        wanted.append(f"t.{reference.where}")
    for target in reference.targets:
        keys = " AND ".join(
            f"x.{theirs} = t.{ours}" for ours, theirs in zip(reference.columns, reference.to, strict=True)
        )
        wanted.append(f"NOT EXISTS (SELECT 1 FROM {target} x WHERE x.app_id = t.app_id AND {keys})")
    return (
        f"SELECT t.{reference.named} AS object_id, {shown} AS value FROM {reference.table} t "
        f"WHERE t.app_id = :app_id AND {' AND '.join(wanted)}"
    )


_REWARD_IDS = {
    "sqlite": "SELECT e.event_id AS object_id, j.value AS value FROM event_results e, json_each(e.reward_ids) j "
    "WHERE e.app_id = :app_id "
    "AND NOT EXISTS (SELECT 1 FROM rewards r WHERE r.app_id = e.app_id AND r.id = j.value)",
    "postgresql": "SELECT e.event_id AS object_id, j.value AS value "
    "FROM event_results e, jsonb_array_elements_text(e.reward_ids) AS j(value) WHERE e.app_id = :app_id "
    "AND NOT EXISTS (SELECT 1 FROM rewards r WHERE r.app_id = e.app_id AND r.id = j.value)",
}
