"""How a process that serves or works for months keeps its memory small and steady."""

from __future__ import annotations

import ctypes
import gc

# New objects before the young are looked at: some MB at most are freed later than they might be.
YOUNG_MAX = 50_000
# Of glibc's, by default eight for each core.
HEAPS_MAX = 2
# mallopt(3).
_M_ARENA_MAX = -8


def share_heaps() -> None:
    """Let threads take memory from the same few heaps; call it before they begin.

    What one thread frees stays in the heap that it came from, for whoever else has that one: with a heap for each of
    our threads, most of which wait most of the time, a process holds what all of them once needed. They would hardly
    ever want a heap at the same moment, since they wait for the interpreter's lock anyway.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    # Other systems' have no such thing.
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, HEAPS_MAX)


def collect_seldom() -> None:
    """Leave what has been loaded out of every collection, and look at the rest less often. Call it once all is made.

    Python frees nearly everything at once, by counting references; what refers to itself is found by a collector that
    walks through all that is young after every 700 new objects, which is a request or two, and at times through
    everything. Here cycles are rare and small: an error's traceback, for one.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MAX)
