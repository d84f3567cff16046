"""Seal the audit log: each entry gets a number and a hash that covers it and everything before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import orjson
from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from referral_service.audit.models import AuditEntry, AuditHead
from referral_service.audit.record import digest_of
from referral_service.kit.clock import format_rfc3339
from referral_service.kit.db.upsert import insert_unless_there

START = bytes(32)
BATCH_MAX = 1000

_HEADS = cast(Table, AuditHead.__table__)


def apps_to_seal(session: Session, *, limit: int = 100) -> list[int]:
    """Return the apps that have entries which are not sealed yet."""
    query = (
        select(AuditEntry.app_id).where(AuditEntry.seq.is_(None)).distinct().order_by(AuditEntry.app_id).limit(limit)
    )
    return list(session.scalars(query))


def seal(session: Session, *, app_id: int, limit: int = BATCH_MAX) -> int:
    """Seal the app's next entries, oldest first, and return how many. Any number of workers may try at once.

    An entry whose transaction commits late is sealed after younger ones: the chain tells the order in which entries
    became visible, and has no gaps.
    """
    head = _locked_head(session, app_id)
    query = select(AuditEntry).where(AuditEntry.app_id == app_id, AuditEntry.seq.is_(None))
    entries = session.scalars(query.order_by(AuditEntry.id).limit(limit)).all()
    for entry in entries:
        head.last_seq += 1
        entry.seq = head.last_seq
        entry.chain = head.last_chain = link(
            head.last_chain,
            seq=entry.seq,
            app_id=entry.app_id,
            entry_id=entry.id,
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            object_id=entry.object_id,
            digest=entry.digest,
        )
    session.flush()
    return len(entries)


def link(
    previous: bytes,
    *,
    seq: int,
    app_id: int,
    entry_id: str,
    at: datetime,
    actor: str,
    action: str,
    object_id: str,
    digest: bytes,
) -> bytes:
    """Return SHA-256 over the link before and this entry, written as a JSON array so that no two entries read alike."""
    fields = [seq, app_id, entry_id, format_rfc3339(at), actor, action, object_id, digest.hex()]
    return hashlib.sha256(previous + orjson.dumps(fields)).digest()


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What `verify_chain` saw: how many sealed entries, and a sentence for each that is not as it was sealed."""

    checked: int
    broken: list[str]


def verify_chain(session: Session, *, app_id: int) -> ChainReport:
    """Compute the app's chain anew. An entry whose details were erased is covered by its digest."""
    checked, broken, previous = 0, [], START
    for entry in _sealed(session, app_id):
        checked += 1
        if entry.seq != checked:
            broken.append(f"Entry {entry.id} has number {entry.seq} where {checked} was due.")
            checked = entry.seq or checked
        if entry.details is not None and entry.digest != digest_of(entry.details, entry.salt or b""):
            broken.append(f"The details of entry {entry.id} are not those that were recorded.")
        expected = link(
            previous,
            seq=entry.seq or 0,
            app_id=entry.app_id,
            entry_id=entry.id,
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            object_id=entry.object_id,
            digest=entry.digest,
        )
        if entry.chain != expected:
            broken.append(f"Entry {entry.id} or one before it was changed after it was sealed.")
        previous = entry.chain or expected
    head = session.get(AuditHead, app_id, populate_existing=True)
    last = (0, START) if head is None else (head.last_seq, head.last_chain)
    if last != (checked, previous):
        broken.append(f"The chain ends at entry {checked}, but was sealed up to entry {last[0]}.")
    return ChainReport(checked, broken)


def _sealed(session: Session, app_id: int) -> Iterator[AuditEntry]:
    query = select(AuditEntry).where(AuditEntry.app_id == app_id, AuditEntry.seq.is_not(None)).order_by(AuditEntry.seq)
    yield from session.scalars(query.execution_options(yield_per=500))


def _locked_head(session: Session, app_id: int) -> AuditHead:
    session.execute(insert_unless_there(session, _HEADS), {"app_id": app_id, "last_seq": 0, "last_chain": START})
    return session.scalars(select(AuditHead).where(AuditHead.app_id == app_id).with_for_update()).one()
