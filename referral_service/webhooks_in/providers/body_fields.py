"""Read single fields of a body that somebody else wrote: nothing raises, and what is not as it should be is None."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from referral_service.codes.signed_code import SIGNED_CHARACTERS_MIN
from referral_service.customers.policy import customer_id_fault
from referral_service.kit.clock import parse_rfc3339
from referral_service.kit.money import AMOUNT_MINOR_MAX, Money, UnknownCurrency, exponent

ID_CHARACTERS_MAX = 255
_EMAIL_CHARACTERS_MAX = 254
_TOKEN_CHARACTERS_MAX = 1024
_NUMBER_MAX = 2**63 - 1
_DIGITS_MAX = 20
_DISCOUNT_CHARACTERS_MAX = 64
# A claim takes ten touches; nobody enters this many discount codes that refer him.
_DISCOUNTS_MAX = 5
# The last second of the year 9999.
_UNIX_SECONDS_MAX = 253_402_300_799

REFERRAL_CODE, REFERRAL_CLICK, REFERRAL_CUSTOMER_ID = "referral_code", "referral_click", "referral_customer_id"

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Referral:
    """What the app noted for us with the payment: who pays, and how he came."""

    customer_id: str | None
    code: str | None
    signed_code: str | None
    click_token: str | None
    code_hints: tuple[str, ...] = ()


def referral_in(noted: Object, *, discounts: Iterable[object] = (), ids_may_be_numbers: bool = False) -> Referral:
    """Return what stands under `referral_customer_id`, `referral_code` (public or signed) and `referral_click`.

    Discount codes are hints, and count where neither code nor click is said.
    """
    code = text(noted.get(REFERRAL_CODE))
    click = text(noted.get(REFERRAL_CLICK), _TOKEN_CHARACTERS_MAX)
    is_signed = code is not None and len(code) >= SIGNED_CHARACTERS_MIN
    who = noted.get(REFERRAL_CUSTOMER_ID)
    hints = _each_once(text(one, _DISCOUNT_CHARACTERS_MAX) for one in discounts)
    return Referral(
        customer_id=customer_id(identifier(who) if ids_may_be_numbers else who),
        code=None if is_signed else code,
        signed_code=code if is_signed else None,
        click_token=click,
        code_hints=() if code or click else hints[:_DISCOUNTS_MAX],
    )


def inside(thing: Object, name: str) -> Object:
    """Return the object under a name, an empty one where there is none."""
    value = thing.get(name)
    return value if isinstance(value, dict) else {}


def entries(thing: Object, name: str, *, at_most: int | None = None) -> list[Object]:
    """Return the objects in the list under a name; `at_most` is how far it is read, None to its end."""
    listed = thing.get(name)
    return [entry for entry in listed[:at_most] if isinstance(entry, dict)] if isinstance(listed, list) else []


def noted(thing: Object, name: str, key: str) -> dict[str, Any]:
    """Return a list of `{key: …, "value": …}` as a mapping; of two with one key the first counts."""
    pairs = [(entry.get(key), entry.get("value")) for entry in entries(thing, name)]
    return {word: value for word, value in reversed(pairs) if isinstance(word, str)}


def text(value: object, characters_max: int = ID_CHARACTERS_MAX) -> str | None:
    """Return a text of printable characters without space around it."""
    if not isinstance(value, str) or len(value) > characters_max:
        return None
    stripped = value.strip()
    return stripped if stripped and stripped.isprintable() else None


def identifier(value: object) -> str | None:
    """Return an id, which may be written as a number."""
    if type(value) is int:
        return str(value) if 0 <= value <= _NUMBER_MAX else None
    return text(value)


def number_text(value: object) -> str | None:
    """Return a positive whole number as text, however it is written: as text it outlives 2^53."""
    if type(value) is int:
        return str(value) if value > 0 else None
    found = text(value, _DIGITS_MAX)
    return found if found is not None and found.isascii() and found.isdigit() and found[0] != "0" else None


def customer_id(value: object) -> str | None:
    """Return a text that can be an app's own `customer_id`."""
    found = text(value)
    return None if found is None or customer_id_fault(found) is not None else found


def customer_ids(*values: object) -> tuple[str, ...]:
    """Return those that can be an app's own `customer_id`, numbers included, each once."""
    return _each_once(customer_id(identifier(value)) for value in values)


def identifiers(*values: object) -> tuple[str, ...]:
    """Return the ids among the values, each once, in their order."""
    return _each_once(identifier(value) for value in values)


def first_email(*values: object) -> str | None:
    """Return the first that could be an e-mail address."""
    texts = (text(value, _EMAIL_CHARACTERS_MAX) for value in values)
    return next((found for found in texts if found is not None and "@" in found), None)


def rfc3339_time(value: object) -> datetime | None:
    """Return a moment written as text."""
    try:
        return parse_rfc3339(value) if isinstance(value, str) else None
    except ValueError:
        return None


def unix_time(value: object) -> datetime | None:
    """Return a moment written as whole seconds since 1970."""
    if type(value) is not int or not 0 <= value <= _UNIX_SECONDS_MAX:
        return None
    return datetime.fromtimestamp(value, UTC)


def money(amount: object, currency: object, *, decimals: Callable[[int], int | None]) -> Money | None:
    """Return an amount in the minor units of ISO 4217; zero is an amount.

    `decimals` says how many decimals the provider counts in for a currency that has so many in ISO 4217, at most as
    many; None where it does not say.
    """
    if type(amount) is not int or not isinstance(currency, str) or not 0 <= amount <= AMOUNT_MINOR_MAX:
        return None
    code = currency.upper()
    try:
        ours = exponent(code)
    except UnknownCurrency:
        return None
    theirs = decimals(ours)
    if theirs is None:
        return None
    minor: int = amount * 10 ** (ours - theirs)
    return Money(minor, code) if minor <= AMOUNT_MINOR_MAX else None


def _each_once(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value is not None))
