"""Shares of what is bought, in words. Each is whole, because a language bends all of it at once."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from referral_service.share.deeds import Deed
from referral_service.share.promised import Gift
from referral_service.share.voice import Voice, phrase


@dataclass(frozen=True, slots=True)
class PriceForms:
    """`yours` and `theirs` are the reader's and a friend's purchase; `whole` is 100 per cent of the first one."""

    whole_yours: str
    whole_theirs: str
    part_yours: str
    part_theirs: str
    every_yours: str
    every_theirs: str
    minimum: str


PRICES: dict[Deed, PriceForms] = {
    "purchase": PriceForms(
        whole_yours=phrase("the full price of your first order"),
        whole_theirs=phrase("the full price of each friend’s first order"),
        part_yours=phrase("%(percent)s of your first order"),
        part_theirs=phrase("%(percent)s of each friend’s first order"),
        every_yours=phrase("%(percent)s of every order"),
        every_theirs=phrase("%(percent)s of every order your friends place"),
        minimum=phrase("Orders of %(amount)s or more count."),
    ),
    "ride": PriceForms(
        whole_yours=phrase("the full price of your first ride"),
        whole_theirs=phrase("the full price of each friend’s first ride"),
        part_yours=phrase("%(percent)s of your first ride"),
        part_theirs=phrase("%(percent)s of each friend’s first ride"),
        every_yours=phrase("%(percent)s of every ride"),
        every_theirs=phrase("%(percent)s of every ride your friends take"),
        minimum=phrase("Rides of %(amount)s or more count."),
    ),
    "booking": PriceForms(
        whole_yours=phrase("the full price of your first booking"),
        whole_theirs=phrase("the full price of each friend’s first booking"),
        part_yours=phrase("%(percent)s of your first booking"),
        part_theirs=phrase("%(percent)s of each friend’s first booking"),
        every_yours=phrase("%(percent)s of every booking"),
        every_theirs=phrase("%(percent)s of every booking your friends make"),
        minimum=phrase("Bookings of %(amount)s or more count."),
    ),
    "subscription": PriceForms(
        whole_yours=phrase("the full price of your subscription"),
        whole_theirs=phrase("the full price of each friend’s subscription"),
        part_yours=phrase("%(percent)s of your subscription"),
        part_theirs=phrase("%(percent)s of each friend’s subscription"),
        every_yours=phrase("%(percent)s of every subscription payment"),
        every_theirs=phrase("%(percent)s of every subscription payment of your friends"),
        minimum=phrase("Subscriptions of %(amount)s or more count."),
    ),
    "other": PriceForms(
        whole_yours=phrase("everything you pay"),
        whole_theirs=phrase("everything each friend pays"),
        part_yours=phrase("%(percent)s of what you pay"),
        part_theirs=phrase("%(percent)s of what each friend pays"),
        every_yours=phrase("%(percent)s of every payment"),
        every_theirs=phrase("%(percent)s of every payment of your friends"),
        minimum=phrase("Payments of %(amount)s or more count."),
    ),
}


def forms_of(deed: Deed) -> PriceForms:
    """The forms of what is bought; of any payment where it is nothing known."""
    return PRICES.get(deed, PRICES["other"])


def share_of_price(voice: Voice, gift: Gift, *, yours: bool) -> str:
    """Say what share of which purchase a gift of kind `percent` is."""
    forms, percent = forms_of(gift.buying), gift.worth.percent or Decimal()
    if gift.moment in ("repeat", "every"):
        message = forms.every_yours if yours else forms.every_theirs
    elif percent == 100:
        return voice.gettext(forms.whole_yours if yours else forms.whole_theirs)
    else:
        message = forms.part_yours if yours else forms.part_theirs
    return voice.gettext(message, percent=voice.percent(percent))
