"""The floor for pages: the service's own templates, rendered by Jinja alone with values that are there already.

No language is chosen, nothing is looked up, nothing is signed, and no header but the content type is set.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

import referral_service.share

_FOLDER = Path(referral_service.share.__file__).parent / "templates"
_environment = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, extensions=["jinja2.ext.i18n"])
_environment.install_null_translations(newstyle=True)  # type: ignore[attr-defined]

_CHANNELS = ("whatsapp", "telegram", "viber", "x", "facebook", "email", "sms")
_LINK = "https://refer.example/i/K7QM3XTS000010019FG5ZPB72R3WY6N3"
_PAGE: dict[str, Any] = {
    "title": "A friend invites you to Bench", "lang": "en", "theme": None, "nonce": "bm9uY2Utbm9uY2Utbm9uY2U",
    "brand": {"name": "Bench", "colour": "#5b21b6", "properties": "--brand:#5b21b6;--on-brand:#ffffff"},
    "languages": [{"code": code, "name": code, "url": f"?lang={code}"} for code in ("en", "bg", "ru", "uk")],
    "css_url": "/assets/share/0/share.css", "icon_url": "/assets/share/0/icon.svg", "js_urls": [],
}  # fmt: skip
_INVITE: dict[str, Any] = {
    "headline": "Get $10.00 for your first order", "lead": "A friend invites you to Bench.", "href": _LINK,
    "gift": {"amount": "$10.00", "reason": "for your first order"}, "button": "Accept the invitation",
    "steps": ["Press the button and join", "Place your first order", "Get $10.00"], "notes": ["For new customers."],
    "card": {"title": "An invitation", "description": "Get $10.00", "url": _LINK, "locale": "en", "image_url": _LINK},
}  # fmt: skip


def _mine(friends: int) -> dict[str, Any]:
    return {
        "headline": "Give your friends $10.00", "promise": "You get $10.00 for each friend who buys.",
        "panel": {
            "link": _LINK, "native_link": _LINK, "share_text": "I recommend Bench.", "code": "K7QM3XTS",
            "qr_svg_url": "/q/x.svg", "qr_png_url": "/q/x.png",
            "channels": [{"key": key, "label": key, "href": _LINK, "in_new_tab": True} for key in _CHANNELS],
        },
        "figures": [{"label": "Ready to spend", "value": "$10.00"}] * 4, "milestones": [], "coupons": [], "rewards": [],
        "notes": [{"text": "You get $10.00 for each friend who places a first order.", "details": ""}],
        "friends": [
            {"name": "A friend, since November 22", "initial": "", "says": "Waiting for the first order, 90 days left",
             "done": False, "steps": []}
        ] * friends,
    }  # fmt: skip


def invitation() -> str:
    """Return an invite page."""
    return _environment.get_template("share/invite.html").render(page=_PAGE, invite=_INVITE)


def share_page(friends: int) -> str:
    """Return a share page with so many friends."""
    return _environment.get_template("share/mine.html").render(page=_PAGE, mine=_mine(friends))
