"""Makes a story that ends badly as short as it will go: hypothesis would replay random choices, this replays facts.

A rule's choice means something else once an earlier one is gone; an entry of the log means what it says. So this
needs a hundredth of the attempts, and what is left can be read, and kept as a test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from campaigns.facts import Deliver, Entry

Fails = Callable[[Sequence[Entry]], bool]
# One attempt takes about as long as one example.
MOST_ATTEMPTS = 250


def shrink(log: Sequence[Entry], fails: Fails) -> list[Entry]:
    """Return a part of the log that still fails, of which no single entry or event can be left out."""
    attempts = 0

    def still_fails(candidate: Sequence[Entry]) -> bool:
        nonlocal attempts
        attempts += 1
        return attempts <= MOST_ATTEMPTS and fails(candidate)

    shortest = list(log)
    size = max(1, len(shortest) // 2)
    while attempts <= MOST_ATTEMPTS:
        before = list(shortest)
        start = 0
        while start < len(shortest):
            candidate = [*shortest[:start], *shortest[start + size :]]
            if still_fails(candidate):
                shortest = candidate
            else:
                start += size
        if size == 1:
            shortest = next((c for c in simpler(shortest) if still_fails(c)), shortest)
            if shortest == before:
                break
        size = max(1, size // 2)
    return shortest


def simpler(log: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Each log with one batch told one by one, or with one event of a batch left out."""
    for place, entry in enumerate(log):
        if not isinstance(entry, Deliver) or not entry.batch:
            continue
        head, tail = log[:place], log[place + 1 :]
        yield [*head, *(Deliver((event,)) for event in entry.events), *tail]
        for number in range(len(entry.events)):
            rest = entry.events[:number] + entry.events[number + 1 :]
            yield [*head, replace(entry, events=rest), *tail] if rest else [*head, *tail]
