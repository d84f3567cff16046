"""Whatever colour a program chooses, everything that is written in it or on it can be read."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from referral_service.programs.palette import (
    BLACK,
    DARK_GROUNDS,
    EDGE_CONTRAST_MIN,
    LIGHT_GROUNDS,
    TEXT_CONTRAST_MIN,
    WHITE,
    contrast,
    luminance,
    mixed,
    palette,
)

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
# Every grey, and the primary colours with what lies around them: where the choice of the text's colour turns over.
EDGES = [f"#{n:02x}{n:02x}{n:02x}" for n in range(256)] + [
    f"#{red:02x}{green:02x}{blue:02x}"
    for red in (0, 0x77, 0xFF)
    for green in (0, 0x77, 0xFF)
    for blue in (0, 0x77, 0xFF)
]


def assert_readable(colour: str) -> None:
    chosen = palette(colour)
    assert chosen.brand == colour
    for button in (chosen.brand, chosen.brand_deep):
        assert contrast(chosen.on_brand, button) >= TEXT_CONTRAST_MIN
    for ground in (*LIGHT_GROUNDS, chosen.brand_soft_light):
        assert contrast(chosen.brand_text_light, ground) >= TEXT_CONTRAST_MIN
        assert contrast(chosen.brand_edge_light, ground) >= EDGE_CONTRAST_MIN
    for ground in (*DARK_GROUNDS, chosen.brand_soft_dark):
        assert contrast(chosen.brand_text_dark, ground) >= TEXT_CONTRAST_MIN
        assert contrast(chosen.brand_edge_dark, ground) >= EDGE_CONTRAST_MIN


@given(COLOURS)
@example("#000000")
@example("#ffffff")
@example("#5b21b6")
def test_every_colour_can_be_read(colour: str) -> None:
    assert_readable(colour)


@pytest.mark.parametrize("colour", EDGES)
def test_greys_and_the_edges_of_the_colour_cube_can_be_read(colour: str) -> None:
    assert_readable(colour)


@given(COLOURS)
def test_a_colour_that_can_be_read_as_it_is_is_left_alone(colour: str) -> None:
    chosen = palette(colour)
    soft = min(contrast(colour, ground) for ground in (*LIGHT_GROUNDS, chosen.brand_soft_light))
    assert (chosen.brand_text_light == colour) == (soft >= TEXT_CONTRAST_MIN)
    assert (chosen.brand_edge_light == colour) == (soft >= EDGE_CONTRAST_MIN)


@given(COLOURS, COLOURS)
def test_contrast_is_the_same_both_ways_and_from_1_to_21(one: str, other: str) -> None:
    assert contrast(one, other) == contrast(other, one)
    assert 1.0 <= contrast(one, other) <= 21.0
    assert contrast(one, one) == 1.0


# By the definition of WCAG 2.2; the greys are those of its technique G18 and of every contrast checker.
@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        (BLACK, WHITE, 21.0),
        ("#767676", WHITE, 4.54),
        ("#777777", WHITE, 4.48),
        ("#949494", WHITE, 3.03),
        ("#0000ff", WHITE, 8.59),
        ("#ff0000", WHITE, 4.0),
        ("#ffff00", WHITE, 1.07),
        ("#5b21b6", WHITE, 8.98),
    ],
)
def test_contrast_is_reckoned_as_wcag_has_it(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)


def test_luminance_goes_from_black_to_white() -> None:
    assert luminance(BLACK) == 0.0
    assert luminance(WHITE) == pytest.approx(1.0)
    assert luminance("#00ff00") > luminance("#ff0000") > luminance("#0000ff")


def test_colours_are_mixed_as_css_does_it() -> None:
    assert mixed(WHITE, BLACK, 50) == "#808080"
    assert mixed("#5b21b6", WHITE, 9) == "#f0ebf8"
    assert mixed("#123456", WHITE, 100) == "#123456"


def test_the_text_on_a_colour_is_white_where_white_can_be_read() -> None:
    assert palette("#5b21b6").on_brand == WHITE
    assert palette("#ffd500").on_brand == "#14121a"
    assert palette("#FFD500") == palette("#ffd500")


def test_a_palette_is_written_as_css_custom_properties() -> None:
    written = palette("#ffd500").properties
    assert written.startswith("--brand:#ffd500;--on-brand:#14121a;")
    names = [part.partition(":")[0] for part in written.split(";")]
    assert {"--brand-ink-light", "--brand-ink-dark", "--brand-deep"} <= set(names)


@pytest.mark.parametrize(
    "text", ["", "red", "#fff", "#12345", "#1234567", "123456#", "#12345g", "#１２３４５６", "#-12345"]
)
def test_what_is_no_colour_has_no_palette(text: str) -> None:
    with pytest.raises(ValueError, match="#rrggbb"):
        palette(text)
