"""What people do, as pages call it. Apps name their events as they like; common ones are recognised by their parts."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, TypeAlias

from referral_service.programs.terms.conditions import PURCHASE

Deed: TypeAlias = Literal[
    "purchase",
    "ride",
    "booking",
    "stay",
    "subscription",
    "signup",
    "install",
    "sign_in",
    "birthday",
    "tour",
    "folder",
    "feedback",
    "review",
    "other",
]

# The first line of which all parts are in the name. A name's parts are its words, cut down to what they begin with.
_BY_PARTS: tuple[tuple[tuple[str, ...], Deed], ...] = (
    (("sign", "up"), "signup"),
    (("signup",), "signup"),
    (("register",), "signup"),
    (("registr",), "signup"),
    (("sign", "in"), "sign_in"),
    (("signin",), "sign_in"),
    (("log", "in"), "sign_in"),
    (("login",), "sign_in"),
    (("install",), "install"),
    (("subscri",), "subscription"),
    (("book",), "booking"),
    (("reserv",), "booking"),
    (("stay",), "stay"),
    (("trip",), "ride"),
    (("ride",), "ride"),
    (("birthday",), "birthday"),
    (("tour",), "tour"),
    (("folder", "share"), "folder"),
    (("feedback",), "feedback"),
    (("review",), "review"),
    (("order",), "purchase"),
    (("purchase",), "purchase"),
)
# Whole words only: "in" begins "install", "book" begins "bookmark", "log" begins "logo".
_WHOLE = frozenset({"in", "up", "log", "ride", "trip", "stay", "tour", "order", "book"})
_FORMS = {
    "logged": "log",
    "signed": "sign",
    "rides": "ride",
    "trips": "trip",
    "stays": "stay",
    "orders": "order",
    "ordered": "order",
    "booked": "book",
    "booking": "book",
    "shared": "share",
}
_BETWEEN = re.compile(r"[^a-z0-9]+")
# A purchase may be named by its step: a trip that is paid is a ride, a stay that is paid is booked.
_BOUGHT: dict[Deed, Deed] = {
    "ride": "ride",
    "booking": "booking",
    "stay": "booking",
    "subscription": "subscription",
}
BUYING: frozenset[Deed] = frozenset({"purchase", *_BOUGHT.values()})


def deed_of(event: str, *, step_key: str = "") -> Deed:
    """What doing this event is called; `other` where its name says nothing that is known here.

    The step's key has a word only where the event is a purchase, which may be of many things.
    """
    if event == PURCHASE:
        return _BOUGHT.get(_named(step_key), "purchase")
    return _named(event)


def plain_name(event: str) -> str:
    """An event's name as a person would write it: `tour_finished` is "tour finished"."""
    return re.sub(r"[_.:\s-]+", " ", event).strip() or event


@lru_cache(maxsize=1024)
def _named(name: str) -> Deed:
    words = [_FORMS.get(word, word) for word in _BETWEEN.split(name.lower()) if word]
    for parts, deed in _BY_PARTS:
        if all(any(_begins(word, part) for word in words) for part in parts):
            return deed
    return "other"


def _begins(word: str, part: str) -> bool:
    return word == part if part in _WHOLE else word.startswith(part)
