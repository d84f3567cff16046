"""When Python looks for garbage in a process that serves or works for months.

It frees nearly everything at once, by counting references; what refers to itself is found by a collector that walks
through all that is young after every 700 new objects, which is a request or two, and at times through everything. Here
cycles are rare and small: an error's traceback, for one.
"""

from __future__ import annotations

import gc

# New objects before the young are looked at: some MB at most are freed later than they might be.
YOUNG_MAX = 50_000


def collect_seldom() -> None:
    """Leave what has been loaded out of every collection, and look at the rest less often. Call it once all is made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MAX)
