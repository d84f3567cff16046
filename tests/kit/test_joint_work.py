"""A verb that takes lists: alone, in a session that is there, together with others, and alone again if it must be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from patience import WAIT_SECONDS, until
from sqlalchemy import text
from sqlalchemy.orm import Session

from referral_service.kit.db.engines import Database
from referral_service.kit.db.joint_work import JointWork


class Notes:
    """Writes numbers down. Some are left undone by the list, some cannot be written, and the first may be held up."""

    def __init__(self, database: Database) -> None:
        self.lists: list[list[int]] = []
        self.is_held, self.may_go = Event(), Event()
        self.work: JointWork[int, str] = JointWork(database, self.write, alike=lambda number: number > 1000)
        self.with_a_way_alone: JointWork[int, str] = JointWork(
            database, self.write, alike=lambda number: number > 1000, alone=self.write_one
        )

    def write(self, session: Session, numbers: Sequence[int]) -> list[str | None]:
        self.lists.append(list(numbers))
        return [None if number % 10 == 7 else self.write_one(session, number) for number in numbers]

    def write_one(self, session: Session, number: int) -> str:
        if not self.is_held.is_set():
            self.is_held.set()
            assert self.may_go.wait(WAIT_SECONDS)
        if number % 10 == 9:
            raise ValueError(number)
        session.execute(text("INSERT INTO notes_of_joint_work VALUES (:it)"), {"it": number})
        return f"written {number}"


@pytest.fixture
def notes(database: Database) -> Iterator[Notes]:
    database.transact(lambda session: session.execute(text("CREATE TABLE notes_of_joint_work (number INTEGER)")))
    yield Notes(database)
    database.transact(lambda session: session.execute(text("DROP TABLE notes_of_joint_work")))


def written(database: Database) -> set[int]:
    def work(session: Session) -> set[int]:
        return set(session.scalars(text("SELECT number FROM notes_of_joint_work")))

    return database.read(work)


def at_once(notes: Notes, work: JointWork[int, str], numbers: Sequence[int]) -> list[str]:
    """Bring them while the first is held up; gives what each was answered, or the error's text."""

    def bring(number: int) -> str:
        try:
            return work.do(number)
        except ValueError as error:
            return f"error {error}"

    with ThreadPoolExecutor(len(numbers)) as threads:
        brought = [threads.submit(bring, numbers[0])]
        assert notes.is_held.wait(WAIT_SECONDS)
        for waiting, number in enumerate(numbers[1:], start=1):
            brought.append(threads.submit(bring, number))
            until(lambda waiting=waiting: work.waiting == waiting)  # type: ignore[misc]
        notes.may_go.set()
        return [one.result() for one in brought]


def test_those_who_come_together_share_a_list_and_a_transaction(notes: Notes, database: Database) -> None:
    assert at_once(notes, notes.work, [1, 2, 3, 4]) == [f"written {n}" for n in (1, 2, 3, 4)]
    assert notes.lists == [[1], [2, 3, 4]]
    assert written(database) == {1, 2, 3, 4}


def test_what_the_list_leaves_undone_is_done_alone(notes: Notes, database: Database) -> None:
    answers = at_once(notes, notes.with_a_way_alone, [1, 2, 7, 4])
    assert answers == [f"written {n}" for n in (1, 2, 7, 4)]
    assert notes.lists == [[2, 7, 4]]
    assert written(database) == {1, 2, 4, 7}


def test_one_that_fails_spoils_no_other(notes: Notes, database: Database) -> None:
    assert at_once(notes, notes.work, [1, 2, 9, 4]) == ["written 1", "written 2", "error 9", "written 4"]
    assert written(database) == {1, 2, 4}


def test_in_a_session_it_is_done_there_and_with_it_undone(notes: Notes, database: Database) -> None:
    notes.is_held.set()

    def work(session: Session) -> None:
        assert notes.work.do(5, session) == "written 5"
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        database.transact(work)
    assert written(database) == set()


def test_a_verb_must_not_leave_undone_what_it_was_given_alone(notes: Notes) -> None:
    notes.is_held.set()
    with pytest.raises(AssertionError, match="left undone"):
        notes.work.do(7)
