"""What the views of this room share: where they are registered, by whom hooks are proved, and where messages go in."""

from __future__ import annotations

from functools import partial
from typing import cast

from flask import Flask, current_app

from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import Service
from referral_service.kit.http.ingress.admission import step_aside
from referral_service.webhooks_in.inbox import Inbox
from referral_service.webhooks_in.senders import Senders

INBOX = "referral_service.webhooks_inbox"
SENDERS = "referral_service.webhook_senders"
HOOK_PATH = "/v1/hooks/"

blueprint = Blueprint("webhooks in", __name__, description="Where webhooks come from, and what became of each.")


def install(app: Flask, service: Service) -> None:
    """Make what the hooks need, once for this application."""
    app.extensions[SENDERS] = Senders(service.database, service.sealer)
    app.extensions[INBOX] = Inbox(service.database, aside=partial(step_aside, app))


def current_senders() -> Senders:
    """Return the senders of the application that handles the current request."""
    return cast(Senders, current_app.extensions[SENDERS])


def current_inbox() -> Inbox:
    """Return the inbox of the application that handles the current request."""
    return cast(Inbox, current_app.extensions[INBOX])
