"""Shopify and WooCommerce sign the body alone: what is genuine, and what its headers may say."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhooks_in.forgeries import Forgery, spoiled_bodies, spoiled_texts
from webhooks_in.hooks import SHOPIFY_SECRET, WOOCOMMERCE_SECRET, signed_body

from cast import NOON
from referral_service.webhooks_in.providers.provider import BadSignature, Greeting, Provider, Verified
from referral_service.webhooks_in.providers.secrets import UnusableSecret
from referral_service.webhooks_in.providers.shopify import Shopify
from referral_service.webhooks_in.providers.woocommerce import WooCommerce

RAW = b'{"id": 450789469, "total_price": "409.94", "currency": "USD", "status": "processing", "test": false}'
SHOPIFY, WOOCOMMERCE = Shopify(), WooCommerce()
SIGNATURE_HEADERS = {"shopify": "x-shopify-hmac-sha256", "woocommerce": "x-wc-webhook-signature"}
SECRETS = {"shopify": SHOPIFY_SECRET, "woocommerce": WOOCOMMERCE_SECRET}
PAID = {"x-shopify-topic": "orders/paid", "x-wc-webhook-topic": "order.updated"}
both = pytest.mark.parametrize("provider", [SHOPIFY, WOOCOMMERCE], ids=lambda provider: provider.name)


def verified(
    provider: Provider, headers: dict[str, str], *, raw: bytes = RAW, secrets: tuple[str, ...] | None = None
) -> Verified | None:
    """Anything that is raised beside BadSignature fails the test."""
    mine = (SECRETS[provider.name],) if secrets is None else secrets
    try:
        return provider.verify(raw=raw, headers=headers, secrets=mine, now=NOON)
    except BadSignature:
        return None


def headers(provider: Provider, signature: str, **more: str) -> dict[str, str]:
    return {SIGNATURE_HEADERS[provider.name]: signature, **PAID, **more}


def is_genuine(provider: Provider, signature: str, *, raw: bytes = RAW, secrets: tuple[str, ...] | None = None) -> bool:
    return verified(provider, headers(provider, signature), raw=raw, secrets=secrets) is not None


def forgeries(provider: Provider) -> Iterator[Forgery]:
    secret, name = SECRETS[provider.name], SIGNATURE_HEADERS[provider.name]
    good = signed_body(RAW, secret)
    digest = hmac.new(secret.encode(), RAW, hashlib.sha256).digest()
    for how, raw in spoiled_bodies(RAW):
        yield Forgery(f"body: {how}", raw, headers(provider, good))
    for how, wrong in spoiled_texts(good):
        yield Forgery(f"signature: {how}", RAW, headers(provider, wrong))
    for how, wrong in {
        "hexadecimal": digest.hex(),
        "hexadecimal, with its name": f"sha256={digest.hex()}",
        "with its name": f"sha256={good}",
        "with a version": f"v1,{good}",
        "no padding": good.rstrip("="),
        "more padding": good + "=",
        "another padding": good[:-2] + chr(ord(good[-2]) + 1) + "=",
        "base64 of the hexadecimal": base64.b64encode(digest.hex().encode()).decode(),
        "URL-safe": base64.urlsafe_b64encode(digest).decode().replace("=", "-"),
        "twice with a space": f"{good} {good}",
        "quoted": f'"{good}"',
        "half": base64.b64encode(digest[:16]).decode(),
        "zeros": base64.b64encode(bytes(32)).decode(),
        "SHA-1": base64.b64encode(hmac.new(secret.encode(), RAW, hashlib.sha1).digest()).decode(),
        "SHA-512": base64.b64encode(hmac.new(secret.encode(), RAW, hashlib.sha512).digest()).decode(),
        "no key": base64.b64encode(hashlib.sha256(RAW).digest()).decode(),
        "a space for a key": signed_body(RAW, " "),
        "key before body": base64.b64encode(hashlib.sha256(secret.encode() + RAW).digest()).decode(),
        "another secret": signed_body(RAW, "another-secret-of-the-same-shop"),
        "the secret in upper case": signed_body(RAW, secret.upper()),
        "the secret with a line's end": signed_body(RAW, secret + "\n"),
        "the secret decoded": signed_body(RAW, secret[6:]),
        "of an empty body": signed_body(b"", secret),
        "of the body with a time": signed_body(b"1648319959." + RAW, secret),
        "of the body's hash": signed_body(hashlib.sha256(RAW).hexdigest().encode(), secret),
        "the secret itself": secret,
        "null": "null",
        "true": "true",
    }.items():
        yield Forgery(f"header: {how}", RAW, headers(provider, wrong))
    yield Forgery("no header", RAW, dict(PAID))
    yield Forgery("no headers at all", RAW, {})
    yield Forgery("under Stripe's name", RAW, {"stripe-signature": good})
    yield Forgery("under the name of SHA-1", RAW, {name.replace("256", "1") + "-old": good})
    others = {"shopify": "x-wc-webhook-signature", "woocommerce": "x-shopify-hmac-sha256"}
    yield Forgery("under the other shop's name", RAW, {others[provider.name]: good})


ALL = [(provider, forgery) for provider in (SHOPIFY, WOOCOMMERCE) for forgery in forgeries(provider)]


@both
def test_there_are_forgeries_enough(provider: Provider) -> None:
    mine = [forgery for whose, forgery in ALL if whose is provider]
    assert len(mine) >= 60
    assert len({forgery.name for forgery in mine}) == len(mine)


@pytest.mark.parametrize(("provider", "forgery"), ALL, ids=[f"{one.name}: {forgery.name}" for one, forgery in ALL])
def test_a_forgery_is_refused_and_nothing_else_is_raised(provider: Provider, forgery: Forgery) -> None:
    assert verified(provider, forgery.headers, raw=forgery.raw) is None


@both
@given(raw=st.binary(max_size=200))
def test_what_was_signed_is_genuine_to_the_byte(provider: Provider, raw: bytes) -> None:
    secret = SECRETS[provider.name]
    assert is_genuine(provider, signed_body(raw, secret), raw=raw)
    assert not is_genuine(provider, signed_body(raw, secret), raw=raw + b" ")


@both
@given(signature=st.text(max_size=60))
def test_nothing_made_up_is_genuine(provider: Provider, signature: str) -> None:
    assert not is_genuine(provider, signature)


@both
def test_while_a_secret_is_rotated_either_one_proves_the_sender(provider: Provider) -> None:
    mine, other = SECRETS[provider.name], "another-secret-of-the-same-shop"
    good = signed_body(RAW, mine)
    assert is_genuine(provider, good, secrets=(other, mine))
    assert is_genuine(provider, good, secrets=(mine, other))
    assert not is_genuine(provider, good, secrets=(other,))


@both
def test_without_a_secret_nobody_gets_in(provider: Provider) -> None:
    unsigned = base64.b64encode(hmac.new(b"", RAW, hashlib.sha256).digest()).decode()
    assert not is_genuine(provider, unsigned, secrets=())
    assert not is_genuine(provider, unsigned, secrets=("",))


# --- what the headers say ------------------------------------------------------------------------------------


def of_shopify(**more: str) -> Verified:
    found = verified(SHOPIFY, {SIGNATURE_HEADERS["shopify"]: signed_body(RAW, SHOPIFY_SECRET), **more})
    assert found is not None
    return found


def test_an_event_of_shopify_is_known_by_its_id_and_topic() -> None:
    named = {"x-shopify-event-id": "event-1", "x-shopify-webhook-id": "delivery-1"}
    paid = of_shopify(**{"x-shopify-topic": "orders/paid", **named})
    assert paid == Verified("event-1:orders/paid", "orders/paid")
    # Cancelling an order and giving its money back are one act of the merchant, and one event of Shopify's.
    cancelled = of_shopify(**{"x-shopify-topic": "orders/cancelled", **named})
    refund = of_shopify(**{"x-shopify-topic": "refunds/create", **named})
    assert len({paid.external_id, cancelled.external_id, refund.external_id}) == 3


def test_without_an_events_id_the_deliverys_is_taken_and_else_the_bodys_hash() -> None:
    topic = {"x-shopify-topic": "orders/paid"}
    assert of_shopify(**topic, **{"x-shopify-webhook-id": "delivery-1"}).external_id == "delivery-1:orders/paid"
    hashed = f"sha256:{hashlib.sha256(RAW).hexdigest()}:orders/paid"
    assert of_shopify(**topic).external_id == hashed
    for odd in ("", " ", "é", "字", "x" * 129, "a\0b", "a b"):
        assert of_shopify(**topic, **{"x-shopify-event-id": odd}).external_id == hashed


@pytest.mark.parametrize("odd", ["", "orders", "orders/paid ", "ORDERS/PAID", "orders/é", "字/字", "x" * 500, "a/b/c"])
def test_a_topic_that_is_none_is_no_topic(odd: str) -> None:
    assert of_shopify(**{"x-shopify-topic": odd}).provider_type == ""
    signature = {SIGNATURE_HEADERS["woocommerce"]: signed_body(RAW, WOOCOMMERCE_SECRET)}
    found = verified(WOOCOMMERCE, {**signature, "x-wc-webhook-topic": odd})
    assert found is not None
    assert found.provider_type == ""


@pytest.mark.parametrize("topic", ["order.created", "order.updated", "order.restored"])
def test_an_order_of_woocommerce_is_known_by_its_body_whatever_the_delivery_is_called(topic: str) -> None:
    sent = headers(WOOCOMMERCE, signed_body(RAW, WOOCOMMERCE_SECRET), **{"x-wc-webhook-topic": topic})
    assert verified(WOOCOMMERCE, sent) == Verified(None, topic)


def test_what_is_no_order_of_woocommerce_is_known_by_its_hash() -> None:
    sent = headers(WOOCOMMERCE, signed_body(RAW, WOOCOMMERCE_SECRET), **{"x-wc-webhook-topic": "customer.created"})
    found = verified(WOOCOMMERCE, sent)
    assert found == Verified(f"sha256:{hashlib.sha256(RAW).hexdigest()}:customer.created", "customer.created")


@pytest.mark.parametrize("raw", [b"webhook_id=7", b"webhook_id=12345678901234567890"])
def test_the_ping_of_woocommerce_is_a_greeting_with_or_without_a_signature(raw: bytes) -> None:
    with pytest.raises(Greeting):
        verified(WOOCOMMERCE, {}, raw=raw)
    with pytest.raises(Greeting):
        verified(WOOCOMMERCE, headers(WOOCOMMERCE, signed_body(raw, WOOCOMMERCE_SECRET)), raw=raw)
    assert verified(WOOCOMMERCE, headers(WOOCOMMERCE, signed_body(RAW, WOOCOMMERCE_SECRET)), raw=raw) is None
    assert verified(SHOPIFY, {}, raw=raw) is None


@pytest.mark.parametrize(
    "raw", [b"webhook_id=", b"webhook_id=7\n", b"webhook_id=7&x=1", b" webhook_id=7", b"webhook_id=-7", b"", b"{}"]
)
def test_what_only_resembles_a_ping_is_none(raw: bytes) -> None:
    assert verified(WOOCOMMERCE, {}, raw=raw) is None


# --- secrets -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", ["", "short", "with space inside it", "ключ-ключ-ключ", "x" * 256,
                                    "shpat_0123456789abcdef0123456789abcdef", "0123456789\n"])  # fmt: skip
def test_a_text_that_shopify_cannot_have_given_out_is_refused_as_a_secret(secret: str) -> None:
    with pytest.raises(UnusableSecret):
        SHOPIFY.secret.check(secret)


@pytest.mark.parametrize("secret", ["", "short", " in front 0123", "behind 0123 ", "ключ-ключ-ключ", "x" * 256])
def test_a_text_that_no_shop_can_have_is_refused_as_a_secret(secret: str) -> None:
    with pytest.raises(UnusableSecret):
        WOOCOMMERCE.secret.check(secret)


def test_secrets_as_the_shops_show_them_are_taken() -> None:
    SHOPIFY.secret.check(SHOPIFY_SECRET)
    SHOPIFY.secret.check("b3d1f4a5" * 8)
    WOOCOMMERCE.secret.check("x1)E|;q {Bw:Zk]?9`e- y}3[v~T+,m.=W_/p<R>8a2hC6nD0s")
    WOOCOMMERCE.secret.check(WOOCOMMERCE_SECRET)
