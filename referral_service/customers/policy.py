"""What may be a customer id."""

from __future__ import annotations

CUSTOMER_ID_CHARACTERS_MAX = 255
# Put in place of bytes that are not UTF-8, so several broken ids would become the same person.
_REPLACEMENT = "\ufffd"
# What clients take out of a path, or servers take for its parts, whether or not it is percent-encoded.
_NOT_IN_A_PATH = frozenset("/\\")
_NOT_A_SEGMENT = frozenset({".", ".."})


def customer_id_fault(text: str) -> str | None:
    """Return what is wrong with an app's own `customer_id`, or None where nothing is.

    Any 1 to 255 printable characters, compared byte by byte, that can stand as one percent-encoded segment of a path:
    no slash or backslash, not `.` or `..`, no space at either end. (WSGI decodes `%2F` before anything is routed.)
    """
    if not 1 <= len(text) <= CUSTOMER_ID_CHARACTERS_MAX:
        return f"Must be 1 to {CUSTOMER_ID_CHARACTERS_MAX} characters long."
    if not text.isprintable() or _REPLACEMENT in text:
        return "Must hold printable characters only."
    if not _NOT_IN_A_PATH.isdisjoint(text) or text in _NOT_A_SEGMENT:
        return "Must be usable in a path: no slash or backslash, not . or .. alone."
    if text != text.strip():
        return "Must not begin or end with a space."
    return None
