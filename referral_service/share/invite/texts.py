"""What the invite page and its preview say: made from the offer, or the program's own where it has some."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from referral_service.programs.branding import Texts, filled
from referral_service.share.invite.invitation import Invitation
from referral_service.share.voice import Voice
from referral_service.share.words.invite import InviteWords, invitation, invite_words

_NO_TEXTS = Texts()


def program_name(invitation: Invitation) -> str:
    """Return what people call the program."""
    return invitation.branding.display_name or invitation.program_name


def texts_of(voice: Voice, shown: Invitation, *, link: str, now: datetime) -> InviteWords:
    """Return the page's words; `link` is what the program's own texts may name, `now` is business time."""
    name = program_name(shown)
    words = invite_words(voice, shown.offer, referrer=shown.referrer, program=name, now=now)
    own = shown.branding.texts.get(voice.locale, _NO_TEXTS)
    known = {
        "referrer": shown.referrer or voice.gettext("A friend"),
        "program": name,
        "offer": words.offer or name,
        "link": link,
    }
    return replace(
        words,
        headline=words.headline if own.headline is None else filled(own.headline, known),
        lead=words.lead if own.lead is None else filled(own.lead, known),
        button=words.button if own.button is None else filled(own.button, known),
    )


def who_invites(voice: Voice, shown: Invitation) -> str:
    """Say who invites to what, as the title of the preview."""
    return invitation(voice, referrer=shown.referrer, program=program_name(shown))
