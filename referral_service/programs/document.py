"""A program as it is shown: what it is now, and the terms of its newest version."""

from __future__ import annotations

from typing import Any

from referral_service.programs.branding import branding_document
from referral_service.programs.models import Program, ProgramVersion


def program_document(program: Program, version: ProgramVersion) -> dict[str, Any]:
    """Return the program's members by name; times are aware datetimes, terms the whole canonical document.

    The logo's address is the path alone, until the edge says where the service is (`with_addresses`).
    """
    return {
        "id": program.id,
        "status": program.status,
        "version": version.version,
        "name": program.name,
        "landing_url": program.landing_url,
        "allowed_hosts": program.allowed_hosts,
        "code_parameter": program.code_parameter,
        "click_parameter": program.click_parameter,
        "signed_links_only": program.signed_links_only,
        "branding": branding_document(program.branding, program_id=program.id),
        "terms": version.terms,
        "created_at": program.created_at,
        "version_created_at": version.created_at,
        "activated_at": program.activated_at,
        "archived_at": program.archived_at,
        "ended_at": program.ended_at,
    }


def with_addresses(document: dict[str, Any], *, base_url: str) -> dict[str, Any]:
    """Return the document with addresses that lead here from everywhere."""
    branding = document["branding"]
    path = branding["logo_url"]
    return document | {"branding": branding | {"logo_url": None if path is None else base_url + path}}
