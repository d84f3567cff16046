"""The providers whose webhooks are understood."""

from __future__ import annotations

from referral_service.webhooks_in.providers.chargebee import Chargebee
from referral_service.webhooks_in.providers.lemonsqueezy import LemonSqueezy
from referral_service.webhooks_in.providers.paddle import Paddle
from referral_service.webhooks_in.providers.provider import Provider
from referral_service.webhooks_in.providers.shopify import Shopify
from referral_service.webhooks_in.providers.standard import Standard
from referral_service.webhooks_in.providers.stripe import Stripe
from referral_service.webhooks_in.providers.woocommerce import WooCommerce

_ALL: tuple[Provider, ...] = (
    Standard(),
    Stripe(),
    Paddle(),
    LemonSqueezy(),
    Chargebee(),
    Shopify(),
    WooCommerce(),
)
PROVIDERS: dict[str, Provider] = {provider.name: provider for provider in _ALL}
