"""Write down who did what, in the transaction that does it."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.orm import Session

from referral_service.audit.models import AuditEntry
from referral_service.kit.ids import new_id


def record(
    session: Session,
    *,
    app_id: int,
    actor: str,
    action: str,
    object_id: str,
    details: dict[str, Any],
    now: datetime,
) -> AuditEntry:
    """Add an entry. `actor` is a `key_…`, or a word such as `cli` or `worker`; `app_id` is 0 for the operator's acts.

    `details` are JSON. They may name a person by `cus_…` only; erasure can delete them all the same.
    """
    salt = secrets.token_bytes(16)
    entry = AuditEntry(
        app_id=app_id,
        id=new_id("aud"),
        at=now,
        actor=actor,
        action=action,
        object_id=object_id,
        details=details,
        salt=salt,
        digest=digest_of(details, salt),
        seq=None,
        chain=None,
    )
    session.add(entry)
    return entry


def digest_of(details: dict[str, Any], salt: bytes) -> bytes:
    """Return the salted hash that stands for the details in the chain, also after they are erased."""
    return hashlib.sha256(salt + orjson.dumps(details, option=orjson.OPT_SORT_KEYS)).digest()
