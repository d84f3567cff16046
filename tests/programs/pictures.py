"""Pictures for the tests of logos, made on the spot."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from io import BytesIO
from random import Random
from typing import Any

from PIL import Image

VIOLET = "#5b21b6"


def picture(kind: str = "PNG", size: tuple[int, int] = (64, 64), mode: str = "RGB", **options: Any) -> bytes:
    """Return a picture of one colour."""
    colour: Any = VIOLET if mode in {"RGB", "RGBA", "P"} else 0
    written = BytesIO()
    Image.new(mode, size, colour).save(written, format=kind, **options)
    return written.getvalue()


def noise(size: tuple[int, int], kind: str = "JPEG", **options: Any) -> bytes:
    """Return a picture that does not compress."""
    pixels = Random(5).randbytes(size[0] * size[1] * 3)
    written = BytesIO()
    Image.frombytes("RGB", size, pixels).save(written, format=kind, **options)
    return written.getvalue()


def animation(kind: str) -> bytes:
    """Return a moving picture."""
    frames = [Image.new("RGB", (16, 16), colour) for colour in (VIOLET, "#ffffff", "#000000")]
    written = BytesIO()
    frames[0].save(written, format=kind, save_all=True, append_images=frames[1:], duration=100)
    return written.getvalue()


def png_of(width: int, height: int, data: bytes = b"") -> bytes:
    """Return a PNG whose head says any size, whatever its data holds."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(data)) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def data_url(raw: bytes, kind: str = "image/png") -> str:
    """Return the picture as it is sent."""
    return f"data:{kind};base64,{b64encode(raw).decode('ascii')}"
