"""The tools of the application that handles the current request."""

from __future__ import annotations

from typing import cast

from flask import current_app

from referral_service.customers.emails import Emails
from referral_service.journeys.tools import Tools
from referral_service.kit.http.wiring import service

EXTENSION = "referral_service.journeys.tools"


def current_tools() -> Tools:
    """Return the process's tools, made on first use: the key that indexes e-mails is read from the database then."""
    found = current_app.extensions.get(EXTENSION)
    if found is None:
        parts = service()
        found = Tools(parts.key_ring, parts.sealer, Emails(parts.key_ring.email_index_key()))
        current_app.extensions[EXTENSION] = found
    return cast(Tools, found)
