"""Answers kept for idempotency keys: sealed, for 24 hours of real time, and erased with the person they concern."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

import orjson
from sqlalchemy import ColumnElement, Table, delete, select, text, tuple_, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import LOCK_WAIT_SECONDS
from referral_service.kit.db.upsert import insert_or_take_over
from referral_service.kit.http.caller import Caller
from referral_service.kit.http.idempotency import (
    WAIT_SECONDS_MAX,
    Answer,
    IdempotencyAnswerErased,
    IdempotencyInFlight,
    IdempotencyKeyReused,
)
from referral_service.tenants.models import IdempotencyKey

KEPT_FOR = timedelta(hours=24)
PURGED_AT_ONCE = 1000
_LOCK_NOT_AVAILABLE = "55P03"
_KEYS = cast(Table, IdempotencyKey.__table__)


class KeptAnswers:
    """Reads and writes `idempotency_keys` (see `kit.http.idempotency.Answers`)."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def begin(self, session: Session, *, caller: Caller, key: str, request_hash: bytes, now: datetime) -> Answer | None:
        """Reserve the key and return None, or return the answer that the same request was given before."""
        if _reserve(session, caller, key, request_hash, now):
            return None
        row = session.execute(
            select(IdempotencyKey).where(*_is(caller, key)).execution_options(populate_existing=True)
        ).scalar_one()
        if row.request_hash != request_hash:
            raise IdempotencyKeyReused
        if row.answer_ct is None:
            raise IdempotencyAnswerErased
        document = orjson.loads(self._sealer.open(row.answer_ct, context=_context(caller, key)))
        return Answer(document["status"], document["headers"], document["body"].encode())

    def keep(
        self, session: Session, *, caller: Caller, key: str, answer: Answer, concerns: str | None, now: datetime
    ) -> None:
        """Keep the answer under the key that this transaction reserved."""
        document = {"status": answer.status, "headers": answer.headers, "body": answer.body.decode()}
        session.execute(
            update(IdempotencyKey)
            .where(*_is(caller, key))
            .values(
                status=answer.status,
                answer_ct=self._sealer.seal(orjson.dumps(document), context=_context(caller, key)),
                customer_id=concerns,
                expires_at=now + KEPT_FOR,
            )
            .execution_options(synchronize_session=False)
        )


def erase_answers(session: Session, *, app_id: int, customer_id: str) -> None:
    """Empty the answers that concern this `cus_…`; the keys stay, so that nothing is done twice."""
    session.execute(
        update(IdempotencyKey)
        .where(IdempotencyKey.app_id == app_id, IdempotencyKey.customer_id == customer_id)
        .values(answer_ct=None)
        .execution_options(synchronize_session=False)
    )


def purge_answers(session: Session, *, now: datetime, limit: int = PURGED_AT_ONCE) -> int:
    """Delete up to `limit` keys whose 24 hours are over, and return how many. `now` is real time.

    What another process is deleting, or is about to use anew, is left to it.
    """
    over = (
        select(IdempotencyKey.app_id, IdempotencyKey.api_key_id, IdempotencyKey.key)
        .where(IdempotencyKey.expires_at <= now)
        .order_by(IdempotencyKey.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        # Chosen once: as a plain subquery it may be carried out anew for each row, and the limit with it.
        .cte("over")
    )
    name = tuple_(IdempotencyKey.app_id, IdempotencyKey.api_key_id, IdempotencyKey.key)
    # Said twice, so that SQLite looks among the expired ones alone: it finds no index for names of three parts.
    expired = (IdempotencyKey.expires_at <= now, name.in_(select(over)))
    statement = delete(IdempotencyKey).where(*expired).returning(IdempotencyKey.key)
    return len(session.execute(statement.execution_options(synchronize_session=False)).all())


def _reserve(session: Session, caller: Caller, key: str, request_hash: bytes, now: datetime) -> bool:
    """Insert the key, or take over an expired one; False where it is in use. Waits for one that is in flight."""
    fresh = {
        "request_hash": request_hash,
        "status": None,
        "answer_ct": None,
        "customer_id": None,
        "created_at": now,
        "expires_at": now + KEPT_FOR,
    }
    statement = insert_or_take_over(session, _KEYS, *fresh, over="expires_at", at="created_at", returning=("key",))
    values = {"app_id": caller.app_id, "api_key_id": caller.key_id, "key": key, **fresh}
    if session.get_bind().dialect.name != "postgresql":
        return session.execute(statement, values).first() is not None
    # The unique key makes us wait for whoever holds it; the wait is bounded for this statement alone.
    session.execute(text(f"SET LOCAL lock_timeout = '{WAIT_SECONDS_MAX}s'"))
    try:
        inserted = session.execute(statement, values).first() is not None
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise IdempotencyInFlight(retry_after_seconds=1) from None
        raise
    # Not `TO DEFAULT`: behind a pooler that is the server's, which is no limit at all.
    session.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT_SECONDS}s'"))
    return inserted


def _is(caller: Caller, key: str) -> tuple[ColumnElement[bool], ...]:
    return (
        IdempotencyKey.app_id == caller.app_id,
        IdempotencyKey.api_key_id == caller.key_id,
        IdempotencyKey.key == key,
    )


def _context(caller: Caller, key: str) -> str:
    return f"idempotency:{caller.app_id}:{caller.key_id}:{key}"
