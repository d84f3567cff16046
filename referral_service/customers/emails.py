"""E-mail addresses, compared but never shown: the two keyed hashes under which a person can be found again.

The canonical form is for comparison only; nobody is ever written to there. Mailbox providers differ in what they
ignore, so only what is safe is taken away: a `+tag` everywhere, dots for Gmail alone (https://support.google.com/mail/answer/7436150).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from referral_service.kit.crypto import blind_index

EMAIL_CHARACTERS_MAX = 254
_GMAIL = frozenset({"gmail.com", "googlemail.com"})


@dataclass(frozen=True, slots=True)
class Address:
    """An address as it was given, read once: trimmed, whether mail could be sent there, and both blind indexes."""

    text: str = field(repr=False)
    is_valid: bool
    index: bytes
    canon_index: bytes


class Emails:
    """Makes blind indexes with the key from `KeyRing.email_index_key()`; pure, and safe to share between threads.

    The app is part of what is hashed, so the same address in two apps has nothing in common. Nothing here raises,
    whatever the text: what is no address simply equals nobody's.
    """

    __slots__ = ("_key",)

    def __init__(self, index_key: bytes) -> None:
        self._key = index_key

    def read(self, email: str, *, app_id: int) -> Address:
        """Return all there is to know of an address. No look-up is made."""
        text, hashable = email.strip(), _encodable(email).strip()
        valid = _validated(hashable)
        local, domain = _parts(hashable, valid)
        return Address(
            text=text,
            is_valid=valid is not None and text == hashable,
            index=self._index("email", app_id, _plain(local, domain)),
            canon_index=self._index("canon", app_id, _canonical(local, domain)),
        )

    def index(self, email: str, *, app_id: int) -> bytes:
        """Return 32 bytes that stand for the address as written, but for case and space around it."""
        return self._index("email", app_id, plain_form(email))

    def canon_index(self, email: str, *, app_id: int) -> bytes:
        """Return 32 bytes that stand for the mailbox behind the address."""
        return self._index("canon", app_id, canonical_form(email))

    def tombstone(self, customer_id: str, *, app_id: int) -> bytes:
        """Return 32 bytes that stand for an app's own `customer_id` after the person was erased."""
        return self._index("tombstone", app_id, _encodable(customer_id))

    def _index(self, purpose: str, app_id: int, text: str) -> bytes:
        return blind_index(self._key, f"{app_id}:{purpose}:{text}")


def is_email(text: str) -> bool:
    """Tell whether the text, but for space around it, is an address that mail could be sent to. No look-up is made."""
    return _validated(text.strip()) is not None


def plain_form(email: str) -> str:
    """Return the address trimmed, in lower case, its domain in ASCII."""
    return _plain(*_parts_of(email))


def canonical_form(email: str) -> str:
    """Return the address that stands for the whole mailbox: without tags, and without dots where they mean nothing."""
    return _canonical(*_parts_of(email))


def _plain(local: str, domain: str) -> str:
    return f"{local}@{domain}" if domain else local


def _canonical(local: str, domain: str) -> str:
    # An address that begins with a plus, or consists of dots, would be left with nothing.
    local = local.partition("+")[0] or local
    if domain in _GMAIL:
        local, domain = local.replace(".", "") or local, "gmail.com"
    return _plain(unicodedata.normalize("NFKC", local).casefold(), domain)


def _parts_of(email: str) -> tuple[str, str]:
    text = _encodable(email).strip()
    return _parts(text, _validated(text))


def _parts(text: str, valid: ValidatedEmail | None) -> tuple[str, str]:
    """Return local part and domain in lower case; a text that is no address is taken apart as well as it can be."""
    if valid is not None and valid.ascii_domain is not None:
        return valid.local_part.lower(), valid.ascii_domain.lower()
    local, _, domain = unicodedata.normalize("NFC", text).lower().rpartition("@")
    return (local, domain.rstrip(".")) if local else (domain, "")


def _validated(text: str) -> ValidatedEmail | None:
    if len(text) > EMAIL_CHARACTERS_MAX:
        return None
    try:
        # The test environment is what lets the domain .test pass (RFC 6761), which people try things out with.
        return validate_email(text, check_deliverability=False, globally_deliverable=False, test_environment=True)
    except EmailNotValidError:
        return None


def _encodable(text: str) -> str:
    """Lone surrogates cannot be hashed."""
    return text.encode("utf-8", "replace").decode("utf-8")
