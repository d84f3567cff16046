"""Make, rotate and revoke signing keys. A rotation is an insert; no process needs to be told."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.kit.errors import NotFound
from referral_service.signing.models import SigningKey
from referral_service.signing.seal_key import FOR_EMAIL_INDEX, FOR_TOKENS, sealed_new_key
from referral_service.signing.signers import KID_MAX

# Four times the key ring's refresh: every process knows the key before any of them signs with it.
ROTATION_DELAY_SECONDS = 60
# Any number that nobody else uses: whoever makes or revokes keys takes turns on it.
KEYS_LOCK = 7262712647


class SigningKeyNotFound(NotFound):
    code, status = "signing_key_not_found", 404
    title = "There is no such signing key."
    remedy = "List the keys and give the id of a token key."


class KeyIdsUsedUp(Exception):
    """Three characters of every token hold the key's id, and this one would not fit."""


def rotate_keys(
    session: Session, sealer: Sealer, now: datetime, *, delay_seconds: int = ROTATION_DELAY_SECONDS
) -> SigningKey:
    """Add a token key that signs from `now` (real time) + delay on; older ones still verify.

    Where none is active it signs at once.
    """
    _take_turns(session)
    delay = timedelta(seconds=delay_seconds) if _has_active_key(session, now) else timedelta(0)
    return _add_key(session, sealer, purpose=FOR_TOKENS, active_from=now + delay, now=now)


def revoke_signing_key(session: Session, sealer: Sealer, now: datetime, *, kid: int) -> SigningKey:
    """Revoke a token key: whatever it signed is refused within seconds. Revoked before: nothing changes.

    Where no active key would be left, a new one is made that signs at once. Raises SigningKeyNotFound.
    """
    _take_turns(session)
    key = session.get(SigningKey, kid)
    if key is None or key.purpose != FOR_TOKENS:
        raise SigningKeyNotFound
    if key.revoked_at is None:
        key.revoked_at = now
        session.flush()
        if not _has_active_key(session, now):
            _add_key(session, sealer, purpose=FOR_TOKENS, active_from=now, now=now)
    return key


def ensure_keys(database: Database, sealer: Sealer, now: datetime) -> None:
    """Make the first token key and the e-mail index key where they are missing: once, however many processes start."""

    def work(session: Session) -> None:
        _take_turns(session)
        if not _has_active_key(session, now):
            _add_key(session, sealer, purpose=FOR_TOKENS, active_from=now, now=now)
        # It changes only by a re-index: a second one would hide every address that is already indexed.
        if not session.scalar(select(func.count()).where(SigningKey.purpose == FOR_EMAIL_INDEX)):
            _add_key(session, sealer, purpose=FOR_EMAIL_INDEX, active_from=now, now=now)

    database.transact(work)


def _take_turns(session: Session) -> None:
    """On SQLite the transaction alone does it: there is one writer."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": KEYS_LOCK})


def _has_active_key(session: Session, now: datetime) -> bool:
    active = (SigningKey.purpose == FOR_TOKENS, SigningKey.revoked_at.is_(None), SigningKey.active_from <= now)
    return bool(session.scalar(select(func.count()).where(*active)))


def _add_key(session: Session, sealer: Sealer, *, purpose: str, active_from: datetime, now: datetime) -> SigningKey:
    key = SigningKey(
        purpose=purpose,
        ciphertext=sealed_new_key(sealer, purpose=purpose),
        active_from=active_from,
        created_at=now,
        revoked_at=None,
    )
    session.add(key)
    session.flush()
    if key.kid > KID_MAX:
        raise KeyIdsUsedUp(f"Key id {key.kid} is past the last one, {KID_MAX}.")
    return key
