"""What keeps the service from being ready."""

from __future__ import annotations

from referral_service.kit.errors import Problem


class NotReady(Problem):
    """Give `retry_after_seconds` as a fact: the edge sends it as the Retry-After header too."""

    code, status = "not_ready", 503
    title = "The service cannot answer requests yet."
    remedy = "See that the database is reachable, and run `referral-service db upgrade`."
