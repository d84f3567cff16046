"""A folder in memory for what the tests write: a disk that is busy with something else would keep them waiting."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from pathlib import Path

MEMORY_DISK = Path("/dev/shm")
PREFIX = "rs-tests-"
# Several times what a whole run writes: two servers of PostgreSQL, and some hundred files of SQLite.
FREE_MIB_MIN = 4096
MEM_AVAILABLE = re.compile(r"^MemAvailable:\s+(\d+) kB$", re.MULTILINE)


def write_to_memory() -> Path | None:
    """Have this process and those it starts keep their temporary files in memory; the folder goes when it ends.

    Nothing changes, and nothing is returned, where there is no such disk, where it or the memory behind it is small,
    or where `TMPDIR` already says where to write.
    """
    if "TMPDIR" in os.environ or _free_mib() < FREE_MIB_MIN:
        return None
    _sweep()
    folder = MEMORY_DISK / f"{PREFIX}{os.getpid()}"
    # PostgreSQL may run as another user, who has to come through.
    folder.mkdir(mode=0o711)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    return folder


def _free_mib() -> int:
    if not os.access(MEMORY_DISK, os.W_OK):
        return 0
    found = MEM_AVAILABLE.search(Path("/proc/meminfo").read_text("ascii"))
    return min(int(found[1]) // 1024 if found else 0, shutil.disk_usage(MEMORY_DISK).free // 2**20)


def _sweep() -> None:
    """Delete what runs left behind that were killed."""
    for folder in MEMORY_DISK.glob(f"{PREFIX}*"):
        if not Path("/proc", folder.name.removeprefix(PREFIX)).exists():
            shutil.rmtree(folder, ignore_errors=True)
