"""Many pieces of work on one thread: while one waits, the next goes on (fibers; here they are greenlets).

Threads that want the interpreter cost more than most requests do with it. A fiber has its thread to itself until it
waits for its turn, or has something done `elsewhere`, by a thread that may block. What it runs need not know of this,
and runs in a thread of its own just as well; only, it must hold no lock across either, for another fiber of the same
thread could ask for it, and both would wait for ever. Whatever locks, and then asks the database, does both elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context, copy_context
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

from referral_service.kit.clock import monotonic_seconds
from referral_service.kit.concurrency.turns import ThreadTurn, Turn

# To tell the event loop of each that has ended would wake it more often than it can answer.
TOLD_TOGETHER_MAX = 16

Result = TypeVar("Result")


def elsewhere(work: Callable[[], Result]) -> Result:
    """Do what may block: in a fiber by another thread, in a copy of the fiber's context; anywhere else right here."""
    fiber = getcurrent()
    return fiber.home.by_a_helper(work) if isinstance(fiber, _Fiber) else work()


def turn_of_caller() -> Turn:
    """Return what the thread or the fiber that calls may sleep on."""
    fiber = getcurrent()
    return _FiberTurn(fiber) if isinstance(fiber, _Fiber) else ThreadTurn()


def in_fiber() -> bool:
    """Whether the caller shares its thread."""
    return isinstance(getcurrent(), _Fiber)


class Fibers:
    """A thread whose work an event loop brings, and up to `helpers` threads that do what would block it.

    A helper is within `place()` while it works. Threads begin when they are needed.
    """

    def __init__(self, *, helpers: int, place: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self._place = place
        self._helpers = ThreadPoolExecutor(helpers, thread_name_prefix="helper")
        self._thread: Thread | None = None
        # What is to be done next: begin with a piece of work, or go on with one. None is the end.
        self._steps: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        # Until when those sleep who do not sleep for ever.
        self._deadlines: dict[_FiberTurn, float] = {}
        self._ended: list[Callable[[], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do it in a fiber, in an empty context; gives what it returns, or raises what it raises."""
        self._loop = asyncio.get_running_loop()
        if self._thread is None:
            self._thread = Thread(target=self._live, name="fibers", daemon=True)
            self._thread.start()
        future: asyncio.Future[Result] = self._loop.create_future()
        self._steps.put(partial(self._begin, work, future))
        return await future

    def by_a_helper(self, work: Callable[[], Result]) -> Result:
        """Let a helper do what the fiber that calls needs, and go on with others meanwhile."""
        turn = turn_of_caller()
        doing = self._helpers.submit(self._help, copy_context(), work)
        doing.add_done_callback(lambda _: turn.call())
        turn.comes()
        return doing.result()

    def close(self) -> None:
        """End the threads; nothing is asked any more."""
        self._steps.put(None)
        if self._thread is not None:
            self._thread.join()
        self._helpers.shutdown()

    def go_on(self, step: Callable[[], object]) -> None:
        """Do a step of a fiber as soon as it is its turn. Any thread may say so."""
        self._steps.put(step)

    def sleep(self, turn: _FiberTurn, within_seconds: float | None) -> None:
        """Do something else until a step goes on with the fiber that calls, or its time is over."""
        if within_seconds is not None:
            self._deadlines[turn] = monotonic_seconds() + within_seconds
        self._hub.switch()
        self._deadlines.pop(turn, None)

    def _live(self) -> None:
        self._hub = getcurrent()
        while True:
            try:
                step = self._steps.get(timeout=self._seconds_to_sleep())
            except Empty:
                self._wake_the_late()
            else:
                if step is None:
                    return
                step()
            if self._ended and (len(self._ended) >= TOLD_TOGETHER_MAX or self._steps.empty()):
                self._tell()

    def _seconds_to_sleep(self) -> float | None:
        if not self._deadlines or not self._steps.empty():
            return None
        return max(min(self._deadlines.values()) - monotonic_seconds(), 0)

    def _wake_the_late(self) -> None:
        now = monotonic_seconds()
        for turn in [turn for turn, deadline in self._deadlines.items() if deadline <= now]:
            turn.fiber.switch()

    def _begin(self, work: Callable[[], Result], future: asyncio.Future[Result]) -> None:
        _Fiber(self, partial(self._carry, work, future)).switch()

    def _carry(self, work: Callable[[], Result], future: asyncio.Future[Result]) -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 -- it is raised where the work came from
            self._ended.append(partial(_settle, future, future.set_exception, error))
        else:
            self._ended.append(partial(_settle, future, future.set_result, result))

    def _tell(self) -> None:
        ended, self._ended = self._ended, []
        # Nobody waits in a loop that has been closed.
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_call_each, ended)

    def _help(self, context: Context, work: Callable[[], Result]) -> Result:
        with self._place():
            return context.run(work)


class _Fiber(greenlet):
    """One piece of work of a thread that it shares."""

    def __init__(self, home: Fibers, run: Callable[[], None]) -> None:
        super().__init__(run)
        self.home = home


class _FiberTurn:
    """A fiber's turn: while it sleeps, its thread goes on with others."""

    __slots__ = ("_is_asleep", "_is_called", "fiber")

    def __init__(self, fiber: _Fiber) -> None:
        self.fiber = fiber
        self._is_called = self._is_asleep = False

    def call(self) -> None:
        self.fiber.home.go_on(self._hear)

    def comes(self, *, within_seconds: float | None = None) -> bool:
        if not self._is_called:
            self._is_asleep = True
            self.fiber.home.sleep(self, within_seconds)
            self._is_asleep = False
        came, self._is_called = self._is_called, False
        return came

    def _hear(self) -> None:
        self._is_called = True
        if self._is_asleep:
            self.fiber.switch()


def _settle(future: asyncio.Future[Any], settle: Callable[[Any], None], outcome: Any) -> None:
    # Whoever waited may have been called off.
    if not future.done():
        settle(outcome)


def _call_each(calls: list[Callable[[], None]]) -> None:
    for call in calls:
        call()
