"""What a server's processes have used, from /proc; on systems without it there is nothing to tell."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def can_tell() -> bool:
    """Whether this system says what a process has used."""
    return (_PROC / "self" / "stat").exists()


def descendants(pid: int) -> list[int]:
    """The processes that this one has started, and theirs."""
    parents: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


def cpu_seconds(pid: int) -> float:
    """The processor time, user's and system's, that the descendants of a server's process have used."""
    used = 0
    for each in descendants(pid):
        if fields := _stat(each):
            used += int(fields[11]) + int(fields[12])
    return used / _TICKS


def memory_bytes(pid: int) -> int:
    """The resident memory of the largest descendant: a web process, and not one that only watches."""
    return max((memory_bytes_of(each) for each in descendants(pid)), default=0)


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third on (proc_pid_stat(5)); none once the process is gone."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return []
    return text[text.rindex(")") + 2 :].split()


def memory_bytes_of(pid: int) -> int:
    """The resident memory of one process; 0 once it is gone."""
    try:
        pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
