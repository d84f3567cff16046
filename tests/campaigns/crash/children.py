"""Work done in a process of its own, which may die of it. The parent must have no thread and no open connection."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from sqlalchemy import event

from referral_service.kit.db.engines import Database

DEAD = 137
FAILED = 1


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: `said` is what its work returned, where it lived to return something."""

    status: int
    said: Any
    last_words: str

    @property
    def died(self) -> bool:
        return self.status == DEAD


def in_a_child(work: Callable[[], Any]) -> Ended:
    """Fork, do `work` in the child and give what it returned, a JSON document; an exception's text is last words."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _live(work, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read().decode()
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return Ended(code, json.loads(text) if code == 0 else None, text if code else "")


def _live(work: Callable[[], Any], writing: int) -> NoReturn:
    """Never returns into the parent's code: whatever happens, this process ends here."""
    status = FAILED
    try:
        said = json.dumps(work())
        _write(writing, said)
        status = 0
    except BaseException:  # noqa: BLE001
        _write(writing, traceback.format_exc())
    finally:
        sys.stderr.flush()
        os._exit(status)


def _write(pipe: int, text: str) -> None:
    left = text.encode()
    while left:
        left = left[os.write(pipe, left) :]


class Death:
    """Ends this process, as `kill -9` would, at the k-th moment: before or after a statement or a commit of the
    engine that writes. Before `at` is set it only counts.
    """

    def __init__(self, database: Database) -> None:
        self.at: int | None = None
        self.moments: list[str] = []
        engine = database.write_engine
        event.listen(engine, "before_cursor_execute", self._before)
        event.listen(engine, "after_cursor_execute", self._after)
        commit = engine.dialect.do_commit

        def commit_or_die(connection: Any) -> None:
            self._reach("before COMMIT")
            commit(connection)
            self._reach("after COMMIT")

        # No event tells that a commit is done.
        vars(engine.dialect)["do_commit"] = commit_or_die
        self._engine = engine

    def _before(self, connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        # PostgreSQL's reading engine is the same one with other options.
        if connection.engine is self._engine:
            self._reach(f"before {_short(statement)}")

    def _after(self, connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if connection.engine is self._engine:
            self._reach(f"after {_short(statement)}")

    def _reach(self, moment: str) -> None:
        self.moments.append(moment)
        if len(self.moments) == self.at:
            os._exit(DEAD)

    def start(self, *, at: int | None) -> None:
        """Count from here."""
        self.moments, self.at = [], at


def _short(statement: str) -> str:
    """`INSERT INTO events`, `SELECT … FROM purchases`: enough to find the place."""
    words = statement.split()
    if words[0] == "SELECT" and "FROM" in words:
        return f"SELECT … FROM {words[words.index('FROM') + 1]}"
    return " ".join(words[: 3 if words[0] == "INSERT" else 2])
