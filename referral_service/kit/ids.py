"""The only place that makes ids and random codes, and the alphabet they are written in.

Ids are TypeIDs (https://github.com/jetify-com/typeid, spec 0.3): a prefix, an underscore, and a UUIDv7
(RFC 9562) in 26 characters of lower-case Crockford base32, whose text sorts as its time. Codes that people
type use the same alphabet in upper case (https://www.crockford.com/base32.html): no I, L, O or U.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from datetime import datetime

from uuid_utils import uuid7

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_CHARACTERS = 8
# An app's number travels in six characters of every signed code.
APP_ID_MAX = 32**6 - 1
# Longer than any code or signed code; bounds the work that NFKC, which can lengthen a text 18 times, may do.
_FOLD_CHARACTERS_MAX = 128

_VALUES = {character: value for value, character in enumerate(ALPHABET)}
# Two characters at a time halve the work of writing a number, and their table still fits into a processor's cache.
_PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
_TWELVE_BITS = 60
_TWELVE_MAX = (1 << _TWELVE_BITS) - 1

_SUFFIX_PATTERN = "[0-7][0-9a-hjkmnp-tv-z]{25}"
_SUFFIX = re.compile(_SUFFIX_PATTERN)
_SOURCE_ID = re.compile(f"src_([1-9][0-9]{{0,9}})_{_SUFFIX_PATTERN}")

# Keyboards and documents turn a typed hyphen into these; NFKC leaves them apart.
_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015\u2212]+")
_CONFUSABLES = str.maketrans("ILO", "110")
_FOLDED = re.compile("[0-9A-Z]+")


def new_id(prefix: str) -> str:
    """Return a fresh id such as `ref_01jz…`; within one process each sorts after the one before it."""
    return f"{prefix}_{_new_suffix()}"


def first_id_at(prefix: str, at: datetime) -> str:
    """Return what sorts before every id of the prefix that was made at `at` (real time) or later, and after all others.

    A UUIDv7 begins with the milliseconds since 1970 (RFC 9562, section 5.7), in 48 of its 128 bits.
    """
    milliseconds = int(at.timestamp() * 1000)
    if not 0 <= milliseconds < 1 << 48:
        raise ValueError("No id is made at that time.")
    return f"{prefix}_{encode_number(milliseconds << 80, 26).lower()}"


def is_id(text: str, prefix: str) -> bool:
    """Tell whether `text` is a well-formed id of this prefix; not whether it exists."""
    start = f"{prefix}_"
    return text.startswith(start) and _SUFFIX.fullmatch(text, len(start)) is not None


def new_source_id(app_id: int) -> str:
    """Return a fresh `src_<app number>_…`: a webhook leads to its tenant before anything is looked up."""
    if not 1 <= app_id <= APP_ID_MAX:
        raise ValueError("The app's number is out of range.")
    return f"src_{app_id}_{_new_suffix()}"


def app_id_of_source(source_id: str) -> int | None:
    """Return the app's number inside a source id, or None where the text is no source id."""
    found = _SOURCE_ID.fullmatch(source_id)
    if found is None:
        return None
    app_id = int(found[1])
    return app_id if app_id <= APP_ID_MAX else None


def encode_number(number: int, width: int) -> str:
    """Return `number` in `width` characters of upper-case Crockford base32; ValueError if it does not fit."""
    if number < 0 or number >> (5 * width):
        raise ValueError("The number does not fit the width.")
    text = ""
    while len(text) < width:
        text = _twelve(number & _TWELVE_MAX) + text
        number >>= _TWELVE_BITS
    return text[-width:]


def decode_number(text: str) -> int:
    """Return the number that upper-case Crockford base32 writes; ValueError for anything else."""
    if not text:
        raise ValueError("No characters to decode.")
    number = 0
    for character in text:
        value = _VALUES.get(character)
        if value is None:
            raise ValueError("Not a character of Crockford base32.")
        number = number << 5 | value
    return number


def fold(text: str) -> str | None:
    """Return the form in which typed codes are compared, or None where no code can be written like that.

    NFKC; then only ASCII letters and digits, hyphens and spaces, of any case; hyphens and spaces fall away;
    I and L are read as 1, O as 0. Vanity codes fold the same way, so that two which look alike collide.
    """
    if len(text) > _FOLD_CHARACTERS_MAX:
        return None
    plain = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text))
    # Before the case is folded, or the dotless i and the sharp s would turn into ASCII letters.
    if not plain.isascii():
        return None
    folded = plain.upper().translate(_CONFUSABLES)
    return folded if _FOLDED.fullmatch(folded) else None


def random_text(characters: int) -> str:
    """Return so many random characters of the alphabet, each of five bits and equally likely; it is its folded form."""
    # 256 is a multiple of 32, so the rest is as random as the byte.
    return "".join([ALPHABET[byte & 31] for byte in secrets.token_bytes(characters)])


def random_code() -> str:
    """Return seven random characters (35 bits) and a check character, in its folded form."""
    body = random_text(CODE_CHARACTERS - 1)
    # Shifted once more, the remainder of the body is what the last character must cancel.
    return body + ALPHABET[_times_x(_remainder(body))]


def has_valid_check(folded: str) -> bool:
    """Tell whether a folded text is a random code whose check character is right.

    The characters c7 … c0 are elements of GF(32), and the check makes the sum of c_i * x^i zero: a
    Reed-Solomon code with one check symbol. The weights x^i are all different and none is zero, therefore it
    finds every wrong character, every swap of two characters wherever they stand, and every double misread as
    another (AA as BB). A sum modulo 31 or 32 cannot find all of these over 32 characters. Of other errors one
    in 32 passes.
    """
    return (
        len(folded) == CODE_CHARACTERS and all(character in _VALUES for character in folded) and _remainder(folded) == 0
    )


def _remainder(code: str) -> int:
    """Return the weighted sum by Horner's rule; the last character weighs one."""
    remainder = 0
    for character in code:
        remainder = _times_x(remainder) ^ _VALUES[character]
    return remainder


def _times_x(value: int) -> int:
    """Multiply by x in GF(32), modulo the primitive polynomial x^5 + x^2 + 1."""
    shifted = value << 1
    return shifted ^ 0b100101 if shifted & 32 else shifted


def _new_suffix() -> str:
    number = uuid7().int
    return (
        f"{_PAIRS[number >> 120]}{_twelve(number >> _TWELVE_BITS & _TWELVE_MAX)}{_twelve(number & _TWELVE_MAX)}".lower()
    )


def _twelve(bits: int) -> str:
    """Write 60 bits: without a loop, which would take most of the time of an id."""
    return (
        f"{_PAIRS[bits >> 50]}{_PAIRS[bits >> 40 & 1023]}{_PAIRS[bits >> 30 & 1023]}"
        f"{_PAIRS[bits >> 20 & 1023]}{_PAIRS[bits >> 10 & 1023]}{_PAIRS[bits & 1023]}"
    )
