"""A program's colour as pages use it: whatever is chosen, what is written on it, in it and around it can be read.

Contrast is reckoned as WCAG 2.2 has it (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio): 4.5 to 1 for text (1.4.3),
3 to 1 for borders and focus rings (1.4.11). Where the colour itself does not reach that, a darker or lighter tone of it
stands in. Colours are `#rrggbb`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

TEXT_CONTRAST_MIN = 4.5
EDGE_CONTRAST_MIN = 3.0

# What the pages put behind text: the ground, cards, and what is sunken into them.
LIGHT_GROUNDS = ("#ffffff", "#f5f4f8", "#f0eef5")
DARK_GROUNDS = ("#1d1b26", "#121118", "#272532")
# How much of the colour tints a card, of 100, for what is to stand out a little.
LIGHT_TINT, DARK_TINT = 9, 20
# How far a button under the pointer leaves its colour, of 100.
DEEPENED = 14

WHITE, BLACK = "#ffffff", "#000000"
# For text on the colour: the first that can be read. Pure black is needed for a narrow band of greys alone.
INKS = (WHITE, "#14121a", BLACK)

_Channels: TypeAlias = tuple[int, int, int]
_COLOUR = re.compile("#[0-9A-Fa-f]{6}")


@dataclass(frozen=True, slots=True)
class Palette:
    """`brand` as it was chosen, and what goes with it. `light` and `dark` are the two themes of a page.

    `on_brand` is text on `brand`, and on `brand_deep`, which a button takes on under the pointer. `brand_text_…` is
    text in the colour, `brand_edge_…` a border or a focus ring, each on any ground of that theme.
    """

    brand: str
    on_brand: str
    brand_deep: str
    brand_text_light: str
    brand_text_dark: str
    brand_edge_light: str
    brand_edge_dark: str
    brand_soft_light: str
    brand_soft_dark: str

    @property
    def properties(self) -> str:
        """The palette as CSS custom properties: `--brand:#5b21b6;--on-brand:#ffffff;…`."""
        names = {
            "brand": self.brand,
            "on-brand": self.on_brand,
            "brand-deep": self.brand_deep,
            "brand-ink-light": self.brand_text_light,
            "brand-ink-dark": self.brand_text_dark,
            "brand-edge-light": self.brand_edge_light,
            "brand-edge-dark": self.brand_edge_dark,
        }
        return ";".join(f"--{name}:{colour}" for name, colour in names.items())


@lru_cache(maxsize=1024)
def palette(colour: str) -> Palette:
    """Return what goes with a colour; raise ValueError for what is none."""
    brand = _written(_channels(colour))
    on_brand = next(ink for ink in INKS if contrast(ink, brand) >= TEXT_CONTRAST_MIN)
    soft_light, soft_dark = mixed(brand, LIGHT_GROUNDS[0], LIGHT_TINT), mixed(brand, DARK_GROUNDS[0], DARK_TINT)
    light, dark = (*LIGHT_GROUNDS, soft_light), (*DARK_GROUNDS, soft_dark)
    return Palette(
        brand=brand,
        on_brand=on_brand,
        # Away from the text on it, so that it is read better there and never worse.
        brand_deep=mixed(BLACK if on_brand == WHITE else WHITE, brand, DEEPENED),
        brand_text_light=_readable(brand, light, towards=BLACK, least=TEXT_CONTRAST_MIN),
        brand_text_dark=_readable(brand, dark, towards=WHITE, least=TEXT_CONTRAST_MIN),
        brand_edge_light=_readable(brand, light, towards=BLACK, least=EDGE_CONTRAST_MIN),
        brand_edge_dark=_readable(brand, dark, towards=WHITE, least=EDGE_CONTRAST_MIN),
        brand_soft_light=soft_light,
        brand_soft_dark=soft_dark,
    )


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, from 0 (black) to 1 (white)."""
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def mixed(one: str, other: str, percent: float) -> str:
    """Return so much of one colour and the rest of the other, as CSS's `color-mix(in srgb, …)` does."""
    share = percent / 100
    red, green, blue = (
        round(mine * share + theirs * (1 - share))
        for mine, theirs in zip(_channels(one), _channels(other), strict=True)
    )
    return _written((red, green, blue))


def _readable(brand: str, grounds: Iterable[str], *, towards: str, least: float) -> str:
    """Return the tone nearest to the colour that has the contrast on every one of the grounds."""
    grounds = tuple(grounds)

    def tone(percent: int) -> str:
        return mixed(towards, brand, percent)

    def enough(percent: int) -> bool:
        # A colour on the far side of the ground (white on a dark page) is readable as it is, and stays so.
        return min(contrast(tone(percent), ground) for ground in grounds) >= least

    return tone(bisect_left(range(101), True, key=enough))


def _linear(channel: float) -> float:
    # WCAG's own threshold: it differs from the sRGB standard's 0.04045, but for no colour of eight bits.
    return channel / 12.92 if channel <= 0.03928 else ((channel + 0.055) / 1.055) ** 2.4


def _channels(colour: str) -> _Channels:
    if not _COLOUR.fullmatch(colour):
        raise ValueError("A colour is written #rrggbb.")
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _written(channels: _Channels) -> str:
    return "#{:02x}{:02x}{:02x}".format(*channels)
