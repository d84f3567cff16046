"""The signing keys as every process holds them: decrypted once, looked up with no query.

A token names its key, so verifying never tries several. A new key is known here well before it first signs; a revoked
one is gone within seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import NamedTuple, Protocol

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from referral_service.kit.clock import Clock, monotonic_seconds
from referral_service.kit.concurrency.fibers import elsewhere
from referral_service.kit.crypto import CannotOpen, Sealer
from referral_service.kit.db.engines import Database
from referral_service.signing.models import SigningKey
from referral_service.signing.seal_key import FOR_EMAIL_INDEX, FOR_TOKENS, open_key

REFRESH_SECONDS = 15.0
# A process that slept this long must not trust what it held: a key may have been revoked meanwhile.
TRUST_SECONDS = 60.0
# Whoever forges key ids causes no more than this: one query in so many seconds.
UNKNOWN_KEY_SECONDS = 1.0


class NoSigningKey(Exception):
    """There is no key to sign with: `ensure_keys` has not run on this database."""


@dataclass(frozen=True, slots=True)
class _Keys:
    """What the table said at one moment. `signing` holds (active_from, kid, key), the newest first."""

    tokens: dict[int, bytes]
    refused: frozenset[int]
    signing: tuple[tuple[datetime, int, bytes], ...]
    email_index: bytes | None
    read_at_seconds: float


class Signing(Protocol):
    """What tokens are signed with."""

    def current(self) -> tuple[int, bytes]: ...


class KeyAtHand(NamedTuple):
    """The key that signs at this moment, and its id."""

    kid: int
    key: bytes

    def current(self) -> tuple[int, bytes]:
        return self.kid, self.key


class KeyRing:
    """All keys by id. Threads share it; it reads the table at most every 15 s, or at once for an unknown key id."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        clock: Clock,
        *,
        monotonic: Callable[[], float] = monotonic_seconds,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._monotonic = monotonic
        self._reading = Lock()
        self._keys: _Keys | None = None
        self._failed_at_seconds = float("-inf")

    def current(self) -> tuple[int, bytes]:
        """Return id and key of the newest token key that is active now (real time); raise NoSigningKey."""
        now = self._clock.now()
        for active_from, kid, key in self._fresh().signing:
            if active_from <= now:
                return kid, key
        # Perhaps the only active key was revoked and its successor made a moment ago.
        for active_from, kid, key in self._read_again().signing:
            if active_from <= now:
                return kid, key
        raise NoSigningKey("No token key is active.")

    def at_hand(self) -> KeyAtHand | None:
        """Return what `current` would, where that is known without waiting for anything; None where it has to ask."""
        keys = self._keys
        if keys is None:
            return None
        known_seconds = self._monotonic() - keys.read_at_seconds
        if known_seconds >= REFRESH_SECONDS and not (known_seconds < TRUST_SECONDS and self._reading.locked()):
            return None
        now = self._clock.now()
        for active_from, kid, key in keys.signing:
            if active_from <= now:
                return KeyAtHand(kid, key)
        return None

    def get(self, kid: int) -> bytes | None:
        """Return the token key of this id, whether or not it signs yet; None for a revoked or unknown one."""
        keys = self._fresh()
        key = keys.tokens.get(kid)
        if key is None and kid not in keys.refused:
            key = self._read_again().tokens.get(kid)
        return key

    def email_index_key(self) -> bytes:
        """Return the key of the blind index for e-mail addresses; raise NoSigningKey."""
        key = self._fresh().email_index or self._read_again().email_index
        if key is None:
            raise NoSigningKey("There is no e-mail index key.")
        return key

    def forget(self) -> None:
        """Read the table at the next use: for the process that has just changed it itself."""
        with self._reading:
            self._keys = None

    def _fresh(self) -> _Keys:
        keys = self._keys
        if keys is None:
            return self._read(older_than_seconds=0.0)
        now_seconds = self._monotonic()
        if now_seconds - keys.read_at_seconds < REFRESH_SECONDS:
            return keys
        known_seconds = now_seconds - max(keys.read_at_seconds, self._failed_at_seconds)
        if known_seconds < TRUST_SECONDS and self._reading.locked():
            # One thread reads; the others need not wait for it.
            return keys
        return self._read(older_than_seconds=REFRESH_SECONDS)

    def _read_again(self) -> _Keys:
        return self._read(older_than_seconds=UNKNOWN_KEY_SECONDS)

    def _read(self, *, older_than_seconds: float) -> _Keys:
        """Read the table, unless that was done or tried within the span; keep what is held while it cannot be read."""
        return elsewhere(lambda: self._read_in_turn(older_than_seconds))

    def _read_in_turn(self, older_than_seconds: float) -> _Keys:
        with self._reading:
            keys, now_seconds = self._keys, self._monotonic()
            if keys is not None and (
                now_seconds - keys.read_at_seconds < older_than_seconds
                or now_seconds - self._failed_at_seconds < UNKNOWN_KEY_SECONDS
            ):
                return keys
            try:
                self._keys = self._database.read(self._load)
            except (SQLAlchemyError, CannotOpen):
                if keys is None:
                    raise
                # The database is away for a moment: links go on working with the keys we have.
                self._failed_at_seconds = self._monotonic()
                return keys
            return self._keys

    def _load(self, session: Session) -> _Keys:
        read_at_seconds = self._monotonic()
        rows = session.execute(
            select(
                SigningKey.kid, SigningKey.purpose, SigningKey.ciphertext, SigningKey.active_from, SigningKey.revoked_at
            )
        ).all()
        tokens: dict[int, bytes] = {}
        refused: set[int] = set()
        signing: list[tuple[datetime, int, bytes]] = []
        email_index: bytes | None = None
        for kid, purpose, ciphertext, active_from, revoked_at in rows:
            if purpose != FOR_TOKENS or revoked_at is not None:
                refused.add(kid)
            else:
                tokens[kid] = open_key(self._sealer, ciphertext, purpose=FOR_TOKENS)
                signing.append((active_from, kid, tokens[kid]))
            if purpose == FOR_EMAIL_INDEX and revoked_at is None:
                email_index = open_key(self._sealer, ciphertext, purpose=FOR_EMAIL_INDEX)
        newest_first = tuple(sorted(signing, reverse=True))
        return _Keys(tokens, frozenset(refused), newest_first, email_index, read_at_seconds)
