"""One transaction for a request, committed once; a deadlock is tried again, and nobody notices."""

from __future__ import annotations

from kit.http.probe import Switches, effects
from sqlalchemy.exc import DBAPIError, OperationalError

from builders import Api
from referral_service.kit.db.engines import Database


class Deadlock(Exception):
    """As psycopg says it."""

    sqlstate = "40P01"


def a_deadlock() -> DBAPIError:
    return OperationalError("UPDATE", {}, Deadlock())


def test_a_deadlock_is_tried_again_with_the_request_as_it_came(
    api: Api, database: Database, switches: Switches
) -> None:
    switches.fail_first_with = a_deadlock()
    answer = api.post("/probe/act", {"count": 3})
    assert answer.status_code == 201
    assert switches.runs == [{"count": 3}, {"count": 3}]
    assert effects(database) == 1


def test_work_after_the_commit_is_done_once_and_only_then(api: Api, switches: Switches) -> None:
    switches.fail_first_with = a_deadlock()
    answer = api.post("/probe/act")
    assert switches.committed == [answer.json["id"]]


def test_work_after_the_commit_is_left_out_where_nothing_is_committed(api: Api, switches: Switches) -> None:
    switches.fail_first_with = RuntimeError("no")
    assert api.post("/probe/act").status_code == 500
    assert switches.committed == []


def test_a_reading_view_cannot_write(api: Api, database: Database) -> None:
    assert api.get("/probe/writes").status_code >= 500
    assert effects(database) == 0
