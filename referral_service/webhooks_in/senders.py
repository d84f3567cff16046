"""Who may send to a hook: each source's provider and secrets, opened once and remembered for a few seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.kit.ids import app_id_of_source
from referral_service.kit.ttl_cache import TtlCache
from referral_service.tenants.errors import SourceNotFound
from referral_service.tenants.models import Source
from referral_service.tenants.tenant import Tenant, load_tenant
from referral_service.webhooks_in.add_source import secret_context
from referral_service.webhooks_in.models import SourceSecret
from referral_service.webhooks_in.providers.provider import Provider, Verified
from referral_service.webhooks_in.providers.registry import PROVIDERS

# A source deleted, or a secret added, by another process is noticed here after this long.
CACHE_SECONDS = 5
CACHE_ENTRIES_MAX = 10_000
# Looked up like any other, so that a text that is no source id costs the same as one that could be.
_NO_SOURCE = (0, "src_0")


@dataclass(frozen=True, slots=True)
class Sender:
    """A source that exists. `secrets` are (text, valid until); `tenant` is the app, its clock as it stood when read."""

    source_id: str
    tenant: Tenant
    provider: Provider
    secrets: tuple[tuple[str, datetime | None], ...]

    def verify(self, *, raw: bytes, headers: Mapping[str, str], now: datetime) -> Verified:
        """Prove that the message is this source's; raise BadSignature. `now` is real time."""
        valid = [secret for secret, retires_at in self.secrets if retires_at is None or now < retires_at]
        return self.provider.verify(raw=raw, headers=headers, secrets=valid, now=now)


class Senders:
    """Finds sources by id. One for each application; threads share it."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._cache: TtlCache[str, Sender] = TtlCache(entries_max=CACHE_ENTRIES_MAX, ttl_seconds=CACHE_SECONDS)

    def find(self, source_id: str) -> Sender:
        """Return the source's sender; raise SourceNotFound for one that is unknown or deleted.

        The tenant's clock may be as old as the cache; see `business_time`.
        """
        return self._cache.get_or_load(
            source_id, lambda: self._database.read(lambda session: self._load(session, source_id))
        )

    def business_time(self, sender: Sender, now: datetime) -> datetime:
        """Return what the sender's app shows as its time at `now`, which is real time."""
        tenant = sender.tenant
        if tenant.is_test:
            # Its clock may have been advanced a moment ago.
            tenant = self._database.read(lambda session: load_tenant(session, app_id=tenant.app_id))
        return tenant.business_time(now)

    def forget(self, source_id: str) -> None:
        """Read this source anew the next time."""
        self._cache.forget(source_id)

    def _load(self, session: Session, source_id: str) -> Sender:
        app_id = app_id_of_source(source_id)
        if app_id is None:
            app_id, source_id = _NO_SOURCE
        row = session.scalars(
            select(Source).where(Source.app_id == app_id, Source.id == source_id, Source.deleted_at.is_(None))
        ).one_or_none()
        provider = PROVIDERS.get(row.provider) if row is not None else None
        if provider is None:
            raise SourceNotFound
        rows = session.scalars(
            select(SourceSecret).where(SourceSecret.app_id == app_id, SourceSecret.source_id == source_id)
        ).all()
        return Sender(
            source_id,
            load_tenant(session, app_id=app_id),
            provider,
            tuple((self._open(row), row.retires_at) for row in rows),
        )

    def _open(self, row: SourceSecret) -> str:
        return self._sealer.open(row.secret_ct, context=secret_context(row.app_id, row.id)).decode()
