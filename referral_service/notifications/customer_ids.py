"""The app's own `customer_id` in place of our `cus_…`, put in when a notification is read or sent.

What is stored carries only `cus_…`, so that erasing a person leaves no trace of the app's id in it. Pure: whoever reads
or sends looks the names up (`customers.read_customer.external_ids`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from referral_service.kit.ids import is_id


def inside_ids_in(document: Any) -> set[str]:
    """Return every `cus_…` id that stands as a value anywhere in a JSON document."""
    found: set[str] = set()
    _gather(document, found)
    return found


def _gather(document: Any, found: set[str]) -> None:
    if isinstance(document, str):
        if is_id(document, "cus"):
            found.add(document)
    elif isinstance(document, dict):
        for value in document.values():
            _gather(value, found)
    elif isinstance(document, list):
        for value in document:
            _gather(value, found)


def with_customer_ids(document: Any, names: Mapping[str, str | None]) -> Any:
    """Return a copy of a JSON document with every `cus_…` id replaced; one that is not in `names` becomes None.

    Only well-formed ids of ours are: a provider's own `cus_NffrFeUfNV2Hib` inside free data is left alone.
    """
    if isinstance(document, str):
        return names.get(document) if is_id(document, "cus") else document
    if isinstance(document, dict):
        return {key: with_customer_ids(value, names) for key, value in document.items()}
    if isinstance(document, list):
        return [with_customer_ids(value, names) for value in document]
    return document
