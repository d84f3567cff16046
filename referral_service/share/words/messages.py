"""What a referrer sends to a friend, for each channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from referral_service.share.promised import Offer
from referral_service.share.voice import Voice
from referral_service.share.words.invite import headline

Channel: TypeAlias = Literal["whatsapp", "telegram", "viber", "x", "facebook", "email", "sms", "other"]
CHANNELS: tuple[Channel, ...] = ("whatsapp", "telegram", "viber", "x", "facebook", "email", "sms")

# These take the link apart from the text, and show it in their own way.
LINK_APART: frozenset[Channel] = frozenset({"telegram", "x", "facebook"})


@dataclass(frozen=True, slots=True)
class Message:
    """A text to be sent; `subject` is an e-mail's. The link is in the text, but for channels that take it apart."""

    subject: str
    text: str


def share_message(
    voice: Voice, offer: Offer, *, channel: Channel, program: str, link: str, own_text: str | None = None
) -> Message:
    """Return the message. `own_text` is the program's own, filled in already; its link is added where it has none."""
    subject = voice.gettext("An invitation to %(program)s", program=program)
    text = own_text if own_text is not None else _recommendation(voice, offer, program=program)
    if channel in LINK_APART:
        return Message(subject, text.replace(link, "").strip())
    if link in text:
        return Message(subject, text)
    between = "\n\n" if channel == "email" else " "
    return Message(subject, text + between + voice.gettext("Here is my invitation: %(link)s", link=link))


def _recommendation(voice: Voice, offer: Offer, *, program: str) -> str:
    said = headline(voice, offer)
    if said is None:
        return voice.gettext("I recommend %(program)s.", program=program)
    return voice.gettext("I recommend %(program)s. %(headline)s.", program=program, headline=said)
