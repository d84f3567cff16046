"""Show an app's sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from referral_service.kit.ids import app_id_of_source
from referral_service.tenants.errors import SourceNotFound
from referral_service.tenants.models import Source
from referral_service.webhooks_in.providers.registry import PROVIDERS


def list_sources(session: Session, *, app_id: int, after: list[Any] | None, limit: int) -> Sequence[Source]:
    """Return up to `limit` sources, oldest first, those after the id in `after`. The app's own API is none of them."""
    query = select(Source).where(*_shown(app_id)).order_by(Source.id).limit(limit)
    if after is not None:
        query = query.where(Source.id > after[0])
    return session.scalars(query).all()


def read_source(session: Session, *, app_id: int, source_id: str) -> Source:
    """Return one source; raise SourceNotFound."""
    return _one(session, app_id, source_id, select(Source))


def lock_source(session: Session, *, app_id: int, source_id: str) -> Source:
    """Return one source, so that nobody else changes it or its secrets meanwhile; raise SourceNotFound."""
    return _one(session, app_id, source_id, select(Source).with_for_update(key_share=True))


def _one(session: Session, app_id: int, source_id: str, query: Select[Source]) -> Source:
    # Whatever else stands in a path, such as NUL, is not for a database to see.
    if app_id_of_source(source_id) != app_id:
        raise SourceNotFound
    row = session.scalars(query.where(*_shown(app_id), Source.id == source_id)).one_or_none()
    if row is None:
        raise SourceNotFound
    return row


def _shown(app_id: int) -> tuple[Any, ...]:
    return (Source.app_id == app_id, Source.provider.in_(list(PROVIDERS)), Source.deleted_at.is_(None))
