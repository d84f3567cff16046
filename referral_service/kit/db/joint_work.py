"""A verb that takes lists, for threads that bring one item each: those who come together share its transaction."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Generic, TypeAlias, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from referral_service.kit.concurrency.gather import Gathering
from referral_service.kit.db.engines import LOCK_WAIT_SECONDS, Database

# For a lock, where several wait because of one: then only that one goes on waiting, alone and five times as long.
_SHORT_PATIENCE = text(f"SET LOCAL lock_timeout = '{LOCK_WAIT_SECONDS // 5}s'")

Item = TypeVar("Item")
Result = TypeVar("Result")

Aside: TypeAlias = Callable[[], AbstractContextManager[None]]


class JointWork(Generic[Item, Result]):
    """Does `verb` in transactions of its own: for one item, or for several that are `alike`. Threads share it.

    The verb gives the results in the order of the items, or None for one that it has left undone, which is then done
    alone by `alone` (without one, by the verb, which must not leave it). Where it raises for several, each is done
    alone, and raises what is its own. Nothing has been done then, unless the connection broke in the very commit: so to
    do an item twice must be harmless. A thread that only waits for others does so within `aside()`.
    """

    def __init__(
        self,
        database: Database,
        verb: Callable[[Session, Sequence[Item]], Sequence[Result | None]],
        *,
        alike: Callable[[Item], Hashable],
        alone: Callable[[Session, Item], Result] | None = None,
        aside: Aside = nullcontext,
    ) -> None:
        self._database = database
        self._verb = verb
        self._verb_for_one = alone or self._by_the_verb
        self._gathering: Gathering[Item, Result] = Gathering(
            alone=self._alone, together=self._together, alike=alike, aside=aside
        )

    def do(self, item: Item, session: Session | None = None) -> Result:
        """Do it, alone or together with others, and return what it came to, which is committed.

        With a `session` it is done there, alone, and committed with whatever else is.
        """
        return self._gathering.do(item) if session is None else self._verb_for_one(session, item)

    @property
    def waiting(self) -> int:
        """How many wait for those before them."""
        return self._gathering.waiting

    def _alone(self, item: Item) -> Result:
        return self._database.transact(lambda session: self._verb_for_one(session, item))

    def _together(self, items: Sequence[Item]) -> Sequence[Result | None]:
        def work(session: Session) -> Sequence[Result | None]:
            if not self._database.is_sqlite:
                session.execute(_SHORT_PATIENCE)
            return self._verb(session, items)

        return self._database.transact(work)

    def _by_the_verb(self, session: Session, item: Item) -> Result:
        (result,) = self._verb(session, [item])
        if result is None:
            raise AssertionError("the verb has left undone what it was given alone")
        return result
