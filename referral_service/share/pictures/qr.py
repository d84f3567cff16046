"""QR codes of share links (ISO/IEC 18004), made by segno: as SVG for screens, as PNG for print."""

from __future__ import annotations

import io
from functools import lru_cache

import segno

# Level M survives a logo's worth of dirt; the quiet zone of four modules is the standard's.
ERROR_CORRECTION, QUIET_ZONE = "m", 4
PNG_MODULE_PIXELS = 24
KEPT_MAX = 512


@lru_cache(maxsize=KEPT_MAX)
def qr_svg(url: str) -> bytes:
    """Return the QR code of an address as an SVG document that fills whatever it is put into."""
    written = io.BytesIO()
    segno.make(url, error=ERROR_CORRECTION, micro=False).save(
        written, kind="svg", border=QUIET_ZONE, omitsize=True, light="#fff", xmldecl=False, svgns=True
    )
    return written.getvalue()


@lru_cache(maxsize=KEPT_MAX)
def qr_png(url: str) -> bytes:
    """Return the QR code of an address as a PNG of about a thousand pixels: 8 cm in print at 300 dpi."""
    written = io.BytesIO()
    segno.make(url, error=ERROR_CORRECTION, micro=False).save(
        written, kind="png", border=QUIET_ZONE, scale=PNG_MODULE_PIXELS
    )
    return written.getvalue()
