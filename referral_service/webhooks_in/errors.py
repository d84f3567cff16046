"""What can go wrong with sources and with what they send."""

from __future__ import annotations

from referral_service.kit.errors import Conflict, InvalidRequest, NotFound, Problem


class InboundEventNotFound(NotFound):
    code, status = "inbound_event_not_found", 404
    title = "There is no such inbound event."
    remedy = "List the inbound events and give the id of one of them, beginning with inb_."


class SecretNotUsable(InvalidRequest):
    code, status = "secret_not_usable", 422
    title = "This secret cannot be used for this source."
    remedy = "Leave the secret out for a standard source; for another give the signing secret that its provider shows."


class SignatureRefused(Problem):
    """It never says what was wrong: who forges is to learn nothing."""

    code, status = "bad_signature", 401
    title = "The webhook's signature does not prove its sender."
    remedy = (
        "Sign the raw body with this source's present secret and the present time; check that no proxy rewrites the "
        "body, and that the sender's clock is right."
    )


class BodyNoLongerKept(Conflict):
    code, status = "body_no_longer_kept", 409
    title = "The message's body is no longer kept, so it cannot be replayed."
    remedy = "Ask the provider to send it again; bodies are kept for 30 days, and not beyond a person's erasure."
