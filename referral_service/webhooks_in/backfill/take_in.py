"""Take records in as their provider's webhooks would have been: each message once, whoever tells it first.

A batch is one transaction. Where that fails, each message gets one of its own, so that only what is wrong stays out.
What means nothing here is counted and not kept: unlike a webhook, nobody waits for an answer to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from referral_service.events.given import Answer
from referral_service.journeys.tools import Tools
from referral_service.kit import strict_json
from referral_service.kit.clock import Clock
from referral_service.kit.db.engines import Database
from referral_service.kit.ids import app_id_of_source
from referral_service.tenants.errors import SourceNotFound
from referral_service.tenants.tenant import Tenant, load_tenant
from referral_service.webhooks_in.backfill.lines import Read, Unreadable
from referral_service.webhooks_in.backfill.tally import ALREADY, FAILED, IGNORED, NEW, UNREADABLE, Fate
from referral_service.webhooks_in.providers.provider import (
    INVALID_EVENT,
    MALFORMED_BODY,
    NOTHING_PAID,
    UNPAID,
    Ignored,
    Parked,
    Provider,
)
from referral_service.webhooks_in.providers.registry import PROVIDERS
from referral_service.webhooks_in.read_message import BODY_BYTES_MAX, read_body
from referral_service.webhooks_in.read_source import read_source
from referral_service.webhooks_in.receive_many import Incoming, known_messages, receive_many

RECORDS_AT_ONCE = 50
NO_MESSAGE = "no_message"
# A file tells it again when it has changed; to keep it parked would promise that something is waited for.
_MEANS_NOTHING = frozenset({UNPAID, NOTHING_PAID})
_SAYS_NOTHING = {
    MALFORMED_BODY: "The record lacks what such a message needs, or has it in another form.",
    INVALID_EVENT: "The record is no event as POST /v1/events takes it.",
}
_BROKE = "It could not be taken in; the log says more. It is tried again when the file is read again."
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """The source that records belong to."""

    app_id: int
    source_id: str
    provider: Provider


@dataclass(frozen=True, slots=True)
class _Whole:
    """A record all of whose messages have been read."""

    line: int
    incoming: tuple[Incoming, ...]


def find_place(session: Session, *, source_id: str) -> Place:
    """Return the source; raise SourceNotFound for one that is unknown or deleted."""
    app_id = app_id_of_source(source_id)
    if app_id is None:
        raise SourceNotFound
    row = read_source(session, app_id=app_id, source_id=source_id)
    return Place(app_id, source_id, PROVIDERS[row.provider])


def take_in(
    database: Database, *, tools: Tools, clock: Clock, place: Place, records: Sequence[Read], dry_run: bool = False
) -> list[Fate]:
    """Take the records in and say what became of each, in their order. A `dry_run` writes nothing.

    Raises SourceNotFound where the source has been deleted meanwhile; and what a database raises that is away.
    """
    real = clock.now()

    def look(session: Session) -> Tenant:
        read_source(session, app_id=place.app_id, source_id=place.source_id)
        return load_tenant(session, app_id=place.app_id)

    # Asked for each batch: a test app's clock may be advanced while a long file is read.
    tenant = database.read(look)
    now = tenant.business_time(real)
    read = [_read(record, place.provider, is_test=tenant.is_test, now=now) for record in records]
    waiting = _each_once(one for record in read if isinstance(record, _Whole) for one in record.incoming)
    known = database.read(
        lambda session: known_messages(
            session, app_id=place.app_id, source_id=place.source_id, external_ids=list(waiting)
        )
    )
    new = [one for name, one in waiting.items() if name not in known]
    if dry_run:
        names = {one.message.external_id for one in new}
        fates = _told(read, {name: Answer("", name, "", None) for name in names})
        return [replace(fate, answers=()) for fate in fates]
    receiving = _Receiving(database, tools, place, now, real)
    return _told(read, receiving.all_of(new))


@dataclass(frozen=True, slots=True)
class _Receiving:
    """Receives messages, together where that goes, else one by one."""

    database: Database
    tools: Tools
    place: Place
    now: datetime
    received_at: datetime

    def all_of(self, new: Sequence[Incoming]) -> dict[str, Answer | None]:
        """Return the answers by external id; None for what broke something."""
        if not new:
            return {}
        try:
            return dict(self._together(new))
        except Exception as error:
            if len(new) == 1 and not isinstance(error, OperationalError | InterfaceError):
                name = new[0].message.external_id
                log.error("backfill_failed", external_id=name, error=type(error).__qualname__)
                return {name: None}
            if len(new) == 1:
                # The database is away, and would be for each of the others as well.
                raise
        alone: dict[str, Answer | None] = {}
        for one in new:
            alone |= self.all_of([one])
        return alone

    def _together(self, new: Sequence[Incoming]) -> dict[str, Answer]:
        return self.database.transact(
            lambda session: receive_many(
                session,
                tools=self.tools,
                app_id=self.place.app_id,
                source_id=self.place.source_id,
                incoming=new,
                now=self.now,
                received_at=self.received_at,
            )
        )


def _each_once(incoming: Iterable[Incoming]) -> dict[str, Incoming]:
    """Return the messages by external id; of two with one id the first counts, as it would have on the wire."""
    found: dict[str, Incoming] = {}
    for one in incoming:
        found.setdefault(one.message.external_id, one)
    return found


def _read(record: Read, provider: Provider, *, is_test: bool, now: datetime) -> _Whole | Fate:
    """Read all messages of a record, or say why there is nothing to be taken in."""
    if isinstance(record, Unreadable):
        return Fate(record.line, UNREADABLE, record.sentence)
    incoming: list[Incoming] = []
    reasons: list[str] = []
    for exported in record.messages:
        raw = strict_json.dumps(exported.body)
        if len(raw) > BODY_BYTES_MAX:
            return Fate(record.line, UNREADABLE, "The record is larger than a webhook may be.")
        message = read_body(
            provider,
            exported.body,
            raw=raw,
            external_id=exported.external_id,
            provider_type=exported.provider_type,
            is_test=is_test,
            now=now,
        )
        said = message.translation
        if isinstance(said, Parked) and said.reason in _SAYS_NOTHING:
            return Fate(record.line, UNREADABLE, _SAYS_NOTHING[said.reason])
        if isinstance(said, Ignored) or (isinstance(said, Parked) and said.reason in _MEANS_NOTHING):
            reasons.append(said.reason)
        else:
            incoming.append(Incoming(message, raw))
    if not incoming:
        return Fate(record.line, IGNORED, reasons[0] if reasons else NO_MESSAGE)
    return _Whole(record.line, tuple(incoming))


def _told(read: Sequence[_Whole | Fate], answers: Mapping[str, Answer | None]) -> list[Fate]:
    """Say what became of each record: new where any message of it says something new, and says it first in this file.

    Somebody else may have told it meanwhile, or before in other words: then it was there already.
    """
    waiting = dict(answers)
    fates: list[Fate] = []
    for record in read:
        if isinstance(record, Fate):
            fates.append(record)
            continue
        names = [one.message.external_id for one in record.incoming]
        mine = {name: waiting.pop(name) for name in dict.fromkeys(names) if name in waiting}
        told = tuple(answer for answer in mine.values() if answer is not None)
        if len(told) < len(mine):
            fates.append(Fate(record.line, FAILED, _BROKE, told))
        else:
            new = tuple(answer for answer in told if not answer.duplicate)
            fates.append(Fate(record.line, NEW if new else ALREADY, answers=new))
    return fates
