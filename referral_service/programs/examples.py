"""Examples for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from referral_service.programs.terms.parse import parse_terms

_TERMS: dict[str, Any] = {
    "currency": "USD",
    "qualification": {"steps": [{"min_amount_minor": 1000}]},
    "rewards": [
        {
            "key": "referrer_credit",
            "side": "referrer",
            "on": "converted",
            "give": {"kind": "credit", "amount_minor": 1000},
            "hold_days": 14,
        },
        {
            "key": "referee_points",
            "side": "referee",
            "on": "converted",
            "give": {"kind": "points", "quantity": 500},
        },
    ],
}
# One violet pixel.
_LOGO = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mOIVtwGAAINATNPPsf8AAAAAElFTkSuQmCC"
)
_BRANDING: dict[str, Any] = {
    "display_name": "Ride",
    "colour": "#5b21b6",
    "terms_url": "https://app.example/friends/terms",
    "privacy_url": "https://app.example/privacy",
    "embed_origins": ["https://shop.example"],
    "attribution_consent": False,
    "links_lead_to": "invite_page",
    "texts": {
        "en": {
            "headline": "{referrer} gives you {offer}",
            "lead": None,
            "button": "Get a ride",
            "share_message": "Ride with {program}: {link}",
        },
    },
}
CREATE_PROGRAM = {
    "name": "Ride credit",
    "landing_url": "https://app.example/welcome",
    "allowed_hosts": ["shop.example"],
    "branding": _BRANDING | {"logo": _LOGO},
    "terms": _TERMS,
}
CHANGE_PROGRAM = {"name": "Ride credit, autumn", "terms": _TERMS}
PROGRAM: dict[str, Any] = {
    "id": "prg_01k0c7q2v8f3w9n5x4z6t1r0me",
    "status": "active",
    "version": 1,
    "name": "Ride credit",
    "landing_url": "https://app.example/welcome",
    "allowed_hosts": ["shop.example"],
    "code_parameter": "ref",
    "click_parameter": "ref_click",
    "signed_links_only": False,
    "branding": _BRANDING
    | {"logo_url": "https://refer.example.com/brand/prg_01k0c7q2v8f3w9n5x4z6t1r0me/logo.png?v=4f0c7f2a9b1d3e58"},
    "terms": parse_terms(_TERMS)[0],
    "created_at": "2026-11-21T10:00:00Z",
    "version_created_at": "2026-11-21T10:00:00Z",
    "activated_at": "2026-11-21T10:05:00Z",
    "archived_at": None,
    "ended_at": None,
}
DRAFT = PROGRAM | {"status": "draft", "activated_at": None}
PROGRAMS = {"items": [PROGRAM], "next_cursor": None}
