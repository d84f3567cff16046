"""A tenant as the rest of the service sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.kit.errors import NotFound
from referral_service.tenants.models import App

LIVE, TEST = "live", "test"


@dataclass(frozen=True, slots=True)
class Tenant:
    """An app. `app_id` is its short number, `public_id` its `app_…`; `clock_offset` is zero for a live one."""

    app_id: int
    public_id: str
    slug: str
    name: str
    mode: str
    clock_offset: timedelta

    @property
    def is_test(self) -> bool:
        return self.mode == TEST

    def business_time(self, real: datetime) -> datetime:
        """Return what this app's clock shows at a moment of real time."""
        return real + self.clock_offset


def tenant_from(row: App) -> Tenant:
    """Return the tenant that a row describes."""
    return Tenant(
        app_id=row.id,
        public_id=row.public_id,
        slug=row.slug,
        name=row.name,
        mode=row.mode,
        clock_offset=timedelta(microseconds=row.clock_offset_us),
    )


def load_tenant(session: Session, *, app_id: int) -> Tenant:
    """Return the tenant of this short number; raise NotFound."""
    row = session.get(App, app_id)
    if row is None:
        raise NotFound
    return tenant_from(row)


def find_tenant(session: Session, *, public_id: str) -> Tenant:
    """Return the tenant of this `app_…` or slug; raise NotFound."""
    column = App.public_id if public_id.startswith("app_") else App.slug
    row = session.scalars(select(App).where(column == public_id)).one_or_none()
    if row is None:
        raise NotFound
    return tenant_from(row)
