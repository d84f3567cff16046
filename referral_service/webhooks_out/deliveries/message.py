"""What is sent: the body as GET /v1/notifications shows it, signed with each of the endpoint's secrets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
import structlog
from sqlalchemy.orm import Session

from referral_service.journeys.telling.list_notifications import placed_notifications
from referral_service.kit.clock import format_rfc3339
from referral_service.kit.crypto import CannotOpen, Sealer
from referral_service.kit.ttl_cache import TtlCache
from referral_service.webhooks_out.calling.signing import key_of, signed_headers
from referral_service.webhooks_out.deliveries.claim import Claimed
from referral_service.webhooks_out.endpoints.secrets import SealedSecret, open_secret, valid_secrets

KEYS_KEPT_MAX, KEYS_KEPT_SECONDS = 10_000, 3600

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """A claimed message, ready to be sent unless it has no keys. Its signature has the time of the attempt."""

    claimed: Claimed
    body: bytes
    keys: tuple[bytes, ...]

    def headers(self, now: datetime) -> dict[str, str]:
        """Return the headers of an attempt at `now`, real time."""
        return {
            "content-type": "application/json",
            **signed_headers(self.claimed.notification_id, self.body, keys=self.keys, now=now),
        }


class Keys:
    """Opens the endpoints' secrets, each once in an hour."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._opened: TtlCache[str, bytes] = TtlCache(entries_max=KEYS_KEPT_MAX, ttl_seconds=KEYS_KEPT_SECONDS)

    def of(self, secret: SealedSecret) -> bytes | None:
        """Return the signing key of a secret; None where the master key that sealed it is gone."""
        try:
            return self._opened.get_or_load(
                f"{secret.app_id}:{secret.id}", lambda: key_of(open_secret(self._sealer, secret))
            )
        except CannotOpen:
            log.error("endpoint_secret_unreadable", endpoint=secret.endpoint_id)
            return None


def write_messages(session: Session, claimed: Sequence[Claimed], *, keys: Keys, now: datetime) -> list[Message]:
    """Return the messages of claimed deliveries, in their order; `now` is real time."""
    documents = placed_notifications(session, keys={(one.app_id, one.notification_id) for one in claimed})
    bodies = {
        key: orjson.dumps(document | {"timestamp": format_rfc3339(document["timestamp"])})
        for key, document in documents.items()
    }
    opened: dict[tuple[int, str], list[bytes]] = defaultdict(list)
    for secret in valid_secrets(session, endpoints={(one.app_id, one.endpoint_id) for one in claimed}, now=now):
        if key := keys.of(secret):
            opened[secret.app_id, secret.endpoint_id].append(key)
    return [
        Message(one, bodies[one.app_id, one.notification_id], tuple(opened[one.app_id, one.endpoint_id]))
        for one in claimed
    ]
