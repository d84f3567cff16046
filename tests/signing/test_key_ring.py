"""Every process holds the keys: it asks the table rarely, and cannot be made to ask it often."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asked import statements
from signing.key_cast import SEALER, Seconds, new_ring, ring_with_keys, without_keys
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from referral_service.kit.clock import FixedClock
from referral_service.kit.crypto import CannotOpen, Sealer
from referral_service.kit.db.engines import Database
from referral_service.signing.key_ring import KeyRing, NoSigningKey
from referral_service.signing.models import SigningKey
from referral_service.signing.rotate import ensure_keys, revoke_signing_key, rotate_keys


@pytest.fixture
def readings(database: Database) -> Any:
    """How often the table of keys was read."""
    with statements(database, "FROM signing_keys") as seen:
        yield seen


def rotate(database: Database, clock: FixedClock) -> int:
    return database.transact(lambda session: rotate_keys(session, SEALER, clock.now()).kid)


def test_a_ring_without_keys_says_so(database: Database, clock: FixedClock) -> None:
    without_keys(database)
    ring = new_ring(database, clock)
    with pytest.raises(NoSigningKey):
        ring.current()
    with pytest.raises(NoSigningKey):
        ring.email_index_key()


def test_the_table_is_read_once_for_many_uses(database: Database, clock: FixedClock, readings: list[str]) -> None:
    ring = ring_with_keys(database, clock)
    readings.clear()
    kid, key = ring.current()
    for _ in range(1000):
        assert ring.get(kid) == key
        assert ring.current() == (kid, key)
    assert len(readings) == 1


def test_a_rotated_key_is_known_to_a_running_ring_before_it_signs(database: Database, clock: FixedClock) -> None:
    seconds = Seconds()
    ring = ring_with_keys(database, clock, seconds)
    first, first_key = ring.current()
    second = rotate(database, clock)
    clock.advance(timedelta(seconds=59))
    seconds.pass_by(59)
    assert ring.current() == (first, first_key)
    assert ring.get(second) is not None
    clock.advance(timedelta(seconds=1))
    assert ring.current()[0] == second
    assert ring.get(first) == first_key


def test_an_unknown_key_id_is_looked_up_at_once(database: Database, clock: FixedClock) -> None:
    seconds = Seconds()
    ring = ring_with_keys(database, clock, seconds)
    ring.current()
    added = rotate(database, clock)
    seconds.pass_by(1.01)
    assert ring.get(added) is not None


def test_forged_key_ids_cause_one_query_a_second_at_most(
    database: Database, clock: FixedClock, readings: list[str]
) -> None:
    seconds = Seconds()
    ring = ring_with_keys(database, clock, seconds)
    ring.current()
    readings.clear()
    for _ in range(50):
        for kid in range(20_000, 20_020):
            assert ring.get(kid) is None
        seconds.pass_by(0.1)
    assert 1 <= len(readings) <= 5


def test_a_revoked_key_is_refused_within_the_refresh_span(database: Database, clock: FixedClock) -> None:
    seconds = Seconds()
    ring = ring_with_keys(database, clock, seconds)
    kid, _ = ring.current()
    database.transact(lambda session: revoke_signing_key(session, SEALER, clock.now(), kid=kid))
    seconds.pass_by(15)
    assert ring.get(kid) is None
    assert ring.current()[0] > kid


def test_asking_for_a_revoked_key_reads_nothing(database: Database, clock: FixedClock, readings: list[str]) -> None:
    seconds = Seconds()
    ring = ring_with_keys(database, clock, seconds)
    kid, _ = ring.current()
    database.transact(lambda session: revoke_signing_key(session, SEALER, clock.now(), kid=kid))
    ring.forget()
    assert ring.get(kid) is None
    readings.clear()
    seconds.pass_by(5)
    assert ring.get(kid) is None
    assert readings == []


def test_the_email_index_key_is_no_token_key(database: Database, clock: FixedClock) -> None:
    ring = ring_with_keys(database, clock)
    kids = database.read(lambda session: session.scalars(select(SigningKey.kid)).all())
    index_key = ring.email_index_key()
    assert len(index_key) == 32
    assert [ring.get(kid) for kid in kids].count(None) == 1
    assert index_key not in [ring.get(kid) for kid in kids]


def test_keys_go_on_working_while_the_database_is_away(
    database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = Seconds()
    ring = ring_with_keys(database, clock, seconds)
    kid, key = ring.current()
    tries: list[float] = []

    def away(_work: Callable[..., Any]) -> Any:
        tries.append(seconds())
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(database, "read", away)
    for _ in range(300):
        seconds.pass_by(0.1)
        assert ring.get(kid) == key
    assert 10 <= len(tries) <= 17
    monkeypatch.undo()
    seconds.pass_by(2)
    assert ring.get(kid) == key


def test_a_ring_that_never_read_the_table_raises_what_went_wrong(database: Database, clock: FixedClock) -> None:
    ring_with_keys(database, clock)
    ring = KeyRing(database, Sealer({"k9": "another master key, of enough characters"}), clock)
    with pytest.raises(CannotOpen):
        ring.current()


def test_a_key_sealed_for_one_purpose_does_not_open_for_another(database: Database, clock: FixedClock) -> None:
    without_keys(database)
    ensure_keys(database, SEALER, clock.now())

    def swap(session: Any) -> None:
        token, index = session.scalars(select(SigningKey).order_by(SigningKey.purpose.desc())).all()
        assert (token.purpose, index.purpose) == ("token", "email_index")
        token.ciphertext, index.ciphertext = index.ciphertext, token.ciphertext

    database.transact(swap)
    with pytest.raises(CannotOpen):
        new_ring(database, clock).current()
