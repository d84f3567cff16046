"""The secrets that our webhooks are signed with: made here, kept sealed, and found for many endpoints at once."""

from __future__ import annotations

import base64
import secrets as randomness
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from sqlalchemy import Select, and_, bindparam, or_, select
from sqlalchemy.orm import Session

from referral_service.kit.crypto import Sealer
from referral_service.kit.db.base import Id, Number, UtcDateTime
from referral_service.kit.db.given_rows import as_parameter, given_rows
from referral_service.kit.ids import new_id
from referral_service.webhooks_out.models import EndpointSecret

# Standard Webhooks, spec 1.0.0: the prefix tells what the base64 is, and 24 to 64 bytes are asked for.
SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A secret as it is stored. Under one `id` it never changes, so that what was opened can be kept by it."""

    app_id: int
    id: str
    endpoint_id: str
    secret_ct: bytes = field(repr=False)


def new_secret() -> str:
    """Return a fresh secret: `whsec_` and 32 random bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(randomness.token_bytes(SECRET_BYTES)).decode("ascii")


def sealed_secret(sealer: Sealer, *, app_id: int, endpoint_id: str, secret: str, now: datetime) -> EndpointSecret:
    """Return the row of a secret that is valid from now on; `now` is real time."""
    secret_id = new_id("sec")
    return EndpointSecret(
        app_id=app_id,
        id=secret_id,
        endpoint_id=endpoint_id,
        secret_ct=sealer.seal(secret.encode(), context=secret_context(app_id, secret_id)),
        created_at=now,
        retires_at=None,
    )


def valid_secrets(session: Session, *, endpoints: Iterable[tuple[int, str]], now: datetime) -> list[SealedSecret]:
    """Return the secrets that sign at `now` (real time), the newest of each endpoint first, in one query.

    `endpoints` are pairs of app number and endpoint id.
    """
    wanted = [{"app_id": app_id, "endpoint_id": endpoint_id} for app_id, endpoint_id in set(endpoints)]
    if not wanted:
        return []
    rows = session.execute(_valid(session.get_bind().dialect.name), {"wanted": as_parameter(wanted), "now": now})
    return [SealedSecret(*row) for row in rows]


@cache
def _valid(dialect: str) -> Select[int, str, str, bytes]:
    wanted = given_rows(dialect, "wanted", app_id=Number, endpoint_id=Id)
    is_theirs = and_(EndpointSecret.app_id == wanted.c.app_id, EndpointSecret.endpoint_id == wanted.c.endpoint_id)
    return (
        select(EndpointSecret.app_id, EndpointSecret.id, EndpointSecret.endpoint_id, EndpointSecret.secret_ct)
        .join(wanted, is_theirs)
        .where(
            or_(EndpointSecret.retires_at.is_(None), EndpointSecret.retires_at > bindparam("now", type_=UtcDateTime))
        )
        .order_by(EndpointSecret.created_at.desc(), EndpointSecret.id.desc())
    )


def open_secret(sealer: Sealer, sealed: SealedSecret) -> str:
    """Return a secret's text, `whsec_…`; raise CannotOpen."""
    return sealer.open(sealed.secret_ct, context=secret_context(sealed.app_id, sealed.id)).decode()


def secret_context(app_id: int, secret_id: str) -> str:
    """Return what a sealed secret is bound to: it opens in no other row."""
    return f"endpoint_secret:{app_id}:{secret_id}"
