"""Take in many kept messages once more, the oldest first, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from referral_service.events.given import Answer
from referral_service.journeys.tools import Tools
from referral_service.kit.db.engines import Database
from referral_service.kit.errors import InternalError, Problem
from referral_service.tenants.tenant import Tenant
from referral_service.webhooks_in.choose_inbound import Chosen, narrowed
from referral_service.webhooks_in.models import InboundEvent
from referral_service.webhooks_in.replay import replay

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one message: its answer, or else what was wrong with it."""

    inbound_id: str
    answer: Answer | None = None
    problem: Problem | None = None


def chosen_ids(session: Session, *, app_id: int, chosen: Chosen, after: str | None, limit: int) -> Sequence[str]:
    """Return the ids of up to `limit` chosen messages behind the id `after`, the oldest first.

    Ids only grow, so whoever goes on behind the last one meets each message once, whatever replaying it has changed.
    """
    query = narrowed(select(InboundEvent.id), chosen, app_id=app_id).order_by(InboundEvent.id).limit(limit)
    if after is not None:
        query = query.where(InboundEvent.id > after)
    return session.scalars(query).all()


def replay_many(
    database: Database, *, tools: Tools, tenant: Tenant, ids: Sequence[str], now: datetime
) -> list[Replayed]:
    """Replay these messages in their order. `now` is business time.

    What is wrong with one is told in its place, and spoils no other; only a database that is away is raised.
    """
    return [_replay_one(database, tools=tools, tenant=tenant, inbound_id=one, now=now) for one in ids]


def _replay_one(database: Database, *, tools: Tools, tenant: Tenant, inbound_id: str, now: datetime) -> Replayed:
    try:
        answer = database.transact(
            lambda session: replay(
                session,
                tools=tools,
                app_id=tenant.app_id,
                inbound_id=inbound_id,
                is_test=tenant.is_test,
                now=now,
            )
        )
    except Problem as problem:
        return Replayed(inbound_id, problem=problem)
    except (OperationalError, InterfaceError):
        # Each of the others would wait for it just as long.
        raise
    except Exception as error:  # noqa: BLE001 -- one message that breaks something must not keep the rest waiting
        log.error("replay_failed", inbound_id=inbound_id, error=type(error).__qualname__)
        return Replayed(inbound_id, problem=InternalError())
    return Replayed(inbound_id, answer)
