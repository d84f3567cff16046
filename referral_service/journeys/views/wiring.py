"""What the views of this room share: the tools of the application that handles the current request, and where its
events and claims go in."""

from __future__ import annotations

from functools import partial
from typing import cast

from flask import Flask, current_app

from referral_service.customers.emails import Emails
from referral_service.journeys.claiming.claim_intake import ClaimIntake
from referral_service.journeys.recording.intake import Intake
from referral_service.journeys.tools import Tools
from referral_service.kit.http.ingress.admission import step_aside
from referral_service.kit.http.wiring import Service, service

EXTENSION = "referral_service.journeys.tools"
INTAKE = "referral_service.journeys.intake"
CLAIM_INTAKE = "referral_service.journeys.claim_intake"


def install(app: Flask, service: Service) -> None:
    """Make what the views need, once for this application."""
    aside = partial(step_aside, app)
    app.extensions[INTAKE] = Intake(service.database, aside=aside)
    app.extensions[CLAIM_INTAKE] = ClaimIntake(service.database, aside=aside)


def current_intake() -> Intake:
    """Return the intake of events of the application that handles the current request."""
    return cast(Intake, current_app.extensions[INTAKE])


def current_claim_intake() -> ClaimIntake:
    """Return the intake of claims of the application that handles the current request."""
    return cast(ClaimIntake, current_app.extensions[CLAIM_INTAKE])


def current_tools() -> Tools:
    """Return the process's tools, made on first use: the key that indexes e-mails is read from the database then."""
    found = current_app.extensions.get(EXTENSION)
    if found is None:
        parts = service()
        found = Tools(parts.key_ring, parts.sealer, Emails(parts.key_ring.email_index_key()))
        current_app.extensions[EXTENSION] = found
    return cast(Tools, found)
