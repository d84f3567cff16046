from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from threading import Event, Lock, get_ident
from time import monotonic, sleep

import pytest

from referral_service.kit.gather import Gathering

WAIT_SECONDS = 30


class Refused(Exception):
    pass


class Desk:
    """Does texts: `spoilt` ones raise, alone and in company, `shy` ones are left by a batch. Holds the first while the
    gate is closed."""

    def __init__(self, *, batch_max: int = 64) -> None:
        self.gate = Event()
        self.alone: list[str] = []
        self.batches: list[list[str]] = []
        self.threads: dict[str, int] = {}
        self.most_at_once = 0
        self._at_once = 0
        self._lock = Lock()
        self.gathering: Gathering[str, str] = Gathering(
            alone=self._do_alone,
            together=self._do_together,
            alike=lambda text: text.split("-")[0],
            batch_max=batch_max,
        )

    def _do_alone(self, text: str) -> str:
        self.alone.append(text)
        self.threads[text] = get_ident()
        self._work()
        if "spoilt" in text:
            raise Refused(text)
        return text.upper()

    def _do_together(self, texts: Sequence[str]) -> list[str | None]:
        self.batches.append(list(texts))
        self._work()
        if any("spoilt" in text for text in texts):
            raise Refused(texts)
        return [None if "shy" in text else text.upper() for text in texts]

    def _work(self) -> None:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        assert self.gate.wait(WAIT_SECONDS)
        with self._lock:
            self._at_once -= 1


def until(holds: Callable[[], bool]) -> None:
    deadline = monotonic() + WAIT_SECONDS
    while not holds():
        assert monotonic() < deadline
        sleep(0.001)


def brought(desk: Desk, first: Sequence[str], texts: Sequence[str]) -> list[Future[str]]:
    """Bring `first`, one of each kind, which lead; then the rest, one by one, while those are held; then let go."""
    with ThreadPoolExecutor(len(first) + len(texts)) as threads:
        held = [threads.submit(desk.gathering.do, text) for text in first]
        until(lambda: len(desk.alone) == len(first))
        queued = []
        for number, text in enumerate(texts, start=1):
            queued.append(threads.submit(desk.gathering.do, text))
            until(lambda number=number: desk.gathering.waiting == number)  # type: ignore[misc]
        desk.gate.set()
    return held + queued


def test_who_comes_alone_is_served_at_once_and_alone() -> None:
    desk = Desk()
    desk.gate.set()
    assert [desk.gathering.do(text) for text in ("a-1", "a-2")] == ["A-1", "A-2"]
    assert (desk.alone, desk.batches) == (["a-1", "a-2"], [])


def test_those_who_come_meanwhile_are_served_together_in_the_order_in_which_they_came() -> None:
    desk = Desk()
    done = brought(desk, ["a-1"], ["a-2", "a-3", "a-4"])
    assert [one.result() for one in done] == ["A-1", "A-2", "A-3", "A-4"]
    assert (desk.alone, desk.batches) == (["a-1"], [["a-2", "a-3", "a-4"]])


def test_only_what_is_alike_is_put_together_and_nobody_is_overtaken_by_his_own_kind() -> None:
    desk = Desk()
    brought(desk, ["a-1", "b-1", "c-1"], ["b-2", "a-2", "b-3", "c-2", "a-3"])
    assert sorted(desk.batches) == [["a-2", "a-3"], ["b-2", "b-3"]]
    assert sorted(desk.alone) == ["a-1", "b-1", "c-1", "c-2"]


def test_a_batch_holds_no_more_than_it_may() -> None:
    desk = Desk(batch_max=3)
    brought(desk, ["a-0"], [f"a-{number}" for number in range(1, 8)])
    assert desk.batches == [["a-1", "a-2", "a-3"], ["a-4", "a-5", "a-6"]]
    assert desk.alone == ["a-0", "a-7"]


def test_what_spoils_a_batch_fails_alone_and_the_others_are_done() -> None:
    desk = Desk()
    first, good, spoilt, other = brought(desk, ["a-0"], ["a-1", "a-spoilt", "a-2"])
    assert (first.result(), good.result(), other.result()) == ("A-0", "A-1", "A-2")
    with pytest.raises(Refused, match="a-spoilt"):
        spoilt.result()
    assert sorted(desk.alone) == ["a-0", "a-1", "a-2", "a-spoilt"]
    # Each by its own thread, as if there were no gathering.
    assert len(set(desk.threads.values())) == 4
    assert desk.gathering.do("a-3") == "A-3"


def test_what_a_batch_leaves_is_done_alone() -> None:
    desk = Desk()
    done = brought(desk, ["a-0"], ["a-1", "a-shy", "a-2"])
    assert [one.result() for one in done] == ["A-0", "A-1", "A-SHY", "A-2"]
    assert desk.alone == ["a-0", "a-shy"]


def test_a_leader_that_fails_makes_room_for_the_next() -> None:
    desk = Desk()
    failed, *others = brought(desk, ["a-spoilt"], ["a-1", "a-2"])
    with pytest.raises(Refused):
        failed.result()
    assert [one.result() for one in others] == ["A-1", "A-2"]
    assert desk.gathering.do("a-3") == "A-3"


def test_one_of_each_kind_is_at_work_at_a_time() -> None:
    desk = Desk()
    brought(desk, ["a-1", "b-1"], ["a-2", "a-3", "b-2"])
    assert desk.most_at_once == 2
    assert (desk.batches, sorted(desk.alone)) == ([["a-2", "a-3"]], ["a-1", "b-1", "b-2"])


def test_who_waits_for_others_is_aside_and_nobody_who_works() -> None:
    aside: list[int] = []

    @contextmanager
    def step_aside() -> Iterator[None]:
        aside.append(get_ident())
        yield
        aside.remove(get_ident())

    desk = Desk()
    desk.gathering._aside = step_aside
    seen: list[int] = []
    really = desk._work

    def work() -> None:
        really()
        seen.append(get_ident() in aside)

    desk._work = work  # type: ignore[method-assign]
    brought(desk, ["a-1"], ["a-2", "a-shy", "a-3"])
    assert seen == [False] * 3
    assert aside == []


def test_a_kind_that_is_held_up_holds_up_no_other() -> None:
    desk = Desk()
    with ThreadPoolExecutor(2) as threads:
        held = [threads.submit(desk.gathering.do, text) for text in ("a-1", "a-2")]
        until(lambda: desk.gathering.waiting == 1)
        # The gate is closed, but not for what is brought from here on.
        desk.gathering._alone = str.upper
        assert desk.gathering.do("b-1") == "B-1"
        desk.gate.set()
        assert [one.result() for one in held] == ["A-1", "A-2"]


def test_in_a_crowd_each_gets_what_is_his_once() -> None:
    random = Random(20260301)
    texts = [f"{random.choice('abc')}-{number}{random.choice(['', '', '', '-shy'])}" for number in range(2000)]
    done: Counter[str] = Counter()

    def together(several: Sequence[str]) -> list[str | None]:
        if len(several) % 5 == 0:
            raise Refused(several)
        done.update(text for text in several if "shy" not in text)
        return [None if "shy" in text else text.upper() for text in several]

    def alone(text: str) -> str:
        done.update([text])
        return text.upper()

    gathering: Gathering[str, str] = Gathering(alone=alone, together=together, alike=lambda text: text[0], batch_max=7)
    with ThreadPoolExecutor(24) as threads:
        assert list(threads.map(gathering.do, texts)) == [text.upper() for text in texts]
    assert gathering.waiting == 0
    assert set(done.values()) == {1}
    assert len(done) == len(texts)
