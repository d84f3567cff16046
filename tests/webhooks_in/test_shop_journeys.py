"""Orders as Shopify and WooCommerce announce them, by the real HTTP path."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from webhooks_in import shop_bodies as bodies
from webhooks_in.forgeries import spoiled_bodies, spoiled_texts
from webhooks_in.hooks import Hook, a_shopify_source, a_woocommerce_source

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, expect, items
from cast import ALICE, BOB, CAROL, NOON, Person
from referral_service.all_models import metadata
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import open_app
from referral_service.tenants.tenant import TEST

PAYLOADS = Path(__file__).parents[2].parent / "shared" / "payloads"
SHOPIFY_PAID_AT = datetime(2008, 1, 10, 16, tzinfo=UTC)
SHOPIFY_REFUNDED_AT = datetime(2016, 6, 20, 17, 35, 6, tzinfo=UTC)
WOO_PAID_AT = datetime(2017, 3, 22, 19, 28, 8, tzinfo=UTC)
SHOPIFY_BUYER = Person("bob-norman", "bob.norman@hostmail.com", "Bob Norman")
WOO_BUYER = Person("john-doe", "john.doe@example.com", "John Doe")


def real(name: str, *inside: str) -> bytes:
    """Return a real body; Shopify's are kept in the envelope of its API, its webhooks send what is inside."""
    if not PAYLOADS.is_dir():
        pytest.skip("needs ../shared/payloads")
    document = json.loads((PAYLOADS / name).read_bytes())
    for key in inside:
        document = document[key]
    return json.dumps(document).encode()


@pytest.fixture
def app_of(client: FlaskClient, database: Database, clock: FixedClock) -> Callable[[datetime], Api]:
    """Opens a test app whose clock stands just before a real body was made."""

    def opened(paid_at: datetime) -> Api:
        start = paid_at - timedelta(seconds=30)
        app = database.transact(
            lambda session: open_app(session, name="Of old", mode=TEST, actor="cli", now=clock.now(), start=start)
        )
        return Api(client, key=app.key.secret, clock=clock)

    return opened


def referred(api: Api, buyer: Person = BOB) -> Any:
    """The buyer is referred by Alice; the first purchase will reward both."""
    return a_claim(api, a_code(api, a_program(api)), referee=buyer)


def rewards(api: Api) -> dict[str, tuple[str, int]]:
    """Each side's state, and how much of it was taken back."""
    return {row["side"]: (row["state"], row["reversed"]["amount_minor"]) for row in items(api, "/v1/rewards")}


def both(state: str, reversed_minor: int = 0) -> dict[str, tuple[str, int]]:
    """What `rewards` is when so much of the referrer's 10.00 was taken back; the referee's reward is half as large."""
    return {"referrer": (state, reversed_minor), "referee": (state, reversed_minor // 2)}


def advance(api: Api, to: datetime) -> None:
    expect(api.post("/v1/test-clock/advance", {"to": format_rfc3339(to)}), 200)


def paid_minor(database: Database) -> list[tuple[int, str, int]]:
    with database.read_engine.connect() as connection:
        rows = connection.execute(text("SELECT amount_minor, currency, refunded_minor FROM purchases"))
        return [(row.amount_minor, row.currency, row.refunded_minor) for row in rows]


def counted(database: Database) -> dict[str, int]:
    """How many rows each table has: what a refused message must not change."""
    with database.read_engine.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }


# --- real bodies ---------------------------------------------------------------------------------------------


def test_the_real_order_and_refund_of_shopify(app_of: Callable[[datetime], Api], database: Database) -> None:
    order, refund = real("shopify_rest_order_mit.json", "order"), real("shopify_rest_refund_mit.json", "refund")
    api = app_of(SHOPIFY_PAID_AT)
    referral = referred(api, SHOPIFY_BUYER)
    advance(api, SHOPIFY_PAID_AT + timedelta(minutes=1))
    hook = a_shopify_source(api)
    answer = hook.told(order, message_id="event-1")
    assert (answer["outcome"], answer["referral_id"], answer["duplicate"]) == ("converted", referral["id"], False)
    assert paid_minor(database) == [(40994, "USD", 0)]
    assert hook.told(order, message_id="event-1") == {**answer, "duplicate": True}
    assert hook.told(order, message_id="event-2")["duplicate"] is True
    assert rewards(api) == both("available")
    advance(api, SHOPIFY_REFUNDED_AT + timedelta(minutes=1))
    for message_id in ("event-3", "event-3", "event-4"):
        assert hook.told(refund, topic="refunds/create", message_id=message_id)["outcome"] == "reversed"
    assert paid_minor(database) == [(40994, "USD", 20900)]
    # 1000 * 20900 / 40994, rounded half up.
    assert rewards(api) == both("available", 510)
    assert replayed(api) == {True}
    assert paid_minor(database) == [(40994, "USD", 20900)]
    assert len(items(api, "/v1/rewards")) == 2


def test_the_real_order_of_woocommerce(app_of: Callable[[datetime], Api], database: Database) -> None:
    order = real("woocommerce_order.created_processing.json")
    api = app_of(WOO_PAID_AT)
    referral = referred(api, WOO_BUYER)
    advance(api, WOO_PAID_AT + timedelta(minutes=1))
    hook = a_woocommerce_source(api)
    answer = hook.told(order, topic="order.created")
    assert (answer["outcome"], answer["referral_id"], answer["duplicate"]) == ("converted", referral["id"], False)
    assert paid_minor(database) == [(2935, "USD", 0)]
    assert hook.told(order, topic="order.created") == {**answer, "duplicate": True}
    assert hook.told(order, topic="order.updated") == {**answer, "duplicate": True}
    assert replayed(api) == {True}
    assert rewards(api) == both("available")
    refunded = {**json.loads(order), "status": "refunded"}
    assert hook.told(refunded)["outcome"] == "reversed"
    assert rewards(api) == both("clawed_back", 1000)


def replayed(api: Api) -> set[bool]:
    """Replay everything that came in; gives whether each was a duplicate."""
    return {
        expect(api.post(f"/v1/inbound-events/{row['id']}/replay"), 200)["duplicate"]
        for row in items(api, "/v1/inbound-events")
    }


# --- any order, any number of times --------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_shopifys_messages_in_any_order_end_alike(api: Api, database: Database, order: tuple[int, ...]) -> None:
    referred(api)
    hook = a_shopify_source(api)
    cancelled_at = format_rfc3339(NOON)
    messages = [
        ("orders/paid", bodies.shopify_order()),
        ("refunds/create", bodies.shopify_refund(bodies.shopify_transaction("20.00"))),
        ("orders/cancelled", bodies.shopify_order(cancelled_at=cancelled_at, current_total_price="0.00")),
    ]
    for number in [*order, *order]:
        topic, body = messages[number]
        # One act of the merchant's: the refund and the cancellation share their event's id.
        hook.told(body, topic=topic, message_id="event-paid" if number == 0 else "event-cancelled")
    assert paid_minor(database) == [(5000, "USD", 5000)]
    assert rewards(api) in (both("clawed_back", 1000), both("voided", 1000))
    assert [row["state"] for row in items(api, "/v1/referrals")] == ["reversed"]
    assert len(items(api, "/v1/inbound-events")) == 3


def test_two_refunds_of_shopify_add_up_and_each_counts_once(api: Api) -> None:
    referred(api)
    hook = a_shopify_source(api)
    hook.told(bodies.shopify_order())
    for key, message_id in itertools.product((1, 2), ("x", "y", "y")):
        body = bodies.shopify_refund(bodies.shopify_transaction("10.00"), id=key)
        hook.told(body, topic="refunds/create", message_id=f"{message_id}{key}")
    assert rewards(api) == both("available", 400)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_woocommerces_messages_in_any_order_end_alike(api: Api, database: Database, order: tuple[int, ...]) -> None:
    referred(api)
    hook = a_woocommerce_source(api)
    refunds = [{"id": 728, "total": "-10.00"}, {"id": 729, "total": "-15.00"}]
    messages = [
        bodies.woo_order(),
        bodies.woo_order(status="completed", refunds=refunds[:1]),
        bodies.woo_order(status="completed", refunds=refunds),
    ]
    for number in [*order, *order]:
        hook.told(messages[number])
    assert paid_minor(database) == [(5000, "USD", 2500)]
    assert rewards(api) == both("available", 500)
    assert len(items(api, "/v1/inbound-events")) == 3
    assert replayed(api) == {True}
    assert paid_minor(database) == [(5000, "USD", 2500)]


def test_a_dropped_message_of_the_payment_is_made_up_for_by_the_next_one(api: Api) -> None:
    referred(api)
    hook = a_woocommerce_source(api)
    unpaid = bodies.woo_order(status="pending", date_paid_gmt=None)
    assert hook.told(unpaid, topic="order.created")["reason"] == "unpaid"
    answer = hook.told(bodies.woo_order(status="completed", refunds=[{"id": 728, "total": "-10.00"}]))
    assert answer["outcome"] == "reversed"
    assert rewards(api) == both("available", 200)
    assert [row["state"] for row in items(api, "/v1/referrals")] == ["converted"]


# --- discount codes ------------------------------------------------------------------------------------------

HOOKS = pytest.mark.parametrize("shop", ["shopify", "woocommerce"])


def order_with(shop: str, api: Api, *codes: str, **said: str) -> tuple[Hook, dict[str, Any]]:
    """Return a shop's source, and an order bought with these discount codes and notes."""
    if shop == "shopify":
        listed = [{"code": code, "amount": "1.00"} for code in codes]
        body = bodies.shopify_order(discount_codes=listed, note_attributes=bodies.note_attributes(**said))
        return a_shopify_source(api), body
    coupons = [{"id": number, "code": code.lower()} for number, code in enumerate(codes)]
    return a_woocommerce_source(api), bodies.woo_order(coupon_lines=coupons, meta_data=bodies.meta_data(**said))


@HOOKS
def test_a_discount_code_that_is_a_referral_code_claims(api: Api, shop: str) -> None:
    a_code(api, a_program(api), vanity="ALICE20")
    a_customer(api, BOB)
    hook, body = order_with(shop, api, "TENOFF", "ALICE20")
    answer = hook.told(body)
    assert answer["outcome"] == "converted"
    assert rewards(api) == both("available")


@HOOKS
def test_any_other_discount_code_spoils_nothing(api: Api, shop: str) -> None:
    referred(api)
    hook, body = order_with(shop, api, "TENOFF")
    assert hook.told(body)["outcome"] == "converted"


@HOOKS
def test_any_other_discount_code_is_no_reason_and_the_purchase_waits_for_its_referral(api: Api, shop: str) -> None:
    code = a_code(api, a_program(api))
    a_customer(api, BOB)
    hook, body = order_with(shop, api, "TENOFF", "WINTER-SALE", "ключ")
    answer = hook.told(body)
    assert (answer["outcome"], answer["reason"]) == ("parked", "no_referral")
    assert a_claim(api, code)["state"] == "converted"


@HOOKS
def test_a_bad_referral_code_is_told(api: Api, shop: str) -> None:
    a_program(api)
    a_customer(api, BOB)
    hook, body = order_with(shop, api, referral_code="NOSUCHCODE")
    answer = hook.told(body)
    assert answer["outcome"] == "parked"
    assert answer["reason"].startswith("code_")


@HOOKS
def test_what_the_order_says_itself_goes_before_its_discount_codes(api: Api, shop: str) -> None:
    program = a_program(api)
    mine = a_code(api, program, referrer=CAROL, vanity="CAROL20")
    a_code(api, program, referrer=ALICE, vanity="ALICE20")
    a_customer(api, BOB)
    hook, body = order_with(shop, api, "ALICE20", referral_code=mine["code"], referral_customer_id="bob")
    assert hook.told(body)["outcome"] == "converted"
    assert [row["referrer"]["customer_id"] for row in items(api, "/v1/referrals")] == ["carol"]


@HOOKS
def test_alices_own_order_with_her_own_code_rewards_nobody(api: Api, shop: str) -> None:
    a_code(api, a_program(api), vanity="ALICE20")
    hook, body = order_with(shop, api, "ALICE20", referral_customer_id="alice")
    assert hook.told(body)["outcome"] == "parked"
    assert items(api, "/v1/rewards") == []


# --- what is not genuine, and what cannot be used ------------------------------------------------------------


@HOOKS
def test_nothing_that_is_not_genuine_changes_anything(api: Api, database: Database, shop: str) -> None:
    referred(api)
    hook, body = order_with(shop, api)
    raw = json.dumps(body).encode()
    genuine = hook.signed(raw)
    (name,) = [name for name in genuine if "Hmac" in name or "Signature" in name]
    refused = [(spoiled, genuine) for _, spoiled in spoiled_bodies(raw)]
    refused.append((raw, {other: value for other, value in genuine.items() if other != name}))
    refused += [
        (raw, genuine | {name: wrong})
        for _, wrong in spoiled_texts(genuine[name])
        if wrong.strip() != genuine[name] and "\n" not in wrong and all(ord(one) < 256 for one in wrong)
    ]
    before = counted(database)
    for spoiled, headers in refused:
        assert expect(hook.post(spoiled, headers), 401)["code"] == "bad_signature"
    assert counted(database) == before
    assert items(api, "/v1/rewards") == []


@pytest.mark.parametrize("raw", [b"", b"not JSON", b"[1]", b"null", b'{"id": NaN}', b"[" * 100_000])
@HOOKS
def test_a_genuine_body_that_cannot_be_read_is_parked(api: Api, shop: str, raw: bytes) -> None:
    hook, _ = order_with(shop, api)
    answer = hook.told(raw, message_id="event-1")
    assert (answer["outcome"], answer["reason"]) == ("parked", "malformed_body")
    assert hook.told(raw, message_id="event-1") == {**answer, "duplicate": True}


def test_a_body_sent_again_under_another_topic_or_id_gives_nothing_twice(api: Api) -> None:
    """Neither is signed: whoever caught one message may send it under any."""
    referred(api)
    hook = a_shopify_source(api)
    hook.told(bodies.shopify_order(), message_id="event-1")
    refund = bodies.shopify_refund(bodies.shopify_transaction("10.00"))
    hook.told(refund, topic="refunds/create", message_id="event-2")
    before = rewards(api)
    for topic in ("orders/paid", "refunds/create", "orders/cancelled", "orders/create", ""):
        for message_id in ("event-1", "event-2", "event-3", ""):
            hook.told(bodies.shopify_order(), topic=topic, message_id=message_id)
            hook.told(refund, topic=topic, message_id=message_id)
    assert rewards(api) == before


def test_a_test_order_changes_nothing_in_a_live_app(api: Api, database: Database) -> None:
    referred(api)
    hook = a_shopify_source(api)
    before = counted(database)
    answer = hook.told(bodies.shopify_order(test=True))
    assert (answer["outcome"], answer["reason"]) == ("parked", "test_mode")
    assert counted(database) == {**before, "inbound_events": 1}


def test_woocommerces_ping_is_answered_and_leaves_nothing(api: Api, database: Database) -> None:
    hook = a_woocommerce_source(api)
    before = counted(database)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = expect(hook.post(b"webhook_id=7", form), 200)
    assert (answer["outcome"], answer["reason"]) == ("ignored", "greeting")
    assert counted(database) == before
    assert hook.post(b"webhook_id=7&status=processing", form).status_code == 401
    assert a_shopify_source(api).post(b"webhook_id=7", form).status_code == 401


def test_a_replay_after_the_topic_was_kept_reads_it_the_same(api: Api) -> None:
    """A parked order has its topic from a header alone: a replay still knows it."""
    hook = a_shopify_source(api)
    hook.told(bodies.shopify_order(financial_status="pending"))
    (row,) = items(api, "/v1/inbound-events")
    assert (row["provider_type"], row["type"], row["reason"]) == ("orders/paid", "purchase", "unpaid")
    again = expect(api.post(f"/v1/inbound-events/{row['id']}/replay"), 200)
    assert (again["outcome"], again["reason"]) == ("parked", "unpaid")


def test_an_order_of_a_shop_is_not_the_apps_order_of_the_same_number(api: Api) -> None:
    referred(api)
    a_purchase(api, order_id="727")
    hook = a_woocommerce_source(api)
    answer = hook.told(bodies.woo_order())
    assert (answer["outcome"], answer["duplicate"]) == ("recorded", False)
