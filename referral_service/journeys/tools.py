"""What verbs that cross rooms need beside a session: keys to read tokens and to seal and find personal data."""

from __future__ import annotations

from dataclasses import dataclass

from referral_service.customers.emails import Emails
from referral_service.kit.crypto import Sealer
from referral_service.signing.key_ring import KeyRing


@dataclass(frozen=True, slots=True)
class Tools:
    """Made once per process."""

    key_ring: KeyRing
    sealer: Sealer
    emails: Emails
