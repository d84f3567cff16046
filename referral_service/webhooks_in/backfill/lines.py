"""A file, line by line: in UTF-8, with or without a byte order mark, and no line longer than a webhook's body."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from referral_service.webhooks_in.providers.exports.exported import Exported
from referral_service.webhooks_in.read_message import BODY_BYTES_MAX

_BOM = b"\xef\xbb\xbf"
TOO_LONG = f"The line is longer than {BODY_BYTES_MAX // 1024} KiB."
NOT_UTF8 = "The line is not UTF-8."


class UnusableFile(ValueError):
    """A file none of which is understood; the text is a sentence for people. Nothing has been changed."""


@dataclass(frozen=True, slots=True)
class Found:
    """A record, and the messages that it stands for; `line` is where it begins, counted from 1."""

    line: int
    messages: tuple[Exported, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that cannot be read, and why."""

    line: int
    sentence: str


Read = Found | Unreadable


class Lines:
    """The lines of a stream with their numbers; an overlong one is None. `bytes_read` says how far it has come."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._waiting: bytes | None = None
        self.number = 0
        self.bytes_read = 0

    def __iter__(self) -> Iterator[tuple[int, bytes | None]]:
        return self

    def __next__(self) -> tuple[int, bytes | None]:
        raw, self._waiting = (self._next(), None) if self._waiting is None else (self._waiting, None)
        if not raw:
            raise StopIteration
        self.number += 1
        if self.number == 1:
            raw = raw.removeprefix(_BOM)
        if len(raw) <= BODY_BYTES_MAX or (raw.endswith(b"\n") and len(raw.rstrip(b"\r\n")) <= BODY_BYTES_MAX):
            return self.number, raw
        while raw and not raw.endswith(b"\n"):
            raw = self._next()
        return self.number, None

    def peek(self) -> bytes:
        """Return the beginning of the first line that is not blank, without going past it."""
        while True:
            raw = self._next()
            if not raw or raw.removeprefix(_BOM if self.number == 0 else b"").strip():
                self._waiting = raw
                return raw.removeprefix(_BOM).lstrip()[:64]
            self.number += 1

    def _next(self) -> bytes:
        # Two more than a body may have, for the end of the line.
        raw = self._stream.readline(BODY_BYTES_MAX + 2)
        self.bytes_read += len(raw)
        return raw
