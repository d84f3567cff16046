"""The memory of one web process after a million requests, beside what it had after ten thousand."""

from __future__ import annotations

import random
import secrets
from contextlib import ExitStack
from pathlib import Path

from rich.progress import Progress

from benchmarks import asks, processes, servers, stage
from benchmarks.figures import Line
from benchmarks.growth import spoken
from benchmarks.load import LoadFailed, measure, request_bytes

REQUESTS, FIRST = 1_000_000, 10_000
CONNECTIONS = 32
# A machine that is busy with other things may be too slow for some: what is refused takes memory as well.
ANSWERS = (200, 201, 302, 404, 503)
MEBIBYTE = 1 << 20


def run(kind: str, requests: int, folder: Path, progress: Progress) -> list[Line]:
    """Send so many requests, ten thousand at a time (fewer where there are few), and compare."""
    if not processes.can_tell():
        raise LoadFailed("This system does not say how much memory a process has.")
    portion = min(FIRST, max(requests // 10, 100))
    line = Line(
        path=f"memory of a web process after {spoken(requests)} requests", beside=f"after {spoken(portion)}",
        unit="MiB", target=1.1, moonshot=1.0, less_is_better=True,
    )  # fmt: skip
    master = secrets.token_urlsafe(48)
    task = progress.add_task(f"{kind}: requests", total=requests)
    with ExitStack() as stack:
        made = stack.enter_context(servers.databases(kind, folder))
        url = made.make("referral")
        cast = stage.seed(url, {servers.KID: master}, referees=1)
        service = stack.enter_context(servers.service_server(url, master, workers=1))
        held: list[float] = []
        for _ in range(-(-requests // portion)):
            asked = _mixed(cast, service.port, portion)
            measure(service.port, asked, connections=CONNECTIONS, statuses=ANSWERS)
            held.append(processes.memory_bytes(service.pid) / MEBIBYTE)
            progress.advance(task, portion)
    line.add(held[-1], held[0])
    # What is filled once and then stays, as a database's cache does, shows here beside what grows for ever.
    for part in (10, 2):
        nth = len(held) // part
        if nth > 1:
            line.between[f"{spoken(nth * portion)} requests"] = [held[nth - 1]]
    return [line]


def _mixed(cast: stage.Cast, port: int, count: int) -> list[bytes]:
    """What a web process sees: links mostly, some of them made up by whoever tries; people, pages and claims."""
    part = count // 100
    unknown = [request_bytes("GET", f"/r/{secrets.token_hex(15).upper()}", port=port) for _ in range(10 * part)]
    mixed = [
        *asks.redirects(cast, port, count - 15 * part),
        *unknown,
        *asks.invitations(cast, port, part),
        *asks.share_pages(cast, port, part),
        *asks.claims(cast, port, part),
        *asks.code_issues(cast, port, 2 * part),
    ]
    random.shuffle(mixed)
    return mixed
