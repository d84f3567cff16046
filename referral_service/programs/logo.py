"""A program's logo: read from what was sent, and drawn anew, so that nothing but its pixels is ever served."""

from __future__ import annotations

import binascii
import hashlib
import re
import warnings
from dataclasses import dataclass
from io import BytesIO
from threading import Lock

from PIL import Image, ImageOps

# As it is sent.
BYTES_MAX = 32 * 1024
SENT_SIDE_MAX = 2048
# As it is served: as large as any page shows it, and small enough for the first view of one.
SIDE_MAX = 512
PNG_BYTES_MAX = 32 * 1024
_SIDES = (SIDE_MAX, 384, 256, 192, 128, 96, 64)

DATA_URL_CHARACTERS_MAX = len("data:image/jpeg;base64,") + 4 * -(-BYTES_MAX // 3)
DATA_URL_PATTERN = r"data:image/(png|jpeg|webp);base64,[A-Za-z0-9+/]+={0,2}"
_DATA_URL = re.compile(r"data:(?P<kind>[^;,]*)(?P<parameters>[^,]*),(?P<data>.*)", re.DOTALL)
_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}

# One at a time: it bounds the memory that pictures can take, and the filter of warnings is the whole process's.
_DRAWING = Lock()


class UnusableLogo(ValueError):
    """The text is a sentence for whoever sent it."""


@dataclass(frozen=True, slots=True)
class Logo:
    """A PNG of ours, and its SHA-256 in hexadecimal digits."""

    png: bytes
    sha256: str


def read_logo(data_url: str) -> Logo:
    """Return the logo that a data URL (RFC 2397) holds: a still PNG, JPEG or WebP in base64.

    It is turned as its EXIF says, made smaller where it is large, and loses everything but its pixels. Raises
    UnusableLogo.
    """
    found = _DATA_URL.fullmatch(data_url)
    if found is None or found["parameters"] != ";base64":
        raise UnusableLogo("Must be a data URL such as data:image/png;base64,iVBORw0KGgo….")
    if found["kind"] == "image/svg+xml":
        raise UnusableLogo("SVG is not taken, since it can hold scripts and load things: send a PNG, JPEG or WebP.")
    if found["kind"] not in _FORMATS:
        raise UnusableLogo("Must be a PNG, JPEG or WebP: image/png, image/jpeg or image/webp.")
    if len(data_url) > DATA_URL_CHARACTERS_MAX:
        raise UnusableLogo(f"Must not be larger than {BYTES_MAX // 1024} KiB.")
    try:
        raw = binascii.a2b_base64(found["data"], strict_mode=True)
    except ValueError:
        raise UnusableLogo("Must be base64 as RFC 4648 has it, with its padding and without line breaks.") from None
    if len(raw) > BYTES_MAX:
        raise UnusableLogo(f"Must not be larger than {BYTES_MAX // 1024} KiB.")
    png = _redrawn(raw, _FORMATS[found["kind"]])
    return Logo(png, hashlib.sha256(png).hexdigest())


def _redrawn(raw: bytes, kind: str) -> bytes:
    with _DRAWING, warnings.catch_warnings():
        # A picture that Pillow doubts is none for us. Other threads' warnings are not touched.
        warnings.filterwarnings("error", module=r"PIL\.")
        try:
            pixels = _pixels(raw, kind)
            return _small_png(pixels)
        except UnusableLogo:
            raise
        # Decoders fail in many ways over bytes that were made to break them, and each means the same here.
        except Exception:  # noqa: BLE001
            raise UnusableLogo("Cannot be read as an image of that type.") from None


def _pixels(raw: bytes, kind: str) -> Image.Image:
    # This reads the head alone: nothing is decoded before its size is known.
    with Image.open(BytesIO(raw), formats=[kind]) as sent:
        if max(sent.size) > SENT_SIDE_MAX:
            raise UnusableLogo(f"Must not be wider or higher than {SENT_SIDE_MAX} pixels.")
        if getattr(sent, "n_frames", 1) != 1:
            raise UnusableLogo("Must be one still picture, not an animation.")
        turned = ImageOps.exif_transpose(sent)
    is_transparent = "A" in turned.getbands() or "transparency" in turned.info
    plain = turned.convert("RGBA" if is_transparent else "RGB")
    # Profiles, comments and whatever else came along stay behind.
    return Image.frombytes(plain.mode, plain.size, plain.tobytes())


def _small_png(pixels: Image.Image) -> bytes:
    """Return the picture as a PNG that is small in both senses: noise may need fewer pixels than a drawing."""
    png = b""
    for side in _SIDES:
        drawn = pixels.copy()
        drawn.thumbnail((side, side), Image.Resampling.LANCZOS)
        written = BytesIO()
        drawn.save(written, format="PNG", optimize=True)
        png = written.getvalue()
        if len(png) <= PNG_BYTES_MAX:
            break
    return png
