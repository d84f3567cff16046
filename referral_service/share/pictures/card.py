"""The preview image of an invitation, as messengers show it under the link: 1200 x 630, by Open Graph's custom.

Drawn from plain values at twice the size and scaled down, which smooths every edge. The same values give the same
bytes.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TypeAlias

from font_roboto import RobotoBold, RobotoMedium
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1200, 630
_SCALE = 2
_COLOURS = 128
_MARGIN = 80
_TITLE_SIZES = (76, 68, 60, 52, 46)
_TITLE_LINES_MAX = 3
_GIFT_SIZES = (150, 128, 108, 90, 72, 58, 46)
_LOGO = 84

Colour: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Card:
    """What stands on the image. `brand` and `ink` (text on it) are `#rrggbb`; `logo` is a PNG."""

    program: str
    title: str
    gift: str
    reason: str
    brand: str
    ink: str
    logo: bytes | None = None


def draw_card(card: Card) -> bytes:
    """Return the image as a PNG. Text that is too long for its place gets smaller, then is cut with an ellipsis."""
    brand, ink = _rgb(card.brand), _rgb(card.ink)
    image = Image.new("RGB", (WIDTH * _SCALE, HEIGHT * _SCALE), brand)
    pen = ImageDraw.Draw(image)
    for centre, radius, share in (((1130, 60), 330, 0.10), ((1010, 640), 250, 0.07), ((40, 700), 300, 0.05)):
        _circle(pen, centre, radius, _mixed(brand, ink, share))
    _draw_program(image, pen, card, brand, ink)
    bottom = _draw_title(pen, card.title, ink)
    if card.gift:
        _draw_gift(pen, card, brand, ink, top=bottom)
    small = image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    small.quantize(_COLOURS, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    return written.getvalue()


def _draw_program(image: Image.Image, pen: ImageDraw.ImageDraw, card: Card, brand: Colour, ink: Colour) -> None:
    box = (_MARGIN, 64, _MARGIN + _LOGO, 64 + _LOGO)
    if card.logo is not None:
        with Image.open(io.BytesIO(card.logo)) as opened:
            logo = opened.convert("RGBA")
        _rounded(pen, box, 20, (255, 255, 255))
        logo.thumbnail(((_LOGO - 12) * _SCALE, (_LOGO - 12) * _SCALE), Image.Resampling.LANCZOS)
        left = box[0] * _SCALE + (_LOGO * _SCALE - logo.width) // 2
        image.paste(logo, (left, box[1] * _SCALE + (_LOGO * _SCALE - logo.height) // 2), logo)
    else:
        _rounded(pen, box, 20, ink)
        middle = ((box[0] + _LOGO / 2) * _SCALE, (box[1] + _LOGO / 2) * _SCALE)
        pen.text(middle, card.program[:1].upper(), fill=brand, font=_font(RobotoBold, 50), anchor="mm")
    font = _font(RobotoMedium, 40)
    name = _cut(card.program, font, WIDTH - box[2] - 24 - _MARGIN)
    pen.text(((box[2] + 24) * _SCALE, (box[1] + _LOGO / 2) * _SCALE), name, fill=ink, font=font, anchor="lm")


def _draw_title(pen: ImageDraw.ImageDraw, title: str, ink: Colour) -> int:
    """Draw the title, and return where what stands under it may begin."""
    font, lines = _fitting_lines(title, WIDTH - 2 * _MARGIN)
    top, height = 196, round(font.size / _SCALE * 1.16)
    for n, line in enumerate(lines):
        pen.text((_MARGIN * _SCALE, (top + n * height) * _SCALE), line, fill=ink, font=font, anchor="la")
    return top + len(lines) * height


def _draw_gift(pen: ImageDraw.ImageDraw, card: Card, brand: Colour, ink: Colour, *, top: int) -> None:
    """Draw the ticket: the amount, a line to tear along, and what it is for."""
    top = max(top + 30, 330)
    left, right, bottom = _MARGIN, WIDTH - _MARGIN, HEIGHT - 64
    _rounded(pen, (left, top, right, bottom), 34, ink)
    tear = left + 660
    for y in (top, bottom):
        _circle(pen, (tear, y), 22, brand)
    for y in range(top + 40, bottom - 34, 22):
        _rounded(pen, (tear - 2, y, tear + 2, y + 11), 2, _mixed(ink, brand, 0.45))
    middle = (top + bottom) / 2
    font = next(
        (font for size in _GIFT_SIZES if (font := _font(RobotoBold, size)).getlength(card.gift) <= 580 * _SCALE),
        _font(RobotoBold, _GIFT_SIZES[-1]),
    )
    gift = _cut(card.gift, font, 580)
    pen.text(((left + 40) * _SCALE, middle * _SCALE), gift, fill=brand, font=font, anchor="lm")
    small = _font(RobotoMedium, 34)
    lines = _wrapped(card.reason, small, right - tear - 64)
    room = (bottom - top - 36) // 42
    if len(lines) > room:
        lines = [*lines[: room - 1], _cut(f"{lines[room - 1]} …", small, right - tear - 64)]
    first = middle - (len(lines) - 1) * 21
    for n, line in enumerate(lines):
        pen.text(((tear + 36) * _SCALE, (first + n * 42) * _SCALE), line, fill=brand, font=small, anchor="lm")


def _fitting_lines(text: str, width: int) -> tuple[ImageFont.FreeTypeFont, list[str]]:
    """Two lines of the largest letters that let them be two; else three of the smallest, the last one cut."""
    fonts = [_font(RobotoBold, size) for size in _TITLE_SIZES]
    for font in fonts:
        lines = _wrapped(text, font, width)
        if len(lines) <= _TITLE_LINES_MAX - 1:
            return font, lines
    smallest = fonts[-1]
    lines = _wrapped(text, smallest, width)
    if len(lines) > _TITLE_LINES_MAX:
        kept = lines[:_TITLE_LINES_MAX]
        lines = [*kept[:-1], _cut(f"{kept[-1]} …", smallest, width)]
    return smallest, lines


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Break a text into lines at its spaces; a word that is longer than a line is cut."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width * _SCALE:
            lines[-1] = longer
        else:
            lines.append(_cut(word, font, width))
    return lines


def _cut(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    if font.getlength(text) <= width * _SCALE:
        return text
    while text and font.getlength(f"{text}…") > width * _SCALE:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size * _SCALE)


def _circle(pen: ImageDraw.ImageDraw, centre: tuple[int, int], radius: int, colour: Colour) -> None:
    x, y = centre
    pen.ellipse([(x - radius) * _SCALE, (y - radius) * _SCALE, (x + radius) * _SCALE, (y + radius) * _SCALE], colour)


def _rounded(pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int], radius: int, colour: Colour) -> None:
    pen.rounded_rectangle([edge * _SCALE for edge in box], radius * _SCALE, colour)


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    """Return `one` with a share of `other` in it."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _rgb(text: str) -> Colour:
    value = int(text.removeprefix("#"), 16)
    return value >> 16, value >> 8 & 255, value & 255
