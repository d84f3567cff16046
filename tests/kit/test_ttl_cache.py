from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from referral_service.kit.ttl_cache import TtlCache


class Seconds:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.passed = 1000.0

    def __call__(self) -> float:
        return self.passed


class Source:
    """Counts how often each key is loaded; the value tells which load it came from."""

    def __init__(self) -> None:
        self.loads: list[str] = []

    def of(self, key: str) -> Callable[[], str]:
        def load() -> str:
            self.loads.append(key)
            return f"{key}#{self.loads.count(key)}"

        return load


def test_a_value_is_loaded_once_while_it_is_kept() -> None:
    cache, source = TtlCache[str, str](entries_max=10, ttl_seconds=5), Source()
    assert [cache.get_or_load("a", source.of("a")) for _ in range(3)] == ["a#1"] * 3
    assert cache.get_or_load("b", source.of("b")) == "b#1"
    assert source.loads == ["a", "b"]


def test_a_value_is_kept_until_its_time_is_over_and_not_longer() -> None:
    seconds, source = Seconds(), Source()
    cache = TtlCache[str, str](entries_max=10, ttl_seconds=5, monotonic=seconds)
    cache.get_or_load("a", source.of("a"))
    seconds.passed += 4.9
    assert cache.get_or_load("a", source.of("a")) == "a#1"
    seconds.passed += 0.1
    assert cache.get_or_load("a", source.of("a")) == "a#2"
    seconds.passed += 4.9
    assert cache.get_or_load("a", source.of("a")) == "a#2"


def test_the_least_recently_used_value_makes_room() -> None:
    cache, source = TtlCache[str, str](entries_max=2, ttl_seconds=5), Source()
    for key in ("a", "b", "a", "c"):
        cache.get_or_load(key, source.of(key))
    assert len(cache) == 2
    assert cache.get_or_load("a", source.of("a")) == "a#1"
    assert cache.get_or_load("b", source.of("b")) == "b#2"


def test_none_is_a_value_like_any_other() -> None:
    cache, loads = TtlCache[str, None](entries_max=2, ttl_seconds=5), []
    for _ in range(2):
        assert cache.get_or_load("a", lambda: loads.append("a")) is None
    assert loads == ["a"]


def test_a_forgotten_value_is_loaded_anew_and_the_others_stay() -> None:
    cache, source = TtlCache[str, str](entries_max=10, ttl_seconds=5), Source()
    for key in ("a", "b"):
        cache.get_or_load(key, source.of(key))
    cache.forget("a")
    cache.forget("never kept")
    assert [cache.get_or_load(key, source.of(key)) for key in ("a", "b")] == ["a#2", "b#1"]


def test_clear_forgets_everything() -> None:
    cache, source = TtlCache[str, str](entries_max=10, ttl_seconds=5), Source()
    cache.get_or_load("a", source.of("a"))
    cache.clear()
    assert len(cache) == 0
    assert cache.get_or_load("a", source.of("a")) == "a#2"


@pytest.mark.parametrize("revoke", [lambda cache: cache.forget("a"), lambda cache: cache.clear()])
def test_a_value_that_was_being_loaded_while_it_was_revoked_is_not_kept(
    revoke: Callable[[TtlCache[str, str]], None],
) -> None:
    cache = TtlCache[str, str](entries_max=10, ttl_seconds=5)

    def load_what_is_revoked_meanwhile() -> str:
        revoke(cache)
        return "active"

    assert cache.get_or_load("a", load_what_is_revoked_meanwhile) == "active"
    assert cache.get_or_load("a", lambda: "revoked") == "revoked"


def test_a_failed_load_is_not_kept() -> None:
    cache = TtlCache[str, int](entries_max=10, ttl_seconds=5)
    with pytest.raises(ZeroDivisionError):
        cache.get_or_load("a", lambda: 1 // 0)
    assert cache.get_or_load("a", lambda: 1) == 1


def test_threads_share_a_cache_and_it_never_outgrows_its_bound() -> None:
    cache = TtlCache[int, int](entries_max=50, ttl_seconds=60)

    def use(number: int) -> bool:
        key = number * 7 % 200
        if number % 11 == 0:
            cache.forget(key)
        return cache.get_or_load(key, lambda: key * key) == key * key and len(cache) <= 51

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(20_000)))
    assert len(cache) <= 50


@pytest.mark.parametrize(("entries_max", "ttl_seconds"), [(0, 5), (10, 0), (10, -1)])
def test_a_cache_needs_room_and_time(entries_max: int, ttl_seconds: float) -> None:
    with pytest.raises(ValueError, match="room"):
        TtlCache(entries_max=entries_max, ttl_seconds=ttl_seconds)


def test_a_look_into_the_cache_loads_nothing_and_sees_nothing_old() -> None:
    seconds, source = Seconds(), Source()
    cache = TtlCache[str, str](entries_max=2, ttl_seconds=5, monotonic=seconds)
    assert cache.get("a") is None
    cache.get_or_load("a", source.of("a"))
    cache.keep("b", "kept")
    assert (cache.get("a"), cache.get("b")) == ("a#1", "kept")
    # Looked at last, b stays where there is room for one.
    cache.keep("c", "kept")
    assert (cache.get("a"), len(cache)) == (None, 2)
    seconds.passed += 5
    assert (cache.get("b"), cache.get("c")) == (None, None)
    assert source.loads == ["a"]
