"""What the tests of keys, codes and clicks stand on: a migrated database, a key ring, an app with a program."""

from __future__ import annotations

import itertools
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from builders import both_sides
from cast import NOON
from referral_service.kit.clock import FixedClock
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.kit.ids import new_id
from referral_service.programs.models import Program, ProgramVersion
from referral_service.programs.terms.parse import parse_terms
from referral_service.signing.key_ring import KeyRing
from referral_service.signing.models import SigningKey
from referral_service.signing.rotate import ensure_keys
from referral_service.tenants.models import App

SEALER = Sealer({"k1": "a master key for tests, of enough characters"})
LANDING_URL = "https://shop.example/welcome?lang=uk#top"

_numbers = itertools.count(1)


class Seconds:
    """Monotonic seconds that stand still until they are moved."""

    def __init__(self) -> None:
        self.value = 1000.0

    def __call__(self) -> float:
        return self.value

    def pass_by(self, seconds: float) -> None:
        self.value += seconds


class HeldKeys(KeyRing):
    """A key ring without a table: the keys it is given, of which the one with the highest id signs."""

    def __init__(self, keys: dict[int, bytes]) -> None:
        self.held = dict(keys)

    def current(self) -> tuple[int, bytes]:
        kid = max(self.held)
        return kid, self.held[kid]

    def get(self, kid: int) -> bytes | None:
        return self.held.get(kid)


def without_keys(database: Database) -> None:
    """Take every signing key out of the database."""
    database.transact(lambda session: session.execute(delete(SigningKey)))


def new_ring(database: Database, clock: FixedClock, seconds: Seconds | None = None) -> KeyRing:
    """Return a key ring as another process would have it."""
    return KeyRing(database, SEALER, clock, monotonic=seconds or Seconds())


def ring_with_keys(database: Database, clock: FixedClock, seconds: Seconds | None = None) -> KeyRing:
    """Return a key ring over a database that has exactly the first keys."""
    without_keys(database)
    ensure_keys(database, SEALER, clock.now())
    return new_ring(database, clock, seconds)


def open_shop(database: Database, *, mode: str = "live", offset_us: int = 0) -> App:
    """Return a fresh app."""
    number = next(_numbers)
    app = App(
        public_id=new_id("app"),
        slug=f"shop-{number}",
        name=f"Shop {number}",
        mode=mode,
        clock_offset_us=offset_us,
        created_at=NOON,
    )
    database.transact(lambda session: session.add(app))
    return app


def start_program(database: Database, app_id: int, **changes: Any) -> Program:
    """Return a fresh program of the app, active unless said otherwise."""
    values: dict[str, Any] = {
        "name": "Ride credit",
        "status": "active",
        "landing_url": LANDING_URL,
        "allowed_hosts": ["m.shop.example"],
        "version": 1,
        "created_at": NOON,
    }
    program = Program(app_id=app_id, id=new_id("prg"), **(values | changes))
    canonical, _ = parse_terms({"currency": "USD", "rewards": both_sides()})
    version = ProgramVersion(
        app_id=app_id,
        id=new_id("ver"),
        program_id=program.id,
        version=program.version,
        terms=canonical,
        created_at=NOON,
    )

    def work(session: Session) -> None:
        session.add(program)
        session.flush()
        session.add(version)

    database.transact(work)
    return program
