"""The people to play: an app, a program, Alice with a code, and whom she has referred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import cycle

from sqlalchemy.orm import Session

from referral_service import migrations
from referral_service.codes.issue_codes import issue_code
from referral_service.codes.signed_code import sign_code
from referral_service.customers.emails import Emails
from referral_service.journeys.claiming.claim_newcomers import claim_newcomers
from referral_service.journeys.claiming.given import GivenClaim, GivenTouch
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
# Enough that purchases which come together seldom have the same one; each has more friends than a share page shows.
REFERRERS = 40
TERMS = {
    "currency": "USD",
    "rewards": [
        {"key": f"{side}_credit", "side": side, "on": "converted", "give": {"kind": "credit", "amount_minor": 1000}}
        for side in ("referrer", "referee")
    ],
}


@dataclass(frozen=True, slots=True)
class Cast:
    """What the requests are made of. `referees` have been claimed and have bought nothing yet; of all referrers by
    turns, and `referees_of_one` of Alice alone.
    """

    app_id: int
    api_key: str
    program_id: str
    code: str
    signed_code: str
    share_token: str
    source_id: str
    source_secret: str
    referees: list[str]
    referees_of_one: list[str]


def seed(
    url: str, master_keys: dict[str, str], *, referees: int, referees_of_one: int = 0, clock: Clock | None = None
) -> Cast:
    """Migrate the database and fill it: an app, a program, Alice and others with a code, and so many people whom they
    have referred.
    """
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
    made = [
        database.transact(
            lambda session, name=name: issue_code(  # type: ignore[misc]
                session, app_id=app_id, program_id=program_id, customer_external_id=name, vanity=None, now=now
            )
        )[0]
        for name in ["alice", *(f"referrer-{number}" for number in range(1, REFERRERS))]
    ]
    alice, codes = made[0], [code.text for code in made]
    token = database.transact(
        lambda session: mint_token(
            session, ring, app_id=app_id, external_id="alice", program_id=program_id,
            lifetime_seconds=LIFETIME_SECONDS, now=now,
        )
    )  # fmt: skip
    people = [f"referee-{number}" for number in range(referees)]
    _claim_all(database, tools, app_id, codes, people, now)
    friends = [f"friend-{number}" for number in range(referees_of_one)]
    _claim_all(database, tools, app_id, codes[:1], friends, now)
    database.dispose()
    return Cast(
        app_id=app_id,
        api_key=opened.key.secret,
        program_id=program_id,
        code=alice.text,
        signed_code=sign_code(ring, folded=alice.folded, app_id=app_id),
        share_token=token.token,
        source_id=source.row.id,
        source_secret=source.secret or "",
        referees=people,
        referees_of_one=friends,
    )


def _claim_all(
    database: Database, tools: Tools, app_id: int, codes: Sequence[str], people: Sequence[str], now: datetime
) -> None:
    """Claim these people for the codes by turns."""
    claims = [
        GivenClaim(touches=[GivenTouch(code=code)], referee_external_id=person, occurred_at=now)
        for person, code in zip(people, cycle(codes), strict=False)
    ]

    def work(session: Session, part: Sequence[GivenClaim]) -> None:
        if None in claim_newcomers(session, tools=tools, app_id=app_id, given=part, now=now):
            raise AssertionError("nobody knows these people, and the program bounds nobody")

    for begin in range(0, len(claims), CLAIMS_A_TRANSACTION):
        database.transact(partial(work, part=claims[begin : begin + CLAIMS_A_TRANSACTION]))
