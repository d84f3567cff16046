"""The text of API keys: `sk_live_…`, `sk_test_…`, `sk_operator_…` and 256 random bits."""

from __future__ import annotations

import hashlib
import re
import secrets
import string

_ALPHABET = string.digits + string.ascii_letters
# 62^43 is a little more than 2^256.
_CHARACTERS = 43
_PREFIX_CHARACTERS = 4
_SECRET = re.compile(rf"sk_(?:live|test|operator)_[0-9A-Za-z]{{{_CHARACTERS}}}")


def new_secret(kind: str) -> str:
    """Return a fresh key; `kind` is live, test or operator."""
    return f"sk_{kind}_" + "".join(secrets.choice(_ALPHABET) for _ in range(_CHARACTERS))


def is_secret(text: str) -> bool:
    """Tell whether the text is written like a key."""
    return _SECRET.fullmatch(text) is not None


def digest_of(secret: str) -> bytes:
    """Return what is stored of a key, and looked up. A slow hash would add nothing to 256 random bits."""
    return hashlib.sha256(secret.encode("ascii")).digest()


def prefix_of(secret: str) -> str:
    """Return the beginning of a key, by which people recognise it; 39 of its 43 random characters stay unknown."""
    return secret[: secret.rindex("_") + 1 + _PREFIX_CHARACTERS]
