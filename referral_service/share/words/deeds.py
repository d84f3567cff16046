"""What people do, in each form that a sentence needs. A translation may bend each form as its language wants."""

from __future__ import annotations

from dataclasses import dataclass

from referral_service.share.deeds import Deed
from referral_service.share.voice import phrase, plural


@dataclass(frozen=True, slots=True)
class Forms:
    """`noun` follows "for", `do` is what the friend is asked, `does` what "each friend who …" does."""

    noun: str
    do: str
    does: str
    waiting: str
    label: str


@dataclass(frozen=True, slots=True)
class CountedForms:
    """The same for several; `label` is the plural alone."""

    noun: tuple[str, str]
    do: tuple[str, str]
    does: tuple[str, str]
    label: str


FORMS: dict[Deed, Forms] = {
    "purchase": Forms(
        noun=phrase("your first order"),
        do=phrase("place your first order"),
        does=phrase("places a first order"),
        waiting=phrase("Waiting for the first order"),
        label=phrase("First order"),
    ),
    "ride": Forms(
        noun=phrase("your first ride"),
        do=phrase("take your first ride"),
        does=phrase("takes a first ride"),
        waiting=phrase("Waiting for the first ride"),
        label=phrase("First ride"),
    ),
    "booking": Forms(
        noun=phrase("your first booking"),
        do=phrase("make your first booking"),
        does=phrase("makes a first booking"),
        waiting=phrase("Waiting for the first booking"),
        label=phrase("First booking"),
    ),
    "stay": Forms(
        noun=phrase("your first stay"),
        do=phrase("complete your stay"),
        does=phrase("completes a stay"),
        waiting=phrase("Waiting for the stay to be completed"),
        label=phrase("Completed stay"),
    ),
    "subscription": Forms(
        noun=phrase("your subscription"),
        do=phrase("subscribe"),
        does=phrase("subscribes"),
        waiting=phrase("Waiting for the subscription"),
        label=phrase("Subscription"),
    ),
    "signup": Forms(
        noun=phrase("signing up"),
        do=phrase("sign up"),
        does=phrase("signs up"),
        waiting=phrase("Waiting for the sign-up"),
        label=phrase("Sign-up"),
    ),
    "install": Forms(
        noun=phrase("installing the app"),
        do=phrase("install the app"),
        does=phrase("installs the app"),
        waiting=phrase("Waiting for the app to be installed"),
        label=phrase("App installed"),
    ),
    "sign_in": Forms(
        noun=phrase("signing in"),
        do=phrase("sign in"),
        does=phrase("signs in"),
        waiting=phrase("Waiting for the first sign-in"),
        label=phrase("First sign-in"),
    ),
    "birthday": Forms(
        noun=phrase("your birthday"),
        do=phrase("celebrate your birthday"),
        does=phrase("has a birthday"),
        waiting=phrase("Waiting for the birthday"),
        label=phrase("Birthday"),
    ),
    "tour": Forms(
        noun=phrase("taking the tour"),
        do=phrase("take the tour"),
        does=phrase("takes the tour"),
        waiting=phrase("Waiting for the tour to be finished"),
        label=phrase("Tour finished"),
    ),
    "folder": Forms(
        noun=phrase("sharing a folder"),
        do=phrase("share a folder"),
        does=phrase("shares a folder"),
        waiting=phrase("Waiting for a folder to be shared"),
        label=phrase("Folder shared"),
    ),
    "feedback": Forms(
        noun=phrase("your feedback"),
        do=phrase("send your feedback"),
        does=phrase("sends feedback"),
        waiting=phrase("Waiting for feedback"),
        label=phrase("Feedback"),
    ),
    "review": Forms(
        noun=phrase("your review"),
        do=phrase("write a review"),
        does=phrase("writes a review"),
        waiting=phrase("Waiting for a review"),
        label=phrase("Review"),
    ),
    "other": Forms(
        noun=phrase("“%(event)s”"),
        do=phrase("complete “%(event)s”"),
        does=phrase("completes “%(event)s”"),
        waiting=phrase("Waiting for “%(event)s”"),
        label=phrase("“%(event)s”"),
    ),
}

COUNTED: dict[Deed, CountedForms] = {
    "purchase": CountedForms(
        noun=plural("%(number)s order", "%(number)s orders"),
        do=plural("place %(number)s order", "place %(number)s orders"),
        does=plural("places %(number)s order", "places %(number)s orders"),
        label=phrase("Orders"),
    ),
    "ride": CountedForms(
        noun=plural("%(number)s ride", "%(number)s rides"),
        do=plural("take %(number)s ride", "take %(number)s rides"),
        does=plural("takes %(number)s ride", "takes %(number)s rides"),
        label=phrase("Rides"),
    ),
    "booking": CountedForms(
        noun=plural("%(number)s booking", "%(number)s bookings"),
        do=plural("make %(number)s booking", "make %(number)s bookings"),
        does=plural("makes %(number)s booking", "makes %(number)s bookings"),
        label=phrase("Bookings"),
    ),
    "stay": CountedForms(
        noun=plural("%(number)s stay", "%(number)s stays"),
        do=plural("complete %(number)s stay", "complete %(number)s stays"),
        does=plural("completes %(number)s stay", "completes %(number)s stays"),
        label=phrase("Stays"),
    ),
}

# Money spent in all, in however many orders.
SPENDING = Forms(
    noun=phrase("spending %(total)s"),
    do=phrase("spend %(total)s in all"),
    does=phrase("spends %(total)s in all"),
    waiting=phrase("Waiting for orders of %(total)s in all"),
    label=phrase("Orders of %(total)s in all"),
)
