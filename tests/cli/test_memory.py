"""Garbage is looked for less often, and found all the same; threads share their heaps."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from weakref import WeakSet

import pytest

from referral_service.cli.memory import HEAPS_MAX, YOUNG_MAX, collect_seldom

# How many heaps a process has whose threads all hold memory at once; run in one of its own, which is spoilt by it.
HEAPS_OF_THREADS = """
import ctypes, re, sys, threading
from referral_service.cli.memory import share_heaps
if sys.argv[1] == "shared":
    share_heaps()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
libc.fopen.restype, libc.malloc_info.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p]
libc.fclose.argtypes = [ctypes.c_void_p]
together = threading.Barrier(8)
def hold():
    held = libc.malloc(40_000)
    together.wait(30)
    libc.free(held)
threads = [threading.Thread(target=hold) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
file = libc.fopen(sys.argv[2].encode(), b"w")
libc.malloc_info(0, file)
libc.fclose(file)
print(len(re.findall("<heap nr=", open(sys.argv[2]).read())))
"""


class Knot:
    """Refers to itself, so that counting references never frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_what_is_there_already_is_never_looked_at_again() -> None:
    before = Knot()
    collect_seldom()
    assert gc.get_freeze_count() > 0
    # A collection looks through these alone.
    assert not any(found is before for found in gc.get_objects())


def test_what_refers_to_itself_is_freed_before_it_is_much() -> None:
    collect_seldom()
    alive: WeakSet[Knot] = WeakSet()
    most = 0
    for _ in range(10 * YOUNG_MAX):
        alive.add(Knot())
        most = max(most, len(alive))
    assert most <= YOUNG_MAX


def test_threads_share_a_few_heaps(tmp_path: Path) -> None:
    if not hasattr(ctypes.CDLL(None), "malloc_info"):
        pytest.skip("the heaps are those of glibc")

    def heaps(how: str) -> int:
        told = subprocess.run(
            [sys.executable, "-c", HEAPS_OF_THREADS, how, str(tmp_path / how)],
            capture_output=True, check=True, text=True, timeout=60,
        )  # fmt: skip
        return int(told.stdout)

    assert heaps("shared") <= HEAPS_MAX < heaps("each")
