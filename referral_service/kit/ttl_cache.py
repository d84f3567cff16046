"""A small cache in memory for what is read often and changes rarely."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

from referral_service.kit.clock import monotonic_seconds

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class TtlCache(Generic[K, V]):
    """Keeps at most `entries_max` values, each for `ttl_seconds`; the least recently used one makes room.

    Safe to share between threads. `monotonic` gives seconds that never run backwards.
    """

    def __init__(
        self, *, entries_max: int, ttl_seconds: float, monotonic: Callable[[], float] = monotonic_seconds
    ) -> None:
        if entries_max < 1 or ttl_seconds <= 0:
            raise ValueError("A cache needs room for one entry and some time to keep it.")
        self._entries_max = entries_max
        self._ttl_seconds = ttl_seconds
        self._monotonic = monotonic
        self._lock = Lock()
        self._entries: OrderedDict[K, tuple[V, float]] = OrderedDict()
        self._forgotten = 0

    def get(self, key: K) -> V | None:
        """Return the kept value, or None where none is kept (any more); loads nothing."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or self._monotonic() >= entry[1]:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def keep(self, key: K, value: V) -> None:
        """Keep a value from now on, in place of any other."""
        with self._lock:
            self._put(key, value)

    def get_or_load(self, key: K, load: Callable[[], V]) -> V:
        """Return the kept value, or what `load` returns, which is kept then; what `load` raises is not.

        Threads that miss at the same time load at the same time. A value that was being loaded while
        something was forgotten is returned but not kept, for it may be the one that is no longer true.
        """
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and self._monotonic() < entry[1]:
                self._entries.move_to_end(key)
                return entry[0]
            forgotten_before = self._forgotten
        value = load()
        with self._lock:
            if self._forgotten == forgotten_before:
                self._put(key, value)
        return value

    def forget(self, key: K) -> None:
        """Drop one value, whether or not it is kept."""
        with self._lock:
            self._forgotten += 1
            self._entries.pop(key, None)

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._forgotten += 1
            self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)

    def _put(self, key: K, value: V) -> None:
        self._entries[key] = (value, self._monotonic() + self._ttl_seconds)
        self._entries.move_to_end(key)
        while len(self._entries) > self._entries_max:
            self._entries.popitem(last=False)
