"""What is given, in words: as what somebody gets, and as the name of a thing that somebody has."""

from __future__ import annotations

from referral_service.share.promised import Worth
from referral_service.share.voice import Voice


def worth_got(voice: Voice, worth: Worth) -> str:
    """Say what somebody gets, after "You get": "$5.00", "a coupon for 15% off", "1 point for every $1.00 spent"."""
    if worth.kind == "coupon":
        return voice.gettext("a coupon for %(discount)s off", discount=_discount(voice, worth))
    if worth.kind == "custom":
        return voice.gettext("a gift")
    return _amount(voice, worth)


def discount_got(voice: Voice, worth: Worth) -> str:
    """Say the same of a coupon that is there at once: "15% off"."""
    if worth.kind == "coupon":
        return voice.gettext("%(discount)s off", discount=_discount(voice, worth))
    return worth_got(voice, worth)


def worth_named(voice: Voice, worth: Worth) -> str:
    """Name it, as an entry of a list: "Coupon for 15% off"."""
    if worth.kind == "coupon":
        return voice.gettext("Coupon for %(discount)s off", discount=_discount(voice, worth))
    if worth.kind == "custom":
        return voice.gettext("Gift")
    return _amount(voice, worth)


def points(voice: Voice, number: int) -> str:
    """So many points."""
    return voice.ngettext("%(number)s point", "%(number)s points", number)


def up_to(voice: Voice, text: str, worth: Worth) -> str:
    """Add the most that it may come to, if there is one."""
    if worth.maximum is None:
        return text
    return voice.gettext("%(gift)s, up to %(amount)s", gift=text, amount=voice.money(worth.maximum))


def _amount(voice: Voice, worth: Worth) -> str:
    if worth.quantity is not None:
        is_quota = worth.kind == "quota" and worth.unit is not None
        text = voice.quantity(worth.quantity, worth.unit or "") if is_quota else points(voice, worth.quantity)
        if worth.per is None:
            return text
        return voice.gettext("%(gift)s for every %(amount)s spent", gift=text, amount=voice.money(worth.per))
    if worth.amount is not None:
        return voice.money(worth.amount)
    return voice.percent(worth.percent) if worth.percent is not None else ""


def _discount(voice: Voice, worth: Worth) -> str:
    if worth.amount is not None:
        return voice.money(worth.amount)
    return voice.percent(worth.percent) if worth.percent is not None else ""
