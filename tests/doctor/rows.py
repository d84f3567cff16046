"""The rows of one app, kept until they are inserted: people, programs, what is announced, and the books themselves."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from doctor.counted import counted
from sqlalchemy import Engine

from referral_service.all_models import metadata
from referral_service.kit.clock import format_rfc3339

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
Row = dict[str, Any]

AT_ONCE: Row = {
    "currency": "USD",
    "rewards": [
        {"key": "thanks", "side": "referrer", "on": "converted", "give": {"kind": "credit", "amount_minor": 1000}},
        {"key": "welcome", "side": "referee", "on": "converted", "give": {"kind": "points", "quantity": 500}},
    ],
    "qualification": {"steps": [{"key": "first_purchase", "event": "purchase", "min_amount_minor": 2000}]},
}
HELD: Row = {
    "currency": "USD",
    "rewards": [
        {
            "key": "share",
            "side": "referrer",
            "on": "converted",
            "hold_days": 365,
            "give": {"kind": "percent", "percent": "12.50", "max_amount_minor": 2500},
            "cap": {"count": 3, "per": "lifetime"},
        },
    ],
    "qualification": {"within_days": 90, "steps": [{"key": "first_purchase", "min_amount_minor": 2000}]},
    "budget": {"amount_minor": 100_000_000, "count": None},
}
CONTEST: Row = {
    "currency": "USD",
    "rewards": [],
    "prizes": [
        {"rank": 1, "give": {"kind": "credit", "amount_minor": 50000}},
        {"rank": 2, "give": {"kind": "credit", "amount_minor": 25000}},
        {"rank": 3, "give": {"kind": "credit", "amount_minor": 10000}},
    ],
    "qualification": {"steps": [{"key": "first_purchase", "event": "purchase"}]},
}
GIFTS: Row = {
    "currency": "USD",
    "rewards": [
        {"key": "gift", "side": "referrer", "on": "converted", "give": {"kind": "coupon", "percent_off": "15.00"}},
    ],
    "qualification": {"steps": [{"key": "first_purchase", "event": "purchase"}]},
}


class Rows:
    """The rows of the app numbered `app_id`."""

    def __init__(self, app_id: int = 1) -> None:
        self.app_id = app_id
        self.rows: dict[str, list[Row]] = defaultdict(list)
        self.accounts: dict[tuple[str, str, str], Row] = {}
        self.numbers: dict[str, int] = defaultdict(int)
        self.anchors: dict[tuple[str, str, str], Row] = {}
        self.budgets: dict[str, Row] = {}
        self.codes: dict[tuple[str, str], Row] = {}
        self.terms: dict[str, Row] = {}
        self.source = f"src_{app_id}_api"
        self.add(
            "apps", id=app_id, public_id=f"app_{app_id}", slug=f"app-{app_id}", name="Shop", mode="live",
            clock_offset_us=0, created_at=START,
        )  # fmt: skip
        self.add("sources", id=self.source, provider="api", name="api", created_at=START, deleted_at=None)
        self.at_once = self.program("atonce", AT_ONCE)
        self.held = self.program("held", HELD)

    def add(self, table: str, **row: Any) -> Row:
        if table != "apps":
            row["app_id"] = self.app_id
        self.rows[table].append(row)
        return row

    def new(self, prefix: str) -> str:
        """Ids that sort by age, as the service's do."""
        self.numbers[prefix] += 1
        return f"{prefix}_{self.app_id}_{self.numbers[prefix]:08d}"

    def program(self, name: str, terms: Row) -> str:
        program = f"prg_{self.app_id}_{name}"
        self.terms[program] = terms
        self.add(
            "programs", id=program, name=name, status="active", landing_url="https://shop.example/", allowed_hosts=[],
            code_parameter="ref", click_parameter="ref_click", signed_links_only=False, branding={}, version=1,
            created_at=START, activated_at=START, archived_at=None, ended_at=None, ends_at=None,
        )  # fmt: skip
        self.add("program_versions", id=self.new("ver"), program_id=program, version=1, terms=terms, created_at=START)
        self.budgets[program] = self.add("budgets", program_id=program, used_minor=0, used_count=0, level="ample")
        return program

    def customer(self) -> str:
        customer = self.new("cus")
        self.add(
            "customers", id=customer, external_id=customer.removeprefix("cus_"), email_index=None,
            email_canon_index=None, profile_ct=None, locale=None, leaderboard_opt_in=False, attributes={},
            invite_name_opt_in=False, share_tokens_series=0, created_at=START, updated_at=START, erased_at=None,
            tombstone=None,
        )  # fmt: skip
        return customer

    def code(self, program: str, customer: str) -> Row:
        key = (program, customer)
        if key not in self.codes:
            code = self.new("rc")
            self.codes[key] = self.add(
                "codes", id=code, program_id=program, customer_id=customer, text=code, folded=code, is_vanity=False,
                state="active", created_at=START, revoked_at=None,
            )  # fmt: skip
        return self.codes[key]

    # -- what is announced ---------------------------------------------------------------------------

    def announce(self, thing: Row, name: str, state: str, at: datetime, *, reason: str | None = None) -> None:
        before = thing["state"] if thing["sequence"] else None
        thing["sequence"] += 1
        thing["state"], thing["updated_at"] = state, at
        self._notify(name, thing["id"], thing["sequence"], before, state, at, reason)

    def _notify(
        self, name: str, object_id: str, sequence: int, before: str | None, state: str, at: datetime, reason: str | None
    ) -> None:
        self.add(
            "notifications", id=self.new("ntf"), type=name, object_id=object_id, sequence=sequence,
            previous_state=before, state=state, reason=reason, object={"id": object_id}, created_at=at,
            position=len(self.rows["notifications"]) + 1,
        )  # fmt: skip

    # -- the books -----------------------------------------------------------------------------------

    def account(self, owner: str, kind: str, unit: str) -> Row:
        key = (owner, kind, unit)
        if key not in self.accounts:
            self.accounts[key] = self.add(
                "ledger_accounts", id=f"acc_{owner}_{kind[0]}_{unit}", owner=owner, kind=kind, unit=unit,
                balance=0 if kind in {"pending", "available", "debt"} else None, sequence=0, created_at=START,
            )  # fmt: skip
        return self.accounts[key]

    def post(self, kind: str, subject: str, seq: int, unit: str, legs: list[tuple[str, str, int]], at: datetime) -> str:
        txn = self.new("txn")
        self.add("ledger_txns", id=txn, kind=kind, subject=subject, seq=seq, reason=None, recorded_at=at)
        for n, (owner, heading, amount) in enumerate(legs, start=1):
            account = self.account(owner, heading, unit)
            if account["balance"] is not None:
                account["balance"] += amount
            self.add("ledger_postings", txn_id=txn, n=n, account_id=account["id"], unit=unit, amount=amount)
        return txn

    def _balance_changed(self, customer: str, unit: str, at: datetime) -> None:
        account = self.account(customer, "available", unit)
        account["sequence"] += 1
        self._notify("balance.changed", account["id"], account["sequence"], None, "", at, None)

    # -- the rest of what an app has -----------------------------------------------------------------

    def audit(self, count: int) -> None:
        previous = bytes(32)
        for seq in range(1, count + 1):
            salt, details, entry = bytes([seq % 256]) * 16, {"seq": seq}, self.new("aud")
            digest = hashlib.sha256(salt + orjson.dumps(details)).digest()
            fields = [seq, self.app_id, entry, format_rfc3339(START), "cli", "app.created", "x", digest.hex()]
            previous = hashlib.sha256(previous + orjson.dumps(fields)).digest()
            self.add(
                "audit_log", id=entry, at=START, actor="cli", action="app.created", object_id="x", details=details,
                salt=salt, digest=digest, seq=seq, chain=previous,
            )  # fmt: skip
        self.add("audit_heads", last_seq=count, last_chain=previous)

    def endpoint(self) -> Row:
        """An endpoint whose secret is being replaced."""
        endpoint = self.add(
            "webhook_endpoints", id=self.new("whe"), url="https://shop.example/hook", events=["*"], state="enabled",
            reason=None, failing_since=None, failures=0, paused_until=None, sequence=0, created_at=START,
            deleted_at=None,
        )  # fmt: skip
        for retires_at in (NOW + DAY, None):
            self.add(
                "endpoint_secrets", id=self.new("sec"), endpoint_id=endpoint["id"], secret_ct=b"sealed",
                created_at=START, retires_at=retires_at,
            )  # fmt: skip
        return endpoint

    def switch_off(self, endpoint: Row, why: str) -> Row:
        endpoint |= {"state": "disabled", "reason": why, "sequence": 1}
        self._notify("endpoint.disabled", endpoint["id"], 1, "enabled", "disabled", NOW - DAY, why)
        return endpoint

    def delete_endpoint(self, endpoint: Row) -> None:
        self.switch_off(endpoint, "deleted")
        endpoint["deleted_at"] = NOW - DAY
        secrets = self.rows["endpoint_secrets"]
        self.rows["endpoint_secrets"] = [row for row in secrets if row["endpoint_id"] != endpoint["id"]]

    def deliver(self, state: str, *, next_attempt_at: datetime = NOW, to: Row | None = None) -> None:
        """Send the newest notification to a new endpoint, or to this one."""
        self.add(
            "deliveries", id=self.new("dlv"), notification_id=self.rows["notifications"][-1]["id"],
            endpoint_id=(to or self.endpoint())["id"], state=state, attempts=1, next_attempt_at=next_attempt_at,
            last_attempt_at=None, last_status=None, last_error=None, last_duration_ms=None, created_at=NOW,
            done_at=NOW if state == "done" else None,
        )  # fmt: skip

    def receive(self, state: str, *, reason: str | None = None, at: datetime = START) -> None:
        inbound = self.new("inb")
        self.add(
            "inbound_events", id=inbound, source_id=self.source, external_id=inbound, provider_type="checkout",
            type="purchase", state=state, reason=reason, event_id=None, customer_id=None, body_ct=None,
            received_at=at,
        )  # fmt: skip

    def _rank(self) -> None:
        """How many referrals of each referrer stand converted in each program."""
        converted = [row for row in self.rows["referrals"] if row["state"] == "converted"]
        for (program, referrer), count in Counter((row["program_id"], row["referrer_id"]) for row in converted).items():
            self.add("ranks", program_id=program, customer_id=referrer, conversions=count)

    def write(self, engine: Engine) -> int:
        """Insert everything and return the number of rows."""
        self._rank()
        if self.rows["notifications"]:
            self.add("notification_heads", last_position=len(self.rows["notifications"]))
            for name, rows_of_it in counted(self.rows).items():
                for row in rows_of_it:
                    self.add(name, **row)
        with engine.begin() as connection:
            for table in metadata.sorted_tables:
                rows = self.rows.get(table.name)
                if rows:
                    connection.execute(table.insert(), rows)
        return sum(map(len, self.rows.values()))
