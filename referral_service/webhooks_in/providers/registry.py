"""The providers whose webhooks are understood."""

from __future__ import annotations

from referral_service.webhooks_in.providers.chargebee import Chargebee
from referral_service.webhooks_in.providers.lemonsqueezy import LemonSqueezy
from referral_service.webhooks_in.providers.provider import Provider
from referral_service.webhooks_in.providers.standard import Standard
from referral_service.webhooks_in.providers.stripe import Stripe

PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        Standard(),
        Stripe(),
        LemonSqueezy(),
        Chargebee(),
    )
}
