"""Positions: without gaps, in one order, an object's changes in their sequence, and never behind a reader."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from referral_service.kit.db.engines import Database
from referral_service.kit.ids import new_id
from referral_service.notifications.announce import Change, announce
from referral_service.notifications.list_after import list_after
from referral_service.notifications.place import Unplaced, apps_with_unplaced, in_order, place_notifications

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def change(object_id: str, sequence: int) -> Change:
    return Change(
        type="reward.available",
        object_id=object_id,
        sequence=sequence,
        previous_state="pending",
        state="available",
        reason="hold_ended",
        object={"id": object_id},
    )


def tell(database: Database, app_id: int, *changes: Change) -> None:
    database.transact(lambda session: announce(session, app_id=app_id, changes=changes, now=NOW))


def place(database: Database, app_id: int, *, limit: int = 1000) -> int:
    return len(database.transact(lambda session: place_notifications(session, app_id=app_id, limit=limit)))


def read(database: Database, app_id: int, *, after: int = 0) -> list[tuple[int, str, int]]:
    rows = database.read(lambda session: list_after(session, app_id=app_id, after=after))
    return [(row.position, row.object["id"], row.sequence) for row in rows]


def reorder_ids(database: Database, app_id: int, newest_first: Sequence[tuple[str, int]]) -> None:
    """Give the rows ids that sort in this order, as clocks of two machines that differ would."""

    def work(session: Session) -> None:
        for object_id, sequence in newest_first:
            session.execute(
                text("UPDATE notifications SET id = :id WHERE app_id = :app AND object_id = :object AND sequence = :n"),
                {"id": new_id("ntf"), "app": app_id, "object": object_id, "n": sequence},
            )

    database.transact(work)


def test_positions_start_at_one_and_go_on_without_a_gap(database: Database, app_id: int) -> None:
    tell(database, app_id, change("rwd_a", 1), change("rwd_b", 1))
    assert place(database, app_id) == 2
    tell(database, app_id, change("rwd_a", 2))
    assert place(database, app_id) == 1
    assert place(database, app_id) == 0
    assert read(database, app_id) == [(1, "rwd_a", 1), (2, "rwd_b", 1), (3, "rwd_a", 2)]


def test_what_has_no_position_is_not_there_yet(database: Database, app_id: int) -> None:
    tell(database, app_id, change("rwd_a", 1))
    assert read(database, app_id) == []
    place(database, app_id)
    assert read(database, app_id) == [(1, "rwd_a", 1)]
    assert read(database, app_id, after=1) == []


def test_the_same_change_cannot_be_announced_twice(database: Database, app_id: int) -> None:
    tell(database, app_id, change("rwd_a", 1))
    with pytest.raises(IntegrityError):
        tell(database, app_id, change("rwd_a", 1))


def test_the_limit_holds_for_one_turn_and_nothing_is_left_over(database: Database, app_id: int) -> None:
    tell(database, app_id, *(change(f"rwd_{n:02}", 1) for n in range(25)))
    assert [place(database, app_id, limit=10) for _ in range(4)] == [10, 10, 5, 0]
    assert [row[0] for row in read(database, app_id)] == list(range(1, 26))


def test_apps_that_wait_for_positions_are_found(database: Database, app_id: int) -> None:
    tell(database, app_id, change("rwd_a", 1))
    assert app_id in database.read(lambda session: apps_with_unplaced(session, limit=1000))
    place(database, app_id)
    assert app_id not in database.read(lambda session: apps_with_unplaced(session, limit=1000))


def test_ids_of_machines_with_different_clocks_do_not_turn_an_objects_changes_round(
    database: Database, app_id: int
) -> None:
    tell(database, app_id, change("rwd_a", 1), change("rwd_b", 1), change("rwd_a", 2))
    reorder_ids(database, app_id, [("rwd_a", 2), ("rwd_b", 1), ("rwd_a", 1)])
    assert place(database, app_id) == 3
    assert read(database, app_id) == [(1, "rwd_a", 1), (2, "rwd_b", 1), (3, "rwd_a", 2)]


def test_a_limit_between_two_changes_of_one_object_takes_the_earlier_one_along(database: Database, app_id: int) -> None:
    tell(database, app_id, *(change("rwd_a", n) for n in (1, 2, 3)), change("rwd_b", 1))
    reorder_ids(database, app_id, [("rwd_a", 3), ("rwd_b", 1), ("rwd_a", 1), ("rwd_a", 2)])
    assert place(database, app_id, limit=1) == 3
    place(database, app_id)
    assert [row[1:] for row in read(database, app_id)] == [("rwd_a", 1), ("rwd_a", 2), ("rwd_a", 3), ("rwd_b", 1)]


def test_many_placers_and_writers_at_once_leave_no_gap_and_no_double(database: Database, app_id: int) -> None:
    def write(n: int) -> None:
        for sequence in range(1, 11):
            tell(database, app_id, change(f"rwd_{n}", sequence))

    def keep_placing(_: int) -> None:
        # A worker rests between two turns as well.
        while not done.wait(0.005):
            place(database, app_id, limit=7)

    done = Event()
    with ThreadPoolExecutor(6) as pool:
        placers = [pool.submit(keep_placing, n) for n in range(2)]
        try:
            list(pool.map(write, range(4)))
        finally:
            done.set()
    assert all(placer.result() is None for placer in placers)
    place(database, app_id)
    rows = read(database, app_id)
    assert [row[0] for row in rows] == list(range(1, 41))
    for n in range(4):
        assert [row[2] for row in rows if row[1] == f"rwd_{n}"] == list(range(1, 11))


def test_what_commits_late_gets_a_later_position_and_no_reader_passes_over_it(database: Database, app_id: int) -> None:
    if database.is_sqlite:
        # One writer: nothing can commit while another transaction writes.
        tell(database, app_id, change("rwd_slow", 1), change("rwd_fast", 1))
        place(database, app_id)
        assert [row[1] for row in read(database, app_id)] == ["rwd_slow", "rwd_fast"]
        return
    written, go_on = Event(), Event()

    def slowly(session: Session) -> None:
        announce(session, app_id=app_id, changes=[change("rwd_slow", 1)], now=NOW)
        written.set()
        assert go_on.wait(10)

    thread = Thread(target=lambda: database.transact(slowly))
    thread.start()
    assert written.wait(10)
    tell(database, app_id, change("rwd_fast", 1))
    assert place(database, app_id) == 1
    assert read(database, app_id) == [(1, "rwd_fast", 1)]
    go_on.set()
    thread.join()
    place(database, app_id)
    assert read(database, app_id, after=1) == [(2, "rwd_slow", 1)]


@given(st.permutations([(name, n) for name in "abc" for n in (1, 2, 3)]))
def test_whatever_the_ids_an_objects_changes_are_ordered_by_sequence(arrival: list[tuple[str, int]]) -> None:
    rows = [Unplaced(f"ntf_{place}", "reward.available", name, n) for place, (name, n) in enumerate(arrival)]
    ordered = in_order(rows)
    assert sorted(ordered) == sorted(rows)
    for name in "abc":
        assert [row.sequence for row in ordered if row.object_id == name] == [1, 2, 3]
    # Each object's changes stand where that object's rows stand by id.
    assert [row.object_id for row in ordered] == [name for name, _ in arrival]
