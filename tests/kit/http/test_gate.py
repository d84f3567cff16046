"""So many inside at once, so many waiting in turn, whether by threads or by coroutines; no place is lost or made."""

from __future__ import annotations

import asyncio
from functools import partial
from threading import Event

import pytest
from kit.http.threads import PATIENCE_SECONDS, in_thread
from patience import until

from referral_service.kit.http.ingress.gate import Gate


def test_so_many_are_inside_at_once_and_the_next_ones_wait_in_turn() -> None:
    gate = Gate(places=2, waiting_max=3, wait_seconds_max=PATIENCE_SECONDS)
    assert gate.enter()
    assert gate.enter()
    entered: list[int] = []

    def come(number: int) -> None:
        assert gate.enter()
        entered.append(number)

    threads = []
    for number in range(3):
        threads.append(in_thread(partial(come, number)))
        until(partial(lambda number: gate.waiting == number + 1, number))
    assert (gate.inside, gate.waiting, entered) == (2, 3, [])
    for number in range(3):
        gate.leave()
        until(partial(lambda number: len(entered) == number + 1, number))
        assert gate.inside == 2
    assert entered == [0, 1, 2]
    for _ in range(2):
        gate.leave()
    assert (gate.inside, gate.waiting, gate.refused) == (0, 0, 0)


def test_who_finds_all_turns_taken_is_refused_at_once() -> None:
    gate = Gate(places=1, waiting_max=1, wait_seconds_max=PATIENCE_SECONDS)
    assert gate.enter()
    waiting = in_thread(gate.enter)
    until(lambda: gate.waiting == 1)
    assert not gate.enter()
    assert gate.refused == 1
    gate.leave()
    waiting.join(PATIENCE_SECONDS)
    gate.leave()
    assert (gate.inside, gate.enter()) == (0, True)


def test_who_has_waited_long_enough_is_refused_and_takes_no_place() -> None:
    gate = Gate(places=1, waiting_max=1, wait_seconds_max=0.01)
    assert gate.enter()
    assert not gate.enter()
    assert (gate.inside, gate.waiting, gate.refused) == (1, 0, 1)
    gate.leave()
    assert gate.inside == 0
    assert gate.enter()


def test_no_place_is_lost_or_made_when_many_come_go_and_give_up_at_once() -> None:
    gate = Gate(places=3, waiting_max=4, wait_seconds_max=0.001)
    most: list[int] = []

    def come_and_go() -> None:
        for _ in range(300):
            if gate.enter():
                most.append(gate.inside)
                gate.leave()

    threads = [in_thread(come_and_go) for _ in range(12)]
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert max(most) <= 3
    assert (gate.inside, gate.waiting) == (0, 0)
    assert all(gate.enter() for _ in range(3))
    assert not gate.enter()


def test_while_one_is_aside_another_has_the_place_and_who_comes_back_goes_before_the_next() -> None:
    gate = Gate(places=1, waiting_max=3, wait_seconds_max=PATIENCE_SECONDS)
    called, entered = Event(), list[str]()

    def step_aside() -> None:
        assert gate.enter()
        with gate.aside():
            called.wait(PATIENCE_SECONDS)
        entered.append("back")
        gate.leave()

    def come() -> None:
        assert gate.enter()
        entered.append("new")
        gate.leave()

    stepping = in_thread(step_aside)
    until(lambda: gate.waiting == 1)
    assert gate.enter()
    assert (gate.inside, gate.waiting) == (1, 1)
    coming = in_thread(come)
    until(lambda: gate.waiting == 2)
    called.set()
    # Nobody is ahead of time: both wait until the place is free.
    stepping.join(0.05)
    assert (entered, gate.waiting) == ([], 2)
    gate.leave()
    stepping.join(PATIENCE_SECONDS)
    coming.join(PATIENCE_SECONDS)
    assert entered == ["back", "new"]
    assert (gate.inside, gate.waiting, gate.refused) == (0, 0, 0)


def test_who_is_aside_counts_among_those_who_wait() -> None:
    gate = Gate(places=1, waiting_max=1)
    assert gate.enter()
    with gate.aside():
        assert gate.enter()
        with gate.aside():
            # There are places, but threads for two only.
            assert not gate.enter()
            assert (gate.inside, gate.waiting, gate.refused) == (0, 2, 1)
        gate.leave()
    assert (gate.inside, gate.waiting) == (1, 0)


def test_no_place_is_lost_or_made_when_many_step_aside_at_once() -> None:
    gate = Gate(places=2, waiting_max=9, wait_seconds_max=0.001)
    most: list[int] = []

    def come_and_go() -> None:
        for _ in range(200):
            if gate.enter():
                with gate.aside():
                    pass
                most.append(gate.inside)
                gate.leave()

    threads = [in_thread(come_and_go) for _ in range(12)]
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert max(most) <= 2
    assert (gate.inside, gate.waiting) == (0, 0)
    assert all(gate.enter() for _ in range(2))


def test_who_comes_without_a_place_counts_among_the_people_and_has_one_only_while_he_needs_it() -> None:
    gate = Gate(places=1, waiting_max=2)
    assert gate.enter_aside()
    assert gate.enter_aside()
    assert gate.enter()
    assert (gate.inside, gate.waiting, gate.refused) == (1, 2, 0)
    for come in (gate.enter, gate.enter_aside):
        assert not come()
    assert gate.refused == 2
    gate.leave()
    with gate.place():
        assert (gate.inside, gate.waiting) == (1, 2)
    gate.leave_aside()
    gate.leave_aside()
    assert (gate.inside, gate.waiting) == (0, 0)


def test_a_place_for_one_who_is_aside_comes_before_one_for_who_is_new_however_long_it_takes() -> None:
    gate = Gate(places=1, waiting_max=3, wait_seconds_max=PATIENCE_SECONDS)
    entered: list[str] = []
    assert gate.enter_aside()
    assert gate.enter()

    def new() -> None:
        assert gate.enter()
        entered.append("new")
        gate.leave()

    def helper() -> None:
        with gate.place():
            entered.append("helper")

    coming = in_thread(new)
    until(lambda: gate.waiting == 2)
    helping = in_thread(helper)
    until(lambda: gate.waiting == 3)
    gate.leave()
    helping.join(PATIENCE_SECONDS)
    coming.join(PATIENCE_SECONDS)
    assert entered == ["helper", "new"]
    gate.leave_aside()
    assert (gate.inside, gate.waiting) == (0, 0)


def test_a_gate_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="Nobody"):
        Gate(places=0)


def test_coroutines_wait_in_the_same_line_as_threads() -> None:
    gate = Gate(places=1, waiting_max=3, wait_seconds_max=PATIENCE_SECONDS)
    assert gate.enter()
    entered: list[str] = []

    async def come(name: str) -> None:
        assert await gate.come_in()
        entered.append(name)
        gate.leave()

    def come_by_thread() -> None:
        assert gate.enter()
        entered.append("thread")
        gate.leave()

    async def evening() -> None:
        first = asyncio.create_task(come("first"))
        await asyncio.sleep(0)
        thread = in_thread(come_by_thread)
        await asyncio.to_thread(until, lambda: gate.waiting == 2)
        last = asyncio.create_task(come("last"))
        await asyncio.sleep(0)
        assert (entered, gate.waiting) == ([], 3)
        assert not await gate.come_in()
        await asyncio.to_thread(gate.leave)
        await first
        await last
        await asyncio.to_thread(thread.join, PATIENCE_SECONDS)

    asyncio.run(evening())
    assert entered == ["first", "thread", "last"]
    assert (gate.inside, gate.waiting, gate.refused) == (0, 0, 1)


def test_a_coroutine_that_has_waited_long_enough_is_refused_and_takes_no_place() -> None:
    gate = Gate(places=1, waiting_max=1, wait_seconds_max=0.01)
    assert asyncio.run(gate.come_in())
    assert not asyncio.run(gate.come_in())
    assert (gate.inside, gate.waiting, gate.refused) == (1, 0, 1)


@pytest.mark.parametrize("handed_over", [False, True])
def test_a_coroutine_that_is_called_off_while_it_waits_takes_no_place(handed_over: bool) -> None:
    gate = Gate(places=1, waiting_max=1, wait_seconds_max=PATIENCE_SECONDS)

    async def evening() -> None:
        assert await gate.come_in()
        waiting = asyncio.create_task(gate.come_in())
        await asyncio.sleep(0)
        assert gate.waiting == 1
        if handed_over:
            # It has the place, and does not know it yet.
            gate.leave()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        if not handed_over:
            gate.leave()

    asyncio.run(evening())
    assert (gate.inside, gate.waiting) == (0, 0)


def test_no_place_is_lost_or_made_when_coroutines_and_threads_come_go_and_give_up_at_once() -> None:
    gate = Gate(places=3, waiting_max=40, wait_seconds_max=0.002)
    most: list[int] = []

    def work() -> None:
        most.append(gate.inside)
        with gate.aside():
            pass

    async def come_and_go() -> None:
        for _ in range(50):
            if await gate.come_in():
                await asyncio.to_thread(work)
                gate.leave()

    async def crowd() -> None:
        await asyncio.gather(*[come_and_go() for _ in range(20)])

    def threads_crowd() -> None:
        for _ in range(200):
            if gate.enter():
                work()
                gate.leave()

    threads = [in_thread(threads_crowd) for _ in range(4)]
    asyncio.run(crowd())
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert max(most) <= 3
    assert (gate.inside, gate.waiting) == (0, 0)
    assert all(gate.enter() for _ in range(3))
