"""A logo is read with suspicion and drawn anew: what is served are pixels, and nothing that came with them."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from programs.pictures import animation, data_url, noise, picture, png_of

from referral_service.programs.logo import BYTES_MAX, PNG_BYTES_MAX, SIDE_MAX, Logo, UnusableLogo, read_logo

MARKER = b"<script>alert(1)</script>"


def drawn(logo: Logo) -> Image.Image:
    image = Image.open(BytesIO(logo.png))
    image.load()
    return image


def refusal(sent: str) -> str:
    with pytest.raises(UnusableLogo) as refused:
        read_logo(sent)
    return str(refused.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_of_each_kind_becomes_a_png(kind: str) -> None:
    logo = read_logo(data_url(picture(kind), f"image/{kind.lower()}"))
    assert logo.sha256 == hashlib.sha256(logo.png).hexdigest()
    image = drawn(logo)
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (64, 64))
    pixel = image.getpixel((1, 1))
    assert isinstance(pixel, tuple)
    assert all(abs(mine - theirs) < 6 for mine, theirs in zip(pixel, (0x5B, 0x21, 0xB6), strict=True))


def test_the_same_picture_has_the_same_hash_and_another_has_another() -> None:
    first, again = read_logo(data_url(picture())), read_logo(data_url(picture()))
    assert first == again
    assert read_logo(data_url(picture(size=(65, 64)))).sha256 != first.sha256


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_pixel_can_be_sent(mode: str) -> None:
    image = drawn(read_logo(data_url(picture(mode=mode))))
    assert image.mode in {"RGB", "RGBA"}
    assert ("A" in image.mode) == ("A" in mode)


def test_what_is_transparent_stays_so() -> None:
    written = BytesIO()
    shape = Image.new("P", (8, 8), 0)
    shape.putpalette([0, 0, 0, 255, 0, 0])
    shape.putpixel((3, 3), 1)
    shape.save(written, "PNG", transparency=0)
    image = drawn(read_logo(data_url(written.getvalue())))
    assert image.getpixel((0, 0)) == (0, 0, 0, 0)
    assert image.getpixel((3, 3)) == (255, 0, 0, 255)


def test_a_jpeg_for_printers_is_taken() -> None:
    image = drawn(read_logo(data_url(picture("JPEG", mode="CMYK"), "image/jpeg")))
    assert image.mode == "RGB"


def test_a_picture_is_turned_as_its_exif_says_and_loses_everything_else() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "Taken at home by Alice"
    exif[0x8825] = {1: "N", 2: (50.0, 27.0, 0.0)}
    sent = picture("JPEG", size=(40, 20), exif=exif, icc_profile=b"icc" * 50, comment=MARKER)
    assert b"Alice" in sent
    logo = read_logo(data_url(sent, "image/jpeg"))
    image = drawn(logo)
    assert image.size == (20, 40)
    assert dict(image.getexif()) == {}
    assert image.info == {}
    assert MARKER not in logo.png
    assert b"Alice" not in logo.png


def test_what_stands_behind_or_inside_a_picture_is_not_served() -> None:
    for sent, kind in (
        (picture() + MARKER, "image/png"),
        (picture("JPEG") + b"PK\x03\x04" + MARKER, "image/jpeg"),
        (picture("JPEG", comment=MARKER), "image/jpeg"),
    ):
        assert MARKER in sent
        assert MARKER not in read_logo(data_url(sent, kind)).png


def test_large_pictures_are_made_smaller_and_keep_their_shape() -> None:
    assert drawn(read_logo(data_url(picture(size=(2048, 1024))))).size == (SIDE_MAX, SIDE_MAX // 2)
    assert drawn(read_logo(data_url(picture(size=(512, 512))))).size == (512, 512)
    assert drawn(read_logo(data_url(picture(size=(2048, 1))))).size == (512, 1)
    assert drawn(read_logo(data_url(picture(size=(1, 1))))).size == (1, 1)


def test_a_photograph_is_served_small_enough_for_the_first_view_of_a_page() -> None:
    sent = noise((512, 512), "JPEG", quality=5)
    assert len(sent) <= BYTES_MAX
    logo = read_logo(data_url(sent, "image/jpeg"))
    assert len(logo.png) <= PNG_BYTES_MAX
    assert drawn(logo).size[0] >= 96


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animations_are_refused(kind: str) -> None:
    assert "animation" in refusal(data_url(animation(kind), f"image/{kind.lower()}"))


def test_a_gif_is_refused_whatever_it_says_to_be() -> None:
    gif = animation("GIF")
    assert "PNG, JPEG or WebP" in refusal(data_url(gif, "image/gif"))
    assert "Cannot be read" in refusal(data_url(gif, "image/png"))


def test_svg_is_refused_with_the_reason() -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
    assert "scripts" in refusal(data_url(svg, "image/svg+xml"))
    assert "Cannot be read" in refusal(data_url(svg, "image/png"))


@pytest.mark.parametrize("size", [(2049, 1), (1, 2049), (20_000, 20_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_a_decompression_bomb_is_refused_by_its_head_alone(size: tuple[int, int]) -> None:
    bomb = png_of(*size, data=b"\0" * 1_000_000)
    assert len(bomb) < BYTES_MAX
    said = refusal(data_url(bomb))
    assert "pixels" in said or "Cannot be read" in said


def test_more_than_32_kib_are_refused() -> None:
    large = picture() + b"\0" * BYTES_MAX
    assert "32 KiB" in refusal(data_url(large))
    exactly = picture()
    exactly += b"\0" * (BYTES_MAX - len(exactly))
    assert read_logo(data_url(exactly)).png
    assert "32 KiB" in refusal(data_url(exactly + b"\0"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "data:",
        "data:,",
        "data:image/png,abc",
        "data:image/png;base64",
        "data:image/png;base64,",
        "data:image/png;base64,AAAA",
        "data:image/png;charset=utf-8;base64,AAAA",
        "data:image/png;base64,AAA",
        "data:image/png;base64,AA==AA==",
        "data:image/png;base64,=AAA",
        "data:image/png;base64,AA-_",
        "data:image/png;base64,AA AA",
        "data:image/png;base64,AAAA\n",
        "data:image/png;base64,ÄÄÄÄ",
        "data:IMAGE/PNG;base64,AAAA",
        "DATA:image/png;base64,AAAA",
        "data:text/html;base64,PHNjcmlwdD4=",
        "data:image/png;base64,data:image/png;base64,AAAA",
        "https://shop.example/logo.png",
        "javascript:alert(1)",
        " data:image/png;base64,AAAA",
    ],
)
def test_what_is_no_picture_in_a_data_url_is_refused_with_a_sentence(text: str) -> None:
    assert refusal(text).endswith(".")


def test_a_picture_that_says_to_be_of_another_kind_is_refused() -> None:
    assert "of that type" in refusal(data_url(picture("JPEG"), "image/png"))
    assert "of that type" in refusal(data_url(picture("PNG"), "image/webp"))


def test_a_picture_that_was_cut_off_is_refused() -> None:
    for kind in ("PNG", "JPEG", "WEBP"):
        sent = noise((40, 40), kind)
        assert "of that type" in refusal(data_url(sent[: len(sent) // 2], f"image/{kind.lower()}")), kind


@given(st.data())
def test_a_broken_picture_is_a_logo_or_refused(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "WEBP"]))
    raw = bytearray(noise((12, 12), kind))
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    logo = None
    # Any other exception than this one fails the test.
    with suppress(UnusableLogo):
        logo = read_logo(data_url(bytes(raw), f"image/{kind.lower()}"))
    assert logo is None or max(drawn(logo).size) <= SIDE_MAX
