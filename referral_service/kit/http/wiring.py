"""What one running application holds: made once by `create_app`, reached by `service()` from every view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from flask import Flask, current_app

from referral_service.config import Settings
from referral_service.kit.clock import Clock
from referral_service.kit.crypto import Sealer
from referral_service.kit.cursors import Cursors
from referral_service.kit.db.engines import Database
from referral_service.kit.http.idempotency import Answers, InFlight
from referral_service.kit.http.limits import Limits

EXTENSION = "referral_service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The parts of one application. `keys` and `key_ring` belong to rooms above the kit, which give them their types:
    `tenants.auth` the directory of API keys, `signing` the ring of signing keys.
    """

    settings: Settings
    database: Database
    clock: Clock
    sealer: Sealer
    cursors: Cursors
    answers: Answers
    in_flight: InFlight
    limits: Limits
    keys: Any
    key_ring: Any

    def url(self, path: str) -> str:
        """Return the public address of `path` (which begins with a slash): from the settings, never from a header."""
        return self.settings.base_url + path


def install(app: Flask, service: Service) -> None:
    """Make `service` what `service()` finds in this application."""
    app.extensions[EXTENSION] = service


def service() -> Service:
    """Return the parts of the application that handles the current request."""
    return cast(Service, current_app.extensions[EXTENSION])
