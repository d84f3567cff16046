"""Open an app: the tenant, its first key, and the source through which it tells its own facts."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.kit.db.upsert import insert_unless_there
from referral_service.kit.errors import InvalidRequest
from referral_service.kit.ids import APP_ID_MAX, new_id, random_text
from referral_service.tenants.create_key import NewKey, create_key
from referral_service.tenants.errors import SlugTaken
from referral_service.tenants.models import App, Source
from referral_service.tenants.scopes import Scope
from referral_service.tenants.tenant import TEST, Tenant, tenant_from

API_PROVIDER = "api"
SLUG_CHARACTERS_MAX = 40
START_YEARS_MAX = 20

_APPS = cast(Table, App.__table__)


@dataclass(frozen=True, slots=True)
class OpenedApp:
    """A new tenant, and its first key, whose secret is never seen again."""

    tenant: Tenant
    created_at: datetime
    key: NewKey


def open_app(
    session: Session,
    *,
    name: str,
    mode: str,
    actor: str,
    now: datetime,
    slug: str | None = None,
    start: datetime | None = None,
) -> OpenedApp:
    """Open an app with an admin key. `now` is real time.

    `start` is where a test app's clock begins: not after `now`, for it can be advanced but never put back.
    Raises SlugTaken, InvalidRequest.
    """
    offset = _offset(mode, start, now)
    row = _insert(session, name=name, mode=mode, slug=slug, offset=offset, now=now)
    if row.id > APP_ID_MAX:
        raise ValueError("No more app numbers fit into a signed code.")
    session.add(
        Source(
            app_id=row.id, id=api_source_id(row.id), provider=API_PROVIDER, name="API", created_at=now, deleted_at=None
        )
    )
    tenant = tenant_from(row)
    record(
        session,
        app_id=row.id,
        actor=actor,
        action="app.opened",
        object_id=row.public_id,
        details={"name": name, "mode": mode, "slug": row.slug},
        now=now,
    )
    key = create_key(session, tenant=tenant, name="First key", scopes=[Scope.ADMIN], actor=actor, now=now)
    return OpenedApp(tenant, now, key)


def api_source_id(app_id: int) -> str:
    """Return the id of the source that stands for the app itself."""
    return f"src_{app_id}_api"


def _offset(mode: str, start: datetime | None, now: datetime) -> timedelta:
    if start is None:
        return timedelta(0)
    if mode != TEST:
        raise InvalidRequest(errors={"now": ["Only a test app has a clock of its own."]})
    if start > now:
        raise InvalidRequest(errors={"now": ["Must not lie in the future; advance the clock later instead."]})
    if start < now - timedelta(days=366 * START_YEARS_MAX):
        raise InvalidRequest(errors={"now": [f"Must lie within the last {START_YEARS_MAX} years."]})
    return start - now


def _insert(session: Session, *, name: str, mode: str, slug: str | None, offset: timedelta, now: datetime) -> App:
    """Insert the app under its slug; one made from the name gets another ending until it is free."""
    wanted = slug or _slug_of(name)
    public_id = new_id("app")
    while True:
        values = {
            "public_id": public_id,
            "slug": wanted,
            "name": name,
            "mode": mode,
            "clock_offset_us": offset // timedelta(microseconds=1),
            "created_at": now,
        }
        session.execute(insert_unless_there(session, _APPS), values)
        row = session.scalars(select(App).where(App.public_id == public_id)).one_or_none()
        if row is not None:
            return row
        if slug is not None:
            raise SlugTaken
        wanted = f"{_slug_of(name)}-{random_text(4).lower()}"


def _slug_of(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:SLUG_CHARACTERS_MAX].strip("-") or "app"
