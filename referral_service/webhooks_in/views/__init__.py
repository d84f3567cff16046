"""Sources, hooks and inbound events over HTTP."""

from referral_service.webhooks_in.views import hooks, inbound, sources
from referral_service.webhooks_in.views.blueprint import blueprint, install

__all__ = ["blueprint", "hooks", "inbound", "install", "sources"]
