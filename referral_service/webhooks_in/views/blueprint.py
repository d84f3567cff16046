"""What the views of this room share: where they are registered, and the senders that hooks are proved by."""

from __future__ import annotations

from typing import cast

from flask import Flask, current_app

from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import Service
from referral_service.webhooks_in.senders import Senders

SENDERS = "referral_service.webhook_senders"
HOOK_PATH = "/v1/hooks/"

blueprint = Blueprint("webhooks in", __name__, description="Where webhooks come from, and what became of each.")


def install(app: Flask, service: Service) -> None:
    """Make what the hooks need, once for this application."""
    app.extensions[SENDERS] = Senders(service.database, service.sealer)


def current_senders() -> Senders:
    """Return the senders of the application that handles the current request."""
    return cast(Senders, current_app.extensions[SENDERS])
