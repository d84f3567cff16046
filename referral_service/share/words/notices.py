"""What a page says where there is nothing to show. The same for everybody: nothing of any person is in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from referral_service.share.voice import Voice, phrase

NoticeKind: TypeAlias = Literal["unknown", "paused", "ended", "page_over", "too_many"]


@dataclass(frozen=True, slots=True)
class Notice:
    """A title and what to do now."""

    title: str
    text: str


# `unknown` is also said of what was revoked: whoever asks learns nothing of what there was.
_NOTICES: dict[NoticeKind, tuple[str, str]] = {
    "unknown": (
        phrase("We cannot find this invitation"),
        phrase("Check the link or the code, or ask your friend to send it again."),
    ),
    "paused": (
        phrase("This program is taking a break"),
        phrase("It accepts no new invitations right now. Please try again later."),
    ),
    "ended": (
        phrase("This invitation is over"),
        phrase("The program has ended. Thank you for stopping by."),
    ),
    "page_over": (
        phrase("This page is no longer open"),
        phrase("Open it again from the app or the site where you found it."),
    ),
    "too_many": (
        phrase("That was a little fast"),
        phrase("Please wait a minute and try again."),
    ),
}


def notice(voice: Voice, kind: NoticeKind) -> Notice:
    """Return what to say."""
    title, text = _NOTICES[kind]
    return Notice(voice.gettext(title), voice.gettext(text))
