"""Announce state changes: rows written in the transaction that makes the changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table
from sqlalchemy.orm import Session

from referral_service.kit.db.write_rows import insert_rows
from referral_service.kit.ids import new_id
from referral_service.notifications.models import Notification

_NOTIFICATIONS = cast(Table, Notification.__table__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of one object.

    `sequence` counts the object's changes from 1 without a gap, under the lock of the object's own row. `object` is
    the object as its GET shows it, JSON values only, with inside `cus_…` ids in place of the app's own.
    """

    type: str
    object_id: str
    sequence: int
    previous_state: str | None
    state: str
    reason: str | None
    object: dict[str, Any]


def announce(session: Session, *, app_id: int, changes: Sequence[Change], now: datetime) -> list[str]:
    """Write one notification for each change, in their order, and return their ids; `now` is business time.

    The same object and sequence twice is an IntegrityError: a change cannot be announced two times.
    """
    if not changes:
        return []
    ids = [new_id("ntf") for _ in changes]
    insert_rows(
        session,
        _NOTIFICATIONS,
        [
            {
                "app_id": app_id,
                "id": notification_id,
                "type": change.type,
                "object_id": change.object_id,
                "sequence": change.sequence,
                "previous_state": change.previous_state,
                "state": change.state,
                "reason": change.reason,
                "object": change.object,
                "created_at": now,
                "position": None,
            }
            for notification_id, change in zip(ids, changes, strict=True)
        ],
    )
    return ids
