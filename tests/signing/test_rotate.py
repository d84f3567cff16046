"""Keys are made once however many processes start, and a rotation is an insert."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from signing.key_cast import SEALER, new_ring, ring_with_keys, without_keys
from sqlalchemy import func, select

from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.signing.models import SigningKey
from referral_service.signing.rotate import (
    KeyIdsUsedUp,
    SigningKeyNotFound,
    ensure_keys,
    revoke_signing_key,
    rotate_keys,
)


def counted(database: Database) -> dict[str, int]:
    rows = database.read(
        lambda session: session.execute(select(SigningKey.purpose, func.count()).group_by(SigningKey.purpose)).all()
    )
    return {row[0]: row[1] for row in rows}


def test_processes_that_start_together_make_the_first_keys_once(database: Database, clock: FixedClock) -> None:
    for _ in range(10):
        without_keys(database)
        together = Barrier(6)

        def start(_number: int, together: Barrier = together) -> None:
            together.wait()
            ensure_keys(database, SEALER, clock.now())

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(start, range(6)))
        assert counted(database) == {"token": 1, "email_index": 1}


def test_a_later_start_changes_nothing(database: Database, clock: FixedClock) -> None:
    ring = ring_with_keys(database, clock)
    before = (ring.current(), ring.email_index_key())
    clock.advance(timedelta(days=400))
    ensure_keys(database, SEALER, clock.now())
    ring.forget()
    assert (ring.current(), ring.email_index_key()) == before


def test_the_first_key_signs_at_once_and_later_ones_after_the_delay(database: Database, clock: FixedClock) -> None:
    without_keys(database)
    first = database.transact(lambda session: rotate_keys(session, SEALER, clock.now()))
    assert first.active_from == clock.now()
    second = database.transact(lambda session: rotate_keys(session, SEALER, clock.now(), delay_seconds=90))
    assert second.active_from == clock.now() + timedelta(seconds=90)
    assert second.kid > first.kid


def test_every_key_is_another(database: Database, clock: FixedClock) -> None:
    ring = ring_with_keys(database, clock)
    kids = [database.transact(lambda session: rotate_keys(session, SEALER, clock.now()).kid) for _ in range(3)]
    keys = {ring.get(kid) for kid in kids} | {ring.current()[1], ring.email_index_key()}
    assert None not in keys
    assert len(keys) == 5


def test_revoking_the_only_key_leaves_one_that_signs(database: Database, clock: FixedClock) -> None:
    kid, key = ring_with_keys(database, clock).current()
    database.transact(lambda session: revoke_signing_key(session, SEALER, clock.now(), kid=kid))
    ring = new_ring(database, clock)
    assert ring.get(kid) is None
    assert ring.current() != (kid, key)


def test_revoking_one_of_several_makes_no_new_one(database: Database, clock: FixedClock) -> None:
    kid, _ = ring_with_keys(database, clock).current()
    second = database.transact(lambda session: rotate_keys(session, SEALER, clock.now(), delay_seconds=0).kid)
    database.transact(lambda session: revoke_signing_key(session, SEALER, clock.now(), kid=kid))
    assert counted(database)["token"] == 2
    assert new_ring(database, clock).current()[0] == second


def test_revoking_again_keeps_the_first_moment(database: Database, clock: FixedClock) -> None:
    kid, _ = ring_with_keys(database, clock).current()
    database.transact(lambda session: revoke_signing_key(session, SEALER, clock.now(), kid=kid))
    revoked_at = clock.now()
    clock.advance(timedelta(hours=1))
    again = database.transact(lambda session: revoke_signing_key(session, SEALER, clock.now(), kid=kid))
    assert again.revoked_at == revoked_at
    assert counted(database)["token"] == 2


def test_only_a_token_key_can_be_revoked(database: Database, clock: FixedClock) -> None:
    ring_with_keys(database, clock)
    index_kid = database.read(
        lambda session: session.scalars(select(SigningKey.kid).where(SigningKey.purpose == "email_index")).one()
    )
    with pytest.raises(SigningKeyNotFound):
        database.transact(lambda session: revoke_signing_key(session, SEALER, clock.now(), kid=index_kid))
    with pytest.raises(SigningKeyNotFound):
        database.transact(lambda session: revoke_signing_key(session, SEALER, clock.now(), kid=31_000))


def test_a_key_id_that_does_not_fit_into_a_token_is_refused(database: Database, clock: FixedClock) -> None:
    without_keys(database)
    last = SigningKey(kid=32_767, purpose="token", ciphertext=b"", active_from=clock.now(), created_at=clock.now())
    sqlite = database.is_sqlite
    database.transact(lambda session: session.add(last))
    if not sqlite:
        with database.write_engine.begin() as connection:
            connection.exec_driver_sql("SELECT setval(pg_get_serial_sequence('signing_keys', 'kid'), 32767)")
    with pytest.raises(KeyIdsUsedUp):
        database.transact(lambda session: rotate_keys(session, SEALER, clock.now()))
    without_keys(database)
    if not sqlite:
        with database.write_engine.begin() as connection:
            connection.exec_driver_sql("SELECT setval(pg_get_serial_sequence('signing_keys', 'kid'), 100)")
