"""Idempotency-Key: the same request again gets the same answer, and has its effect once.

The key's row is inserted in the transaction whose answer it will hold, so a crash leaves nothing half done. Follows
draft-ietf-httpapi-idempotency-key-header: another request under the same key is refused with 422, one still being
carried out with 409.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Condition
from typing import Protocol

from flask import Request
from sqlalchemy.orm import Session

from referral_service.kit.errors import InvalidRequest, Problem
from referral_service.kit.http.caller import Caller

HEADER = "Idempotency-Key"
WAIT_SECONDS_MAX = 5
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class IdempotencyKeyReused(Problem):
    code, status = "idempotency_key_reused", 422
    title = "This Idempotency-Key was already used for another request."
    remedy = "Use a new key for a new request; a repeated request must be the same to the byte."


class IdempotencyInFlight(Problem):
    """Give `retry_after_seconds` as a fact: the edge sends it as the Retry-After header too."""

    code, status = "idempotency_in_flight", 409
    title = "A request with this Idempotency-Key is still being carried out."
    remedy = "Wait as long as the Retry-After header says, then send the same request again."


class IdempotencyAnswerErased(Problem):
    code, status = "idempotency_answer_erased", 409
    title = "This request was carried out, but its answer has been erased with the person it concerned."
    remedy = "Do not repeat the request; read the present state instead."


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: enough to say it again."""

    status: int
    headers: dict[str, str]
    body: bytes


class Answers(Protocol):
    """Where answers are kept; all within the caller's transaction. `now` is real time."""

    def begin(self, session: Session, *, caller: Caller, key: str, request_hash: bytes, now: datetime) -> Answer | None:
        """Reserve the key and return None, or return the answer that was given to the same request.

        Raises IdempotencyKeyReused, IdempotencyInFlight, IdempotencyAnswerErased.
        """
        ...

    def keep(
        self, session: Session, *, caller: Caller, key: str, answer: Answer, concerns: str | None, now: datetime
    ) -> None:
        """Keep the answer under the reserved key; `concerns` is the `cus_…` with whom it must be erased."""
        ...


class InFlight:
    """Keys that are being worked on in this process.

    With SQLite one process does everything and writers queue, so a second request could not tell a slow first one
    from a busy database: it asks here. On PostgreSQL the unique key itself makes the second one wait.
    """

    def __init__(self) -> None:
        self._keys: set[tuple[Caller, str]] = set()
        self._changed = Condition()

    @contextmanager
    def alone(self, caller: Caller, key: str) -> Iterator[None]:
        """Hold the key; wait for whoever holds it, and raise IdempotencyInFlight where that takes too long."""
        held = (caller, key)
        with self._changed:
            if not self._changed.wait_for(lambda: held not in self._keys, timeout=WAIT_SECONDS_MAX):
                raise IdempotencyInFlight(retry_after_seconds=1)
            self._keys.add(held)
        try:
            yield
        finally:
            with self._changed:
                self._keys.discard(held)
                self._changed.notify_all()


def key_of(request: Request) -> str | None:
    """Return the request's key, None without one; raise InvalidRequest for one that is no key."""
    sent = request.headers.get(HEADER)
    if sent is None:
        return None
    if not _KEY.fullmatch(sent):
        raise InvalidRequest(errors={HEADER: ["Must be one text of 1 to 255 visible ASCII characters."]})
    return sent


def hash_of(request: Request) -> bytes:
    """Return SHA-256 of method, path, query and body: what makes two requests the same."""
    digest = hashlib.sha256()
    for part in (request.method.encode(), request.path.encode(), request.query_string, request.get_data(cache=True)):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()
