"""What is read alike in every shop's documents. Nothing here raises: what is not as it should be is not there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from referral_service.codes.signed_code import SIGNED_CHARACTERS_MIN
from referral_service.customers.policy import customer_id_fault
from referral_service.kit.clock import parse_rfc3339

Document = Mapping[str, Any]

_ID_CHARACTERS_MAX = 255
_EMAIL_CHARACTERS_MAX = 254
_TOKEN_CHARACTERS_MAX = 1024
_DIGITS_MAX = 20
_DISCOUNT_CHARACTERS_MAX = 64
# A claim takes ten touches; nobody enters this many discount codes that refer him.
_DISCOUNTS_MAX = 5


@dataclass(frozen=True, slots=True)
class Came:
    """How the buyer came, and who he is to the app, as far as the order's own notes say."""

    customer_id: str | None
    code: str | None
    signed_code: str | None
    click_token: str | None
    code_hints: tuple[str, ...]


def came(said: Document, *, discounts: Iterable[object]) -> Came:
    """Read `referral_code`, `referral_click` and `referral_customer_id`; discount codes count where neither is said."""
    code = text(said.get("referral_code"), _ID_CHARACTERS_MAX)
    click = text(said.get("referral_click"), _TOKEN_CHARACTERS_MAX)
    is_signed = code is not None and len(code) >= SIGNED_CHARACTERS_MIN
    hints = [hint for hint in (text(one, _DISCOUNT_CHARACTERS_MAX) for one in discounts) if hint is not None]
    return Came(
        customer_id=customer_id(said.get("referral_customer_id")),
        code=None if is_signed else code,
        signed_code=code if is_signed else None,
        click_token=click,
        code_hints=() if code or click else tuple(dict.fromkeys(hints))[:_DISCOUNTS_MAX],
    )


def text(value: object, characters_max: int = _ID_CHARACTERS_MAX) -> str | None:
    """Return a text of printable characters without space around it, None for anything else."""
    if not isinstance(value, str) or len(value) > characters_max:
        return None
    stripped = value.strip()
    return stripped if stripped and stripped.isprintable() else None


def number_text(value: object) -> str | None:
    """Return a positive whole number as text, however it is written: as text it outlives 2^53."""
    if type(value) is int:
        return str(value) if value > 0 else None
    found = text(value, _DIGITS_MAX)
    return found if found is not None and found.isascii() and found.isdigit() and found[0] != "0" else None


def customer_id(value: object) -> str | None:
    """Return a text that may be an app's own customer id."""
    found = text(value)
    return None if found is None or customer_id_fault(found) is not None else found


def first_email(*values: object) -> str | None:
    """Return the first text that looks like an e-mail address."""
    texts = (text(value, _EMAIL_CHARACTERS_MAX) for value in values)
    return next((found for found in texts if found is not None and "@" in found), None)


def moment(value: object) -> datetime | None:
    """Return the moment of an RFC 3339 time."""
    try:
        return parse_rfc3339(value) if isinstance(value, str) else None
    except ValueError:
        return None


def inside(document: Document, name: str) -> Document:
    """Return the object under a name; an empty one where there is none."""
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def entries(document: Document, name: str) -> list[Document]:
    """Return the objects of the list under a name."""
    listed = document.get(name)
    return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def noted(document: Document, name: str, key: str) -> dict[str, Any]:
    """Return a list of `{key: …, "value": …}` as a mapping; of two with one key the first counts."""
    pairs = [(entry.get(key), entry.get("value")) for entry in entries(document, name)]
    return {word: value for word, value in reversed(pairs) if isinstance(word, str)}
