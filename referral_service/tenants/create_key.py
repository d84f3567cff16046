"""Make an API key. It is shown once; what is kept is its SHA-256."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.kit.ids import new_id
from referral_service.tenants.models import ApiKey
from referral_service.tenants.scopes import Scope
from referral_service.tenants.secrets import digest_of, new_secret, prefix_of
from referral_service.tenants.tenant import Tenant

OPERATOR_APP_ID = 0


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made; `secret` is never seen again."""

    row: ApiKey
    secret: str


def create_key(
    session: Session,
    *,
    tenant: Tenant,
    name: str,
    scopes: Sequence[Scope],
    actor: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> NewKey:
    """Make a key of this tenant. `now` is real time, in which keys live."""
    if Scope.OPERATOR in scopes or not scopes:
        raise ValueError("A tenant's key holds read, write or admin.")
    kept = sorted(set(scopes), key=list(Scope).index)
    return _insert(session, tenant.app_id, tenant.mode, name, kept, actor, now, expires_at)


def create_operator_key(session: Session, *, name: str, actor: str, now: datetime) -> NewKey:
    """Make a key that may open apps, and nothing else."""
    return _insert(session, None, "operator", name, [Scope.OPERATOR], actor, now, None)


def _insert(
    session: Session,
    app_id: int | None,
    kind: str,
    name: str,
    scopes: Sequence[Scope],
    actor: str,
    now: datetime,
    expires_at: datetime | None,
) -> NewKey:
    secret = new_secret(kind)
    row = ApiKey(
        id=new_id("key"),
        app_id=app_id,
        sha256=digest_of(secret),
        prefix=prefix_of(secret),
        name=name,
        scopes=[str(scope) for scope in scopes],
        created_at=now,
        expires_at=expires_at,
        revoked_at=None,
    )
    session.add(row)
    session.flush()
    record(
        session,
        app_id=OPERATOR_APP_ID if app_id is None else app_id,
        actor=actor,
        action="key.created",
        object_id=row.id,
        details={"name": name, "scopes": row.scopes, "prefix": row.prefix},
        now=now,
    )
    return NewKey(row, secret)
