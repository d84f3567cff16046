"""Texts that people choose for their code, and the words no code may spell.

Codes run words together (SHITHAPPENS20), so a filter that looks for whole words finds nothing, and one that looks
for any word anywhere refuses CLASS, ESSEX and SCUNTHORPE. Hence two short lists: what is refused wherever it stands,
and what is refused only as a whole word between hyphens, digits and the edges.
"""

from __future__ import annotations

import re
import unicodedata

from referral_service.codes.errors import CodeNotAllowed, InvalidVanityText
from referral_service.codes.signed_code import FOLDED_CHARACTERS_MAX, FOLDED_CHARACTERS_MIN
from referral_service.kit.ids import fold

_RAW_CHARACTERS_MAX = 64
_VANITY = re.compile("[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")


def _words(text: str) -> list[str]:
    return text.split()


_ANYWHERE = _words(
    "FUCK FVCK FUKC PHUCK SHIT BITCH CUNT NIGGER NIGGA FAGGOT WHORE SLUT BLOWJOB HANDJOB DILDO PORN WANKER "
    "ASSHOLE ARSEHOLE BASTARD DICKHEAD COCKSUCK JIZZ BUKKAKE RAPIST HITLER SIEGHEIL KIKE WETBACK TRANNY PEDOPHIL "
    "PAEDOPHIL PUSSY SCHEISSE FOTZE HURENSOHN ARSCHLOCH WICHSER PUTAIN SALOPE ENCULE MIERDA PENDEJO CABRON CAZZO "
    "STRONZO VAFFANCULO BLYAT PIZDA KURWA CHUJ"
)
_AS_A_WORD = _words(
    "ASS ARSE ANUS ANAL COCK CUM DICK FAG TIT TITS TWAT SEX XXX RAPE PISS PENIS VAGINA BOOB BOOBS HOMO DYKE SPIC "
    "GOOK CHINK COON PAKI PUTA PUTO KKK NAZI NEGRO RETARD"
)
# Towns, trades and people's names that hold one of the first list.
_INNOCENT = _words("SCUNTHORPE THERAPIST YOSHIT TOSHIT ASHIT ISHIT KSHIT")

# Digits that are read as letters; L as I, since folding makes them one.
_LOOKS = str.maketrans("0134578L", "OIEASTBI")


def _pattern(words: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(word.translate(_LOOKS)) for word in words))


_ANYWHERE_LOOKS = _pattern(_ANYWHERE)
_INNOCENT_LOOKS = _pattern(_INNOCENT)
_WORDS = frozenset(_AS_A_WORD)
_WORD_LOOKS = frozenset(word.translate(_LOOKS) for word in _AS_A_WORD)


def is_offensive(text: str) -> bool:
    """Tell whether people would read an offensive word in a code."""
    parts = text.upper().split("-")
    if _ANYWHERE_LOOKS.search(_INNOCENT_LOOKS.sub(".", "".join(parts).translate(_LOOKS))):
        return True
    for part in parts:
        if not _WORDS.isdisjoint(re.split("[0-9]+", part)):
            return True
        # A55 is read as a word; the digits of MASS55 are digits.
        if not part.isalpha() and part.translate(_LOOKS) in _WORD_LOOKS:
            return True
    return False


def clean_vanity(wanted: str) -> tuple[str, str]:
    """Return a wanted text as it will be shown, and folded; raise InvalidVanityText or CodeNotAllowed.

    NFKC first, so that full-width letters are the letters they look like; then ASCII letters, digits and single
    hyphens only, which leaves no room for look-alikes from other scripts.
    """
    text = unicodedata.normalize("NFKC", wanted) if len(wanted) <= _RAW_CHARACTERS_MAX else ""
    folded = fold(text) if _VANITY.fullmatch(text) and len(text) <= FOLDED_CHARACTERS_MAX else None
    if folded is None or len(folded) < FOLDED_CHARACTERS_MIN:
        raise InvalidVanityText(errors={"vanity": [InvalidVanityText.remedy]})
    if is_offensive(text):
        raise CodeNotAllowed(errors={"vanity": ["Not allowed."]})
    return text, folded
