from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from threading import Event, Lock, get_ident
from time import monotonic, sleep

import pytest
from patience import until

from referral_service.kit.concurrency import gather
from referral_service.kit.concurrency.gather import Gathering
from referral_service.kit.errors import Overloaded

WAIT_SECONDS = 30


class Refused(Exception):
    pass


class Desk:
    """Does texts: `spoilt` ones raise, alone and in company, `shy` ones are left by a batch. Holds the first while the
    gate is closed."""

    def __init__(self, *, batch_max: int = 64, wait_seconds_max: float = WAIT_SECONDS) -> None:
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
            wait_seconds_max=wait_seconds_max,
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


def those_aside(desk: Desk) -> list[int]:
    """The threads that are aside, at any moment from now on."""
    aside: list[int] = []

    @contextmanager
    def step_aside() -> Iterator[None]:
        aside.append(get_ident())
        yield
        aside.remove(get_ident())

    desk.gathering._aside = step_aside
    return aside


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
    desk = Desk()
    aside = those_aside(desk)
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


@pytest.fixture
def long_breaths(monkeypatch: pytest.MonkeyPatch) -> None:
    # A batch takes some microseconds at least, so that a breath is as long as it may be.
    monkeypatch.setattr(gather, "BREATH_SHARE", 1e9)
    monkeypatch.setattr(gather, "BREATH_SECONDS_MAX", WAIT_SECONDS)


def test_a_crowd_that_was_served_together_is_waited_for_and_served_together_again() -> None:
    desk = Desk()
    brought(desk, ["a-1"], ["a-2", "a-3", "a-4", "a-5"])
    desk.gathering._lines["a"].breath_ends += WAIT_SECONDS
    with ThreadPoolExecutor(4) as threads:
        come: list[Future[str]] = []
        for number, text in enumerate(("a-6", "a-7", "a-8", "a-9")):
            assert not any(one.done() for one in come)
            come.append(threads.submit(desk.gathering.do, text))
            # The first leads, and waits for as many as there were; those who come in the meantime queue.
            until(lambda number=number: desk.gathering.waiting == number or come[0].done())  # type: ignore[misc]
        assert [one.result() for one in come] == ["A-6", "A-7", "A-8", "A-9"]
    assert [len(batch) for batch in desk.batches] == [4, 4]
    assert desk.alone == ["a-1"]


@pytest.mark.usefixtures("long_breaths")
def test_whoever_is_alone_or_in_small_company_waits_for_nobody() -> None:
    desk = Desk()
    brought(desk, ["a-1"], ["a-2", "a-3"])
    for text in ("a-4", "a-5", "b-1"):
        began = monotonic()
        desk.gathering.do(text)
        assert monotonic() - began < WAIT_SECONDS / 2
    assert desk.batches == [["a-2", "a-3"]]


def test_a_crowd_that_does_not_come_back_is_not_waited_for_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "BREATH_SHARE", 1e9)
    monkeypatch.setattr(gather, "BREATH_SECONDS_MAX", 0.01)
    desk = Desk()
    brought(desk, ["a-1"], ["a-2", "a-3", "a-4", "a-5"])
    assert desk.gathering._lines["a"].crowd == 4
    assert desk.gathering.do("a-6") == "A-6"
    assert desk.alone == ["a-1", "a-6"]
    # Its time is over, and so is the crowd.
    assert not desk.gathering._lines


def test_a_crowd_that_does_not_begin_to_come_back_is_given_up_early() -> None:
    desk = Desk()
    brought(desk, ["a-1"], ["a-2", "a-3", "a-4", "a-5"])
    desk.gathering._lines["a"].breath_ends += 4
    began = monotonic()
    assert desk.gathering.do("a-6") == "A-6"
    assert monotonic() - began < 3


def test_whoever_takes_a_breath_is_aside() -> None:
    desk = Desk()
    brought(desk, ["a-1"], ["a-2", "a-3", "a-4", "a-5"])
    desk.gathering._lines["a"].breath_ends += WAIT_SECONDS
    aside = those_aside(desk)
    with ThreadPoolExecutor(4) as threads:
        come = [threads.submit(desk.gathering.do, "a-6")]
        until(lambda: len(aside) == 1)
        assert desk.gathering.waiting == 0
        come += [threads.submit(desk.gathering.do, text) for text in ("a-7", "a-8", "a-9")]
        assert [one.result() for one in come] == ["A-6", "A-7", "A-8", "A-9"]
    assert aside == []


def test_only_so_many_crowds_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "LINES_MAX", 2)
    desk = Desk()
    brought(desk, ["a-1", "b-1"], [f"{kind}-{number}" for kind in "ab" for number in range(2, 6)])
    assert set(desk.gathering._lines) == {"a", "b"}
    desk.gathering.do("c-1")
    assert not desk.gathering._lines


def test_who_has_waited_long_enough_is_told_so_and_what_he_brought_is_not_done() -> None:
    desk = Desk(wait_seconds_max=0.02)
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(desk.gathering.do, "a-1")
        until(lambda: desk.alone == ["a-1"])
        for text in ("a-2", "a-3"):
            with pytest.raises(Overloaded):
                desk.gathering.do(text)
        assert desk.gathering.waiting == 0
        desk.gate.set()
        assert first.result() == "A-1"
        assert desk.gathering.do("a-4") == "A-4"
    assert (desk.alone, desk.batches) == (["a-1", "a-4"], [])


def test_who_is_in_a_batch_already_waits_for_its_end_however_long_that_takes() -> None:
    go, began, may_end = Event(), Event(), Event()

    def alone(text: str) -> str:
        assert go.wait(WAIT_SECONDS)
        return text.upper()

    def together(texts: Sequence[str]) -> list[str]:
        began.set()
        assert may_end.wait(WAIT_SECONDS)
        return [text.upper() for text in texts]

    gathering: Gathering[str, str] = Gathering(
        alone=alone, together=together, alike=lambda _: None, wait_seconds_max=0.5
    )
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(gathering.do, "a")
        until(lambda: bool(gathering._lines))
        queued = [threads.submit(gathering.do, text) for text in "bc"]
        until(lambda: gathering.waiting == 2)
        go.set()
        assert began.wait(WAIT_SECONDS)
        sleep(0.6)
        assert not any(one.done() for one in queued)
        may_end.set()
        assert [one.result() for one in (first, *queued)] == ["A", "B", "C"]


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
