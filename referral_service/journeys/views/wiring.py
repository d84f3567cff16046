"""What the views of this room share: the tools of the application that handles the current request, and where its
events go in."""

from __future__ import annotations

from functools import partial
from typing import cast

from flask import Flask, current_app

from referral_service.customers.emails import Emails
from referral_service.journeys.recording.intake import Intake
from referral_service.journeys.tools import Tools
from referral_service.kit.http.admission import step_aside
from referral_service.kit.http.wiring import Service, service

EXTENSION = "referral_service.journeys.tools"
INTAKE = "referral_service.journeys.intake"


def install(app: Flask, service: Service) -> None:
    """Make what the views need, once for this application."""
    app.extensions[INTAKE] = Intake(service.database, aside=partial(step_aside, app))


def current_intake() -> Intake:
    """Return the intake of the application that handles the current request."""
    return cast(Intake, current_app.extensions[INTAKE])


def current_tools() -> Tools:
    """Return the process's tools, made on first use: the key that indexes e-mails is read from the database then."""
    found = current_app.extensions.get(EXTENSION)
    if found is None:
        parts = service()
        found = Tools(parts.key_ring, parts.sealer, Emails(parts.key_ring.email_index_key()))
        current_app.extensions[EXTENSION] = found
    return cast(Tools, found)
