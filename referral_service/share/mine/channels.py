"""Where each button of the share page leads: the channels' own addresses for a message that somebody is to send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from referral_service.share.voice import Voice
from referral_service.share.words.messages import CHANNELS, Channel, Message

# Brands are called the same in every language.
_NAMES: dict[Channel, str] = {
    "whatsapp": "WhatsApp",
    "telegram": "Telegram",
    "viber": "Viber",
    "x": "X",
    "facebook": "Facebook",
    "sms": "SMS",
}
# RFC 6068 for mail and RFC 5724 for SMS, whose `?&` both of the big phone systems understand.
_ADDRESSES: dict[Channel, str] = {
    "whatsapp": "https://wa.me/?text={text}",
    "telegram": "https://t.me/share/url?url={link}&text={text}",
    "viber": "viber://forward?text={text}",
    "x": "https://x.com/intent/post?text={text}&url={link}",
    "facebook": "https://www.facebook.com/sharer/sharer.php?u={link}",
    "email": "mailto:?subject={subject}&body={text}",
    "sms": "sms:?&body={text}",
}


@dataclass(frozen=True, slots=True)
class ChannelLink:
    """A button. `in_new_tab`: it leads to a site and not to an app of the device."""

    key: Channel
    label: str
    href: str
    in_new_tab: bool


def channel_links(
    voice: Voice, *, link: Callable[[Channel], str], message: Callable[[Channel], Message]
) -> list[ChannelLink]:
    """Return a button for each channel; `link` and `message` make what is shared by it."""
    made = []
    for channel in CHANNELS:
        said = message(channel)
        href = _ADDRESSES[channel].format(
            # Percent signs alone: programs for mail and messages show a plus as a plus.
            text=quote(said.text, safe=""),
            link=quote(link(channel), safe=""),
            subject=quote(said.subject, safe=""),
        )
        label = _NAMES.get(channel) or voice.gettext("E-mail")
        made.append(ChannelLink(channel, label, href, in_new_tab=href.startswith("https:")))
    return made
