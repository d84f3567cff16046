"""The states of endpoints and deliveries."""

from __future__ import annotations

ENABLED, DISABLED = "enabled", "disabled"
SCHEDULED, LEASED, DONE, DEAD = "scheduled", "leased", "done", "dead"
# A delivery for an endpoint that is switched off is `disabled`, too. These two wait until somebody asks for them.
FAILED = (DEAD, DISABLED)
