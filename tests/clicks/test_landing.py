"""What a link leads to is kept for three seconds, never longer, and never for a test app."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from signing.key_cast import Seconds, open_shop, start_program
from sqlalchemy import event, update

from cast import NOON
from referral_service.clicks.landing import Landings
from referral_service.codes.issue_codes import issue_code
from referral_service.codes.models import Code
from referral_service.codes.revoke_code import revoke_code
from referral_service.kit.db.engines import Database
from referral_service.programs.models import Program
from referral_service.tenants.models import App


@pytest.fixture
def readings(database: Database) -> Iterator[list[str]]:
    """The look-ups that were made."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "FROM apps" in statement:
            seen.append(statement)

    event.listen(database.read_engine, "before_cursor_execute", note)
    yield seen
    event.remove(database.read_engine, "before_cursor_execute", note)


def issued(database: Database, app: App, vanity: str = "MARIA20", **program: Any) -> Code:
    made = start_program(database, app.id, **program)
    return database.transact(
        lambda session: issue_code(
            session, app_id=app.id, program_id=made.id, customer_external_id="alice", vanity=vanity, now=NOON
        )
    )[0]


def revoke(database: Database, code: Code) -> None:
    database.transact(lambda session: revoke_code(session, app_id=code.app_id, code_id=code.id, now=NOON))


def test_a_landing_is_looked_up_once_in_three_seconds(database: Database, readings: list[str]) -> None:
    app = open_shop(database)
    code = issued(database, app)
    seconds = Seconds()
    landings = Landings(database, monotonic=seconds)
    for _ in range(100):
        landing = landings.by_code(app_id=app.id, folded=code.folded)
        assert landing is not None
        seconds.pass_by(0.029)
    assert len(readings) == 1
    seconds.pass_by(0.2)
    landings.by_code(app_id=app.id, folded=code.folded)
    assert len(readings) == 2


def test_what_is_not_there_is_kept_too(database: Database, readings: list[str]) -> None:
    app = open_shop(database)
    landings = Landings(database, monotonic=Seconds())
    for _ in range(20):
        assert landings.by_slug(slug=app.slug, folded="N0B0DY") is None
        assert landings.by_slug(slug="no-such-shop", folded="N0B0DY") is None
    assert len(readings) == 2


def test_a_revoked_code_is_closed_within_three_seconds(database: Database) -> None:
    app = open_shop(database)
    code = issued(database, app)
    seconds = Seconds()
    landings = Landings(database, monotonic=seconds)
    before = landings.by_code(app_id=app.id, folded=code.folded)
    assert before is not None
    assert before.is_open
    revoke(database, code)
    seconds.pass_by(3)
    after = landings.by_code(app_id=app.id, folded=code.folded)
    assert after is not None
    assert not after.is_open


def test_a_code_that_is_forgotten_is_looked_up_anew(database: Database) -> None:
    app = open_shop(database)
    code = issued(database, app)
    landings = Landings(database, monotonic=Seconds())
    landings.by_code(app_id=app.id, folded=code.folded)
    revoke(database, code)
    landings.forget(app_id=app.id, folded=code.folded)
    after = landings.by_code(app_id=app.id, folded=code.folded)
    assert after is not None
    assert not after.is_open


def test_a_test_apps_clock_and_codes_are_never_old(database: Database) -> None:
    app = open_shop(database, mode="test", offset_us=-5_000_000)
    code = issued(database, app)
    landings = Landings(database, monotonic=Seconds())
    before = landings.by_code(app_id=app.id, folded=code.folded)
    assert before is not None
    assert before.offset == timedelta(seconds=-5)
    later = update(App).where(App.id == app.id).values(clock_offset_us=86_400_000_001)
    database.transact(lambda session: session.execute(later))
    after = landings.by_code(app_id=app.id, folded=code.folded)
    assert after is not None
    assert after.offset == timedelta(days=1, microseconds=1)


@pytest.mark.parametrize("status", ["draft", "paused", "archived", "ended"])
def test_only_an_active_program_is_open(database: Database, status: str) -> None:
    app = open_shop(database)
    code = issued(database, app)
    change = update(Program).where(Program.app_id == app.id).values(status=status)
    database.transact(lambda session: session.execute(change))
    landing = Landings(database).by_code(app_id=app.id, folded=code.folded)
    assert landing is not None
    assert not landing.is_open


def test_the_memory_is_bounded(database: Database) -> None:
    app = open_shop(database)
    landings = Landings(database, entries_max=10)
    for number in range(50):
        landings.by_code(app_id=app.id, folded=f"C0DE{number}")
    assert len(landings) == 10


def test_tenants_do_not_meet_in_the_cache(database: Database) -> None:
    mine, theirs = open_shop(database), open_shop(database)
    code = issued(database, mine)
    landings = Landings(database, monotonic=Seconds())
    assert landings.by_code(app_id=mine.id, folded=code.folded) is not None
    assert landings.by_code(app_id=theirs.id, folded=code.folded) is None
    assert landings.by_slug(slug=theirs.slug, folded=code.folded) is None
    # A slug that is written like another app's number is still a slug.
    assert landings.by_slug(slug=str(mine.id), folded=code.folded) is None


def test_the_address_around_the_token_is_the_address_with_the_token(database: Database) -> None:
    app = open_shop(database)
    code = issued(
        database,
        app,
        landing_url="https://shop.example?a=1&ref_click=old&ref=old#x=y",
        allowed_hosts=["M.shop.example"],
    )
    landing = Landings(database).by_code(app_id=app.id, folded=code.folded)
    assert landing is not None
    assert landing.before + "T0KEN" + landing.after == "https://shop.example/?a=1&ref=MARIA20&ref_click=T0KEN#x=y"
    assert landing.without_click == "https://shop.example/?a=1&ref=MARIA20#x=y"
    assert landing.places == {"shop.example", "m.shop.example"}
