"""Write entries into the books, set-wise: a handful of statements however many entries there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table
from sqlalchemy.orm import Session

from referral_service.kit.db.write_rows import insert_rows, update_rows
from referral_service.ledger.accounts import (
    ACCOUNTS,
    AVAILABLE,
    DEBT,
    WALLET_KINDS,
    AccountKey,
    Wallet,
    WalletKey,
    Wallets,
    lock_wallets,
    open_accounts,
)
from referral_service.ledger.entries import Entry, check_balanced
from referral_service.ledger.models import LedgerPosting, LedgerTxn, Lot, LotMovement
from referral_service.notifications.announce import Change, announce

_LOTS = cast(Table, Lot.__table__)
_TXNS = cast(Table, LedgerTxn.__table__)
_POSTINGS = cast(Table, LedgerPosting.__table__)
_MOVEMENTS = cast(Table, LotMovement.__table__)


@dataclass(frozen=True, slots=True)
class Held:
    """Wallets that this transaction has locked, with their balances, and other accounts it knows to exist."""

    wallets: Wallets
    accounts: frozenset[AccountKey] = frozenset()


def post(session: Session, *, app_id: int, entries: Sequence[Entry], now: datetime, held: Held | None = None) -> None:
    """Write `entries` in their order and announce the balances they change; `now` is business time.

    `held` is what the caller has opened and locked already (`open_wallets`), with the balances before the entries.
    Raises UnbalancedEntry before anything is written. The database refuses, by IntegrityError, an entry
    whose (kind, subject, seq) is already there, an account or a lot that would be overdrawn, and a second lot for
    one origin.
    """
    if not entries:
        return
    for entry in entries:
        check_balanced(entry)
    legs = [leg for entry in entries for leg in entry.legs]
    others = {leg.account for leg in legs if leg.wallet is None}
    if held is None:
        wallets = {leg.wallet for leg in legs if leg.wallet}
        held = open_wallets(session, app_id=app_id, keys=wallets, others=others, now=now)
    open_accounts(session, app_id=app_id, keys=others - held.accounts, now=now)
    _write_entries(session, app_id, entries, now)
    _write_lots(session, app_id, entries, now)
    _change_balances(session, app_id, entries, held.wallets, now)


def open_wallets(
    session: Session, *, app_id: int, keys: Iterable[WalletKey], now: datetime, others: Iterable[AccountKey] = ()
) -> Held:
    """Open and lock these wallets, and open the `others` with them, which are not locked."""
    wanted = set(keys)
    accounts = {key.account(kind) for key in wanted for kind in WALLET_KINDS}
    # In a statement of its own before the lock: on PostgreSQL, the statement that waits for a lock does not see rows
    # that the one it waits for has added.
    known = frozenset(others)
    open_accounts(session, app_id=app_id, keys=accounts | known, now=now)
    return Held(lock_wallets(session, app_id=app_id, keys=wanted), known)


def _write_entries(session: Session, app_id: int, entries: Sequence[Entry], now: datetime) -> None:
    insert_rows(
        session,
        _TXNS,
        [
            {
                "app_id": app_id,
                "id": entry.id,
                "kind": entry.kind,
                "subject": entry.subject,
                "seq": entry.seq,
                "reason": entry.reason,
                "recorded_at": now,
            }
            for entry in entries
        ],
    )
    insert_rows(
        session,
        _POSTINGS,
        [
            {
                "app_id": app_id,
                "txn_id": entry.id,
                "n": n,
                "account_id": leg.account.id,
                "unit": leg.unit,
                "amount": leg.amount,
            }
            for entry in entries
            for n, leg in enumerate(entry.legs, start=1)
        ],
    )


def _write_lots(session: Session, app_id: int, entries: Sequence[Entry], now: datetime) -> None:
    changed: dict[str, int] = defaultdict(int)
    movements = []
    for entry in entries:
        for change in entry.changes:
            changed[change.lot_id] += change.amount
            movements.append({"app_id": app_id, "txn_id": entry.id, "lot_id": change.lot_id, "amount": change.amount})
    opened = [
        {
            "app_id": app_id,
            "id": lot.id,
            "account_id": AccountKey(lot.customer_id, AVAILABLE, lot.unit).id,
            "origin": lot.origin,
            "payer": lot.payer,
            "unit": lot.unit,
            "granted": lot.granted,
            # What the same call takes out of a new lot again is part of its first value.
            "rest": lot.granted + changed.pop(lot.id, 0),
            "opened_at": now,
            "expires_at": lot.expires_at,
        }
        for entry in entries
        if (lot := entry.opens)
    ]
    insert_rows(session, _LOTS, opened)
    insert_rows(session, _MOVEMENTS, movements)
    changes = [{"app_id": app_id, "id": lot_id, "rest": delta} for lot_id, delta in sorted(changed.items()) if delta]
    update_rows(session, _LOTS, changes, add=True)


def _change_balances(session: Session, app_id: int, entries: Sequence[Entry], wallets: Wallets, now: datetime) -> None:
    deltas: dict[WalletKey, dict[str, int]] = {}
    reasons: dict[WalletKey, str | None] = {}
    for entry in entries:
        for leg in entry.legs:
            if leg.wallet:
                of_wallet = deltas.setdefault(leg.wallet, dict.fromkeys(WALLET_KINDS, 0))
                of_wallet[leg.kind] += leg.amount
                reasons[leg.wallet] = entry.reason
    updates: list[dict[str, Any]] = []
    changes: list[Change] = []
    for key, delta in deltas.items():
        told = bool(delta[AVAILABLE] or delta[DEBT])
        for kind in WALLET_KINDS:
            announced = int(told and kind == AVAILABLE)
            if delta[kind] or announced:
                account = key.account(kind).id
                updates.append({"app_id": app_id, "id": account, "balance": delta[kind], "sequence": announced})
        if told:
            changes.append(_balance_changed(key, wallets[key], delta, reasons[key]))
    update_rows(session, ACCOUNTS, sorted(updates, key=lambda row: row["id"]), add=True)
    announce(session, app_id=app_id, changes=changes, now=now)


def _balance_changed(key: WalletKey, before: Wallet, delta: dict[str, int], reason: str | None) -> Change:
    return Change(
        type="balance.changed",
        object_id=key.account(AVAILABLE).id,
        sequence=before.sequence + 1,
        previous_state=None,
        # A balance has no states; the field is there because every notification has it.
        state="changed",
        reason=reason,
        object={
            "customer_id": key.customer_id,
            "unit": key.unit,
            "available": before.available + before.debt + delta[AVAILABLE] + delta[DEBT],
            "pending": before.pending + delta["pending"],
        },
    )
