"""Many on one thread: who waits holds up nobody, what blocks is done by others, and each gets what is his."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from random import Random
from threading import Event, Thread, get_ident
from time import monotonic, sleep
from typing import Any, TypeVar

import pytest
from patience import WAIT_SECONDS, until

from referral_service.kit.concurrency.fibers import Fibers, elsewhere, in_fiber, turn_of_caller
from referral_service.kit.concurrency.gather import Gathering
from referral_service.kit.concurrency.turns import Turn
from referral_service.kit.errors import Overloaded

T = TypeVar("T")

name: ContextVar[str] = ContextVar("name", default="nobody")


class Refused(Exception):
    pass


class Gone(BaseException):
    pass


@pytest.fixture
def fibers() -> Iterator[Fibers]:
    made = Fibers(helpers=2)
    yield made
    made.close()


def run_all(fibers: Fibers, *works: Callable[[], T]) -> list[T | BaseException]:
    """Bring each as a fiber, in this order and at once; gives what they came to."""

    async def evening() -> list[T | BaseException]:
        together = asyncio.gather(*map(fibers.run, works), return_exceptions=True)
        return await asyncio.wait_for(together, WAIT_SECONDS)

    return asyncio.run(evening())


def test_all_run_on_one_thread_and_whoever_waits_lets_the_next_go_on(fibers: Fibers) -> None:
    said: list[str] = []
    turns: dict[str, Turn] = {}

    def first() -> int:
        turns["first"] = turn_of_caller()
        said.append("first waits")
        assert turns["first"].comes()
        said.append("first goes on")
        return get_ident()

    def second() -> int:
        said.append("second calls")
        turns["first"].call()
        said.append("second ends")
        return get_ident()

    one, other = run_all(fibers, first, second)
    assert one == other != get_ident()
    assert said == ["first waits", "second calls", "second ends", "first goes on"]


def test_whoever_is_called_before_he_sleeps_does_not_sleep_and_each_call_is_for_one_sleep(fibers: Fibers) -> None:
    def work() -> list[bool]:
        turn = turn_of_caller()
        turn.call()
        came = [turn.comes(within_seconds=WAIT_SECONDS)]
        return [*came, turn.comes(within_seconds=0.01)]

    assert run_all(fibers, work) == [[True, False]]


def test_a_call_that_comes_too_late_is_kept_for_the_next_sleep(fibers: Fibers) -> None:
    turns: list[Turn] = []

    def work() -> list[bool]:
        turns.append(turn_of_caller())
        in_time = turns[0].comes(within_seconds=0.01)
        elsewhere(turns[0].call)
        return [in_time, turns[0].comes(within_seconds=WAIT_SECONDS)]

    assert run_all(fibers, work) == [[False, True]]


def test_each_sleeps_as_long_as_he_said(fibers: Fibers) -> None:
    def sleeping(seconds: float) -> Callable[[], float]:
        def work() -> float:
            began = monotonic()
            assert not turn_of_caller().comes(within_seconds=seconds)
            return monotonic() - began

        return work

    slept = run_all(fibers, sleeping(0.3), sleeping(0.02), sleeping(0.15))
    assert all(isinstance(seconds, float) for seconds in slept)
    assert [seconds >= least for seconds, least in zip(slept, (0.3, 0.02, 0.15), strict=True)] == [True] * 3  # type: ignore[operator]
    assert slept[1] < 0.15 <= slept[2] < 0.3 <= slept[0]  # type: ignore[operator]


def test_what_blocks_is_done_by_another_thread_in_the_name_of_the_fiber(fibers: Fibers) -> None:
    go_on = Event()

    def blocking() -> tuple[str, int, bool]:
        assert go_on.wait(WAIT_SECONDS)
        return name.get(), get_ident(), in_fiber()

    def first() -> tuple[bool, tuple[str, int, bool], int]:
        name.set("first")
        return in_fiber(), elsewhere(blocking), get_ident()

    def second() -> str:
        # The first is away: this one goes on meanwhile, and has a context of its own.
        seen = name.get()
        go_on.set()
        return seen

    one, other = run_all(fibers, first, second)
    assert isinstance(one, tuple)
    shared, (seen, helper, in_helper), thread = one
    assert (shared, seen, in_helper, other) == (True, "first", False, "nobody")
    assert helper != thread


def test_what_is_raised_comes_out_where_the_work_came_from_and_spoils_no_other(fibers: Fibers) -> None:
    def refusing() -> None:
        raise Refused("here")

    def refused_elsewhere() -> None:
        elsewhere(refusing)

    def leaving() -> None:
        raise Gone

    outcomes = run_all(fibers, refusing, refused_elsewhere, leaving, lambda: "fine")
    assert [type(it) for it in outcomes] == [Refused, Refused, Gone, str]


def test_outside_of_fibers_what_may_block_is_done_right_here() -> None:
    assert elsewhere(get_ident) == get_ident()
    assert not in_fiber()
    turn = turn_of_caller()
    Thread(target=turn.call).start()
    assert turn.comes(within_seconds=WAIT_SECONDS)


def test_who_helps_has_a_place_for_as_long_as_he_works() -> None:
    held: list[int] = []
    most: list[int] = []

    @contextmanager
    def place() -> Iterator[None]:
        held.append(1)
        most.append(len(held))
        yield
        held.pop()

    def work() -> int:
        def blocking() -> int:
            sleep(0.001)
            return len(held)

        return elsewhere(blocking)

    made = Fibers(helpers=2, place=place)
    seen = run_all(made, *[work] * 12)
    made.close()
    assert set(seen) <= {1, 2}
    assert (max(most), held) == (2, [])


def test_whoever_is_called_off_is_forgotten_and_the_others_are_answered(fibers: Fibers) -> None:
    go_on = Event()

    def held() -> str:
        return elsewhere(lambda: str(go_on.wait(WAIT_SECONDS)))

    async def evening() -> str:
        called_off, other = (asyncio.create_task(fibers.run(held)) for _ in range(2))
        await asyncio.sleep(0.01)
        called_off.cancel()
        with pytest.raises(asyncio.CancelledError):
            await called_off
        go_on.set()
        return await other

    assert asyncio.run(evening()) == "True"


def test_a_second_event_loop_is_served_as_the_first_was(fibers: Fibers) -> None:
    assert run_all(fibers, lambda: 1) == run_all(fibers, lambda: 1) == [1]


def test_fibers_that_are_closed_leave_no_thread() -> None:
    idle, made = Fibers(helpers=2), Fibers(helpers=2)
    (helper,) = run_all(made, lambda: elsewhere(get_ident))
    assert isinstance(helper, int)
    thread = made._thread
    assert thread is not None
    for each in (idle, made):
        each.close()
    assert not any(it.is_alive() for it in (thread, *made._helpers._threads))


def test_fibers_are_gathered_and_none_holds_up_the_thread() -> None:
    batches: list[list[int]] = []
    go_on = Event()

    def together(items: Sequence[int]) -> list[int | None]:
        batches.append(list(items))
        return [None if item == 3 else -item for item in items]

    def alone(item: int) -> int:
        def held() -> int:
            assert go_on.wait(WAIT_SECONDS)
            return -item

        return elsewhere(held)

    gathering: Gathering[int, int] = Gathering(alone=alone, together=together, alike=lambda _: None)
    made = Fibers(helpers=2)

    async def evening() -> list[int]:
        brought = [asyncio.create_task(made.run(lambda item=item: gathering.do(item))) for item in range(1, 6)]  # type: ignore[misc]
        while gathering.waiting < 4:  # noqa: ASYNC110 (fibers change it, and no event tells)
            await asyncio.sleep(0.001)
        go_on.set()
        return await asyncio.gather(*brought)

    assert asyncio.run(evening()) == [-1, -2, -3, -4, -5]
    assert batches == [[2, 3, 4, 5]]
    made.close()


def test_a_fiber_that_has_waited_long_enough_in_a_crowd_is_told_so(fibers: Fibers) -> None:
    go_on = Event()
    gathering: Gathering[str, bool] = Gathering(
        alone=lambda _: elsewhere(lambda: go_on.wait(WAIT_SECONDS)),
        together=lambda items: [True for _ in items],
        alike=lambda _: None,
        wait_seconds_max=0.02,
    )

    async def evening() -> bool:
        first = asyncio.create_task(fibers.run(lambda: gathering.do("first")))
        await asyncio.sleep(0.01)
        with pytest.raises(Overloaded):
            await fibers.run(lambda: gathering.do("second"))
        go_on.set()
        return await first

    assert asyncio.run(evening())
    assert gathering.waiting == 0


def test_in_a_crowd_of_fibers_and_threads_each_gets_what_is_his_once() -> None:
    random = Random(20261122)
    done: list[int] = []

    def together(items: Sequence[int]) -> list[int | None]:
        def work() -> list[int | None]:
            if len(items) % 5 == 0:
                raise Refused
            kept = [item for item in items if item % 7]
            done.extend(kept)
            return [-item if item % 7 else None for item in items]

        return elsewhere(work)

    def alone(item: int) -> int:
        elsewhere(lambda: done.append(item))
        return -item

    gathering: Gathering[int, int] = Gathering(alone=alone, together=together, alike=lambda item: item % 3, batch_max=9)
    items = list(range(1, 1501))
    random.shuffle(items)
    made = Fibers(helpers=3)
    by_threads: dict[int, int] = {}
    threads = [
        Thread(target=lambda part=part: by_threads.update({it: gathering.do(it) for it in part}))
        for part in (items[:150], items[150:300], items[300:450])
    ]
    for thread in threads:
        thread.start()
    mine: list[Any] = run_all(made, *[lambda item=item: gathering.do(item) for item in items[450:]])
    for thread in threads:
        thread.join(WAIT_SECONDS)
    until(lambda: len(by_threads) == 450)
    made.close()
    assert mine == [-item for item in items[450:]]
    assert by_threads == {item: -item for item in items[:450]}
    assert sorted(done) == list(range(1, 1501))
