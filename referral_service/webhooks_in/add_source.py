"""Add a source: where webhooks come from, and the secret that proves it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service.audit.record import record
from referral_service.kit.crypto import Sealer
from referral_service.kit.errors import InvalidRequest
from referral_service.kit.ids import new_id, new_source_id
from referral_service.tenants.models import Source
from referral_service.webhooks_in.errors import SecretNotUsable
from referral_service.webhooks_in.models import SourceSecret
from referral_service.webhooks_in.providers.provider import Provider
from referral_service.webhooks_in.providers.registry import PROVIDERS
from referral_service.webhooks_in.providers.secrets import MadeSecret, UnusableSecret


@dataclass(frozen=True, slots=True)
class NewSource:
    """A source, and the secret to be shown this once; None where the provider made it."""

    row: Source
    secret: str | None


def add_source(
    session: Session,
    sealer: Sealer,
    *,
    app_id: int,
    provider: str,
    secret: str | None,
    name: str | None,
    actor: str,
    now: datetime,
) -> NewSource:
    """Add a source of one of the PROVIDERS. `now` is real time. Raises InvalidRequest, SecretNotUsable."""
    kind = PROVIDERS.get(provider)
    if kind is None:
        raise InvalidRequest(errors={"provider": [f"Must be one of: {', '.join(PROVIDERS)}."]})
    row = Source(
        app_id=app_id,
        id=new_source_id(app_id),
        provider=kind.name,
        name=name or kind.name,
        created_at=now,
        deleted_at=None,
    )
    used, shown = secret_for(kind, secret)
    session.add(row)
    # The secret's row refers to the source's.
    session.flush()
    session.add(sealed_secret(sealer, app_id=app_id, source_id=row.id, secret=used, now=now))
    record(
        session,
        app_id=app_id,
        actor=actor,
        action="source.added",
        object_id=row.id,
        details={"provider": kind.name, "name": row.name},
        now=now,
    )
    return NewSource(row, shown)


def secret_for(kind: Provider, given: str | None) -> tuple[str, str | None]:
    """Return the secret to be used, and the one to be shown; raise SecretNotUsable."""
    if isinstance(kind.secret, MadeSecret):
        if given is not None:
            raise SecretNotUsable(errors={"secret": ["Leave it out: the service makes the secret, and shows it once."]})
        made = kind.secret.make()
        return made, made
    if given is None:
        raise SecretNotUsable(errors={"secret": ["Give the signing secret that the provider shows."]})
    try:
        kind.secret.check(given)
    except UnusableSecret as error:
        raise SecretNotUsable(errors={"secret": [str(error)]}) from None
    return given, None


def sealed_secret(sealer: Sealer, *, app_id: int, source_id: str, secret: str, now: datetime) -> SourceSecret:
    """Return the row of a secret that is valid from now on."""
    secret_id = new_id("sec")
    return SourceSecret(
        app_id=app_id,
        id=secret_id,
        source_id=source_id,
        secret_ct=sealer.seal(secret.encode(), context=secret_context(app_id, secret_id)),
        created_at=now,
        retires_at=None,
    )


def secret_context(app_id: int, secret_id: str) -> str:
    """Return what a sealed secret is bound to: it opens in no other row."""
    return f"source_secret:{app_id}:{secret_id}"
