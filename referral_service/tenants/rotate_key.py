"""Replace an API key by a new one, with time to put the new one in place."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.tenants.create_key import NewKey, create_key
from referral_service.tenants.errors import KeyInactive
from referral_service.tenants.revoke_key import lock_key
from referral_service.tenants.scopes import Scope
from referral_service.tenants.tenant import Tenant

GRACE_SECONDS_MAX = 7 * 24 * 3600


def rotate_key(session: Session, *, tenant: Tenant, key_id: str, grace: timedelta, actor: str, now: datetime) -> NewKey:
    """Make a key with the old one's name and scopes; the old one works until `grace` is over. `now` is real time.

    Raises NotFound, KeyInactive.
    """
    old = lock_key(session, app_id=tenant.app_id, key_id=key_id)
    if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
        raise KeyInactive
    made = create_key(
        session, tenant=tenant, name=old.name, scopes=[Scope(it) for it in old.scopes], actor=actor, now=now
    )
    if grace:
        ends = now + grace
        old.expires_at = ends if old.expires_at is None else min(old.expires_at, ends)
    else:
        old.revoked_at = now
    record(
        session,
        app_id=tenant.app_id,
        actor=actor,
        action="key.rotated",
        object_id=old.id,
        details={"replaced_by": made.row.id, "grace_seconds": int(grace.total_seconds())},
        now=now,
    )
    return made
