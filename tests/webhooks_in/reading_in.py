"""Reads exported records into a source, as the command does."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from itertools import islice
from typing import Any

from conftest import MASTER_KEYS
from sqlalchemy import func, select

from builders import Api, a_claim, a_code, a_customer, a_program, items
from cast import BOB
from referral_service.all_models import metadata
from referral_service.customers.emails import Emails
from referral_service.journeys.tools import Tools
from referral_service.kit.clock import Clock
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.signing.key_ring import KeyRing
from referral_service.webhooks_in.backfill.lines import Lines
from referral_service.webhooks_in.backfill.read_file import read_file
from referral_service.webhooks_in.backfill.take_in import RECORDS_AT_ONCE, find_place, take_in
from referral_service.webhooks_in.backfill.tally import Tally

GRANTED = {"referrer_credit": ("available", 0), "referee_credit": ("available", 0)}


class Reading:
    """Reads files into sources of one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock
        sealer = Sealer(MASTER_KEYS)
        key_ring = KeyRing(database, sealer, clock)
        self.tools = Tools(key_ring, sealer, Emails(key_ring.email_index_key()))

    def read(
        self,
        source_id: str,
        file: bytes | Iterable[Any],
        *,
        dry_run: bool = False,
        from_line: int = 1,
        at_once: int = RECORDS_AT_ONCE,
    ) -> Tally:
        """Read raw bytes, or records as JSON lines."""
        raw = file if isinstance(file, bytes) else b"".join(json.dumps(record).encode() + b"\n" for record in file)
        place = self.database.read(lambda session: find_place(session, source_id=source_id))
        records = read_file(Lines(io.BytesIO(raw)), place.provider, from_line=from_line)
        tally = Tally()
        while some := list(islice(records, at_once)):
            for fate in take_in(
                self.database, tools=self.tools, clock=self.clock, place=place, records=some, dry_run=dry_run
            ):
                tally.add(fate)
        return tally


def referred(api: Api) -> None:
    """Bob is referred by Alice; his first purchase will reward both."""
    a_claim(api, a_code(api, a_program(api)))
    a_customer(api, BOB)


def rewarded(api: Api) -> dict[str, tuple[str, int]]:
    """Each reward's state, and how much of it was taken back."""
    return {row["key"]: (row["state"], row["reversed"]["amount_minor"]) for row in items(api, "/v1/rewards")}


def counted(database: Database) -> dict[str, int]:
    with database.read_engine.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }
