"""The people to play: an app, a program, Alice with a code, and whom she has referred."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from referral_service import migrations
from referral_service.codes.issue_code import issue_code
from referral_service.codes.signed_code import sign_code
from referral_service.customers.emails import Emails
from referral_service.journeys.claiming.claim import claim
from referral_service.journeys.claiming.see_touches import GivenTouch
from referral_service.journeys.tools import Tools
from referral_service.kit.clock import Clock, SystemClock
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.programs.activate_program import activate_program
from referral_service.programs.create_program import create_program
from referral_service.share.mint_token import mint_token
from referral_service.share.tokens import LIFETIME_SECONDS
from referral_service.signing.key_ring import KeyRing
from referral_service.signing.rotate import ensure_keys
from referral_service.tenants.open_app import open_app
from referral_service.webhooks_in.add_source import add_source

CLAIMS_A_TRANSACTION = 200
TERMS = {
    "currency": "USD",
    "rewards": [
        {"key": f"{side}_credit", "side": side, "on": "converted", "give": {"kind": "credit", "amount_minor": 1000}}
        for side in ("referrer", "referee")
    ],
}


@dataclass(frozen=True, slots=True)
class Cast:
    """What the requests are made of. `referees` have been claimed and have bought nothing yet."""

    app_id: int
    api_key: str
    program_id: str
    code: str
    signed_code: str
    share_token: str
    source_id: str
    source_secret: str
    referees: list[str]


def seed(url: str, master_keys: dict[str, str], *, referees: int, clock: Clock | None = None) -> Cast:
    """Migrate the database and fill it: an app, a program, Alice with a code, and so many people she has referred."""
    database = Database(url)
    migrations.upgrade(database.write_engine)
    clock, sealer = clock or SystemClock(), Sealer(master_keys)
    now = clock.now()
    ensure_keys(database, sealer, now)
    ring = KeyRing(database, sealer, clock)
    tools = Tools(ring, sealer, Emails(ring.email_index_key()))
    opened = database.transact(lambda session: open_app(session, name="Bench", mode="live", actor="cli", now=now))
    app_id = opened.tenant.app_id
    program_id = database.transact(
        lambda session: create_program(
            session, app_id=app_id, name="Bench", landing_url="https://shop.example/welcome", terms=TERMS,
            actor="cli", now=now,
        )["id"]
    )  # fmt: skip
    database.transact(
        lambda session: activate_program(session, app_id=app_id, program_id=program_id, actor="cli", now=now)
    )
    source = database.transact(
        lambda session: add_source(
            session, sealer, app_id=app_id, provider="standard", secret=None, name="Bench", actor="cli", now=now
        )
    )
    made, _ = database.transact(
        lambda session: issue_code(
            session, app_id=app_id, program_id=program_id, customer_external_id="alice", vanity=None, now=now
        )
    )
    token = database.transact(
        lambda session: mint_token(
            session, ring, app_id=app_id, external_id="alice", program_id=program_id,
            lifetime_seconds=LIFETIME_SECONDS, now=now,
        )
    )  # fmt: skip
    people = [f"referee-{number}" for number in range(referees)]
    for begin in range(0, len(people), CLAIMS_A_TRANSACTION):
        _claim_all(database, tools, app_id, made.text, people[begin : begin + CLAIMS_A_TRANSACTION], now)
    database.dispose()
    return Cast(
        app_id=app_id,
        api_key=opened.key.secret,
        program_id=program_id,
        code=made.text,
        signed_code=sign_code(ring, folded=made.folded, app_id=app_id),
        share_token=token.token,
        source_id=source.row.id,
        source_secret=source.secret or "",
        referees=people,
    )


def _claim_all(database: Database, tools: Tools, app_id: int, code: str, people: list[str], now: datetime) -> None:
    def work(session: Session) -> None:
        for person in people:
            claim(
                session, tools=tools, app_id=app_id, touches=[GivenTouch(code=code)], referee_external_id=person,
                referee_email=None, occurred_at=now, now=now,
            )  # fmt: skip

    database.transact(work)
