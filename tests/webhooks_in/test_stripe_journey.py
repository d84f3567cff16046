"""Payments as Stripe announces them: by several messages, several times, in any order and at once."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from webhooks_in import stripe_bodies as bodies
from webhooks_in.hooks import Hook, a_stripe_source
from werkzeug.test import TestResponse

from builders import Api, a_claim, a_code, a_customer, a_program, expect, items
from cast import ALICE, BOB, Person
from referral_service.kit.clock import FixedClock
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import open_app
from referral_service.tenants.tenant import TEST

PAYLOADS = Path(__file__).parents[2].parent / "shared" / "payloads"
# When Stripe's own command line made the real bodies.
PAID_AT = datetime.fromtimestamp(1648319959, UTC)
PAYER = Person("stripe-payer", "stripe@example.com", "The payer")


@pytest.fixture
def real_session() -> bytes:
    if not PAYLOADS.is_dir():
        pytest.skip("needs ../shared/payloads")
    return (PAYLOADS / "stripe_checkout.session.completed.json").read_bytes()


@pytest.fixture
def real_refund() -> bytes:
    if not PAYLOADS.is_dir():
        pytest.skip("needs ../shared/payloads")
    return (PAYLOADS / "stripe_charge.refunded.json").read_bytes()


@pytest.fixture
def of_2022(client: FlaskClient, database: Database, clock: FixedClock) -> Api:
    """A test app whose clock stands just before the real bodies were made."""
    start = PAID_AT - timedelta(seconds=30)
    opened = database.transact(
        lambda session: open_app(session, name="Of 2022", mode=TEST, actor="cli", now=clock.now(), start=start)
    )
    return Api(client, key=opened.key.secret, clock=clock)


def at_once(calls: list[Callable[[], TestResponse]]) -> list[TestResponse]:
    """Make all calls at the same moment."""
    barrier = Barrier(len(calls))

    def one(call: Callable[[], TestResponse]) -> TestResponse:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def books(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that a payment may lead to."""
    tables = ("events", "purchases", "rewards", "ledger_txns", "ledger_postings", "notifications", "inbound_events")
    with database.read_engine.connect() as connection:
        return {
            table: [tuple(row) for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2, 3"))]
            for table in tables
        }


def assert_books_balance(database: Database) -> None:
    with database.read_engine.connect() as connection:
        sums = connection.execute(text("SELECT txn_id, unit, SUM(amount) FROM ledger_postings GROUP BY 1, 2")).all()
    assert sums
    assert {row[2] for row in sums} == {0}


def a_referred_payer(api: Api) -> Any:
    """The payer of the real body, known by e-mail only, is referred by Alice; a minute later the payment is made."""
    referral = a_claim(api, a_code(api, a_program(api)), referee=PAYER)
    expect(api.post("/v1/test-clock/advance", {"seconds": 60}), 200)
    return referral


def sent_at_once(hook: Hook, raw: bytes, *, times: int) -> list[TestResponse]:
    headers = hook.signed(raw)
    return at_once([lambda: hook.post(raw, headers)] * times)


def test_the_real_session_sent_five_times_at_once_gives_exactly_two_rewards(
    of_2022: Api, database: Database, real_session: bytes
) -> None:
    referral = a_referred_payer(of_2022)
    hook = a_stripe_source(of_2022)
    answers = [expect(answer, 200) for answer in sent_at_once(hook, real_session, times=5)]
    assert sorted(answer["duplicate"] for answer in answers) == [False, True, True, True, True]
    assert {(answer["outcome"], answer["referral_id"]) for answer in answers} == {("converted", referral["id"])}
    assert len({tuple(sorted(answer["reward_ids"])) for answer in answers}) == 1
    rewards = items(of_2022, "/v1/rewards")
    assert {(row["side"], row["state"], row["amount"]["amount_minor"]) for row in rewards} == {
        ("referrer", "available", 1000),
        ("referee", "available", 500),
    }
    assert len(rewards) == 2
    assert_books_balance(database)
    assert len(items(of_2022, "/v1/inbound-events")) == 1


def test_the_real_session_with_one_byte_changed_changes_nothing(
    of_2022: Api, database: Database, real_session: bytes
) -> None:
    a_referred_payer(of_2022)
    hook = a_stripe_source(of_2022)
    headers, before = hook.signed(real_session), books(database)
    cheaper = real_session.replace(b'"amount_total": 3000', b'"amount_total": 3001')
    assert cheaper != real_session
    answer = hook.post(cheaper, headers)
    assert expect(answer, 401)["code"] == "bad_signature"
    assert books(database) == before


def test_a_payment_intent_of_the_real_session_adds_nothing(
    of_2022: Api, database: Database, real_session: bytes
) -> None:
    a_referred_payer(of_2022)
    hook = a_stripe_source(of_2022)
    first = hook.told(real_session)
    before = books(database)
    intent = bodies.payment_intent(id="pi_000000000000000000000000", amount_received=3000)
    again = hook.told(bodies.event("payment_intent.succeeded", intent, event_id="evt_pi", at=PAID_AT, livemode=False))
    assert again == {**first, "id": "evt_pi", "duplicate": True}
    after = books(database)
    for table in ("purchases", "rewards", "ledger_txns", "ledger_postings", "notifications"):
        assert after[table] == before[table], table


def test_the_real_refund_has_no_purchase_yet_and_waits(of_2022: Api, real_refund: bytes) -> None:
    answer = a_stripe_source(of_2022).told(real_refund)
    assert (answer["outcome"], answer["reason"]) == ("parked", "no_purchase")


# --- the same payment by many messages -----------------------------------------------------------------------


BOBS = {"referral_customer_id": "bob"}
ANNOUNCEMENTS = {
    "session": ("checkout.session.completed", bodies.session(metadata=BOBS, invoice="in_1")),
    "intent": ("payment_intent.succeeded", bodies.payment_intent()),
    "invoice": ("invoice.paid", bodies.invoice(customer_email="bob@example.com")),
}


def announcement(name: str) -> dict[str, Any]:
    kind, thing = ANNOUNCEMENTS[name]
    return bodies.event(kind, thing, event_id=f"evt_{name}")


@pytest.mark.parametrize("order", list(itertools.permutations(ANNOUNCEMENTS)), ids="-".join)
def test_one_payment_by_three_messages_in_any_order_is_one_purchase(
    api: Api, database: Database, order: tuple[str, ...]
) -> None:
    a_customer(api, BOB)
    a_claim(api, a_code(api, a_program(api)))
    hook = a_stripe_source(api)
    for name in order:
        hook.told(announcement(name))
    assert {row["state"] for row in items(api, "/v1/rewards")} == {"available"}
    assert len(items(api, "/v1/rewards")) == 2
    with database.read_engine.connect() as connection:
        standing = text("SELECT COUNT(*) FROM purchases WHERE merged_into IS NULL AND confirmed_at IS NOT NULL")
        assert connection.execute(standing).scalar_one() == 1
    assert_books_balance(database)


def test_one_payment_by_three_messages_at_once_is_one_purchase(api: Api, database: Database) -> None:
    a_customer(api, BOB)
    a_claim(api, a_code(api, a_program(api)))
    hook = a_stripe_source(api)
    calls: list[Callable[[], TestResponse]] = []
    for name in ANNOUNCEMENTS:
        raw = json.dumps(announcement(name)).encode()
        headers = hook.signed(raw)
        calls += [lambda raw=raw, headers=headers: hook.post(raw, headers)] * 2  # type: ignore[misc]
    assert {answer.status_code for answer in at_once(calls)} == {200}
    assert len(items(api, "/v1/rewards")) == 2
    assert len(items(api, "/v1/inbound-events")) == 3
    assert_books_balance(database)


def test_an_invoice_and_an_intent_that_do_not_know_each_other_are_joined_by_the_payment_between(
    api: Api, database: Database
) -> None:
    """As Stripe's versions since 2025-03-31 announce the payment of a subscription."""
    a_claim(api, a_code(api, a_program(api)))
    hook = a_stripe_source(api)
    invoice = bodies.invoice(payment_intent=None, charge=None, metadata=BOBS)
    link = {
        "id": "inpay_1",
        "object": "invoice_payment",
        "amount_paid": 5000,
        "currency": "usd",
        "invoice": "in_1",
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
        "status": "paid",
    }
    hook.told(bodies.event("payment_intent.succeeded", bodies.payment_intent(), event_id="evt_1"))
    hook.told(bodies.event("invoice.paid", invoice, event_id="evt_2"))
    hook.told(bodies.event("invoice_payment.paid", link, event_id="evt_3"))
    with database.read_engine.connect() as connection:
        standing = text("SELECT COUNT(*) FROM purchases WHERE merged_into IS NULL")
        assert connection.execute(standing).scalar_one() == 1
    # The refund names the intent, and finds the purchase that the invoice told of.
    answer = hook.told(bodies.event("charge.refunded", bodies.charge(amount_refunded=5000), event_id="evt_4"))
    assert answer["outcome"] == "reversed"
    assert {row["state"] for row in items(api, "/v1/rewards")} == {"clawed_back"}


def test_a_payment_that_carries_a_code_claims_and_converts(api: Api) -> None:
    code = a_code(api, a_program(api))
    metadata = {"referral_customer_id": "bob", "referral_code": code["code"]}
    answer = a_stripe_source(api).told(bodies.event("checkout.session.completed", bodies.session(metadata=metadata)))
    assert answer["outcome"] == "converted"
    (referral,) = items(api, "/v1/referrals")
    assert (referral["referrer"], referral["referee"]) == ({"customer_id": "alice"}, {"customer_id": "bob"})


def test_a_payment_that_carries_a_signed_code_claims_and_converts(api: Api) -> None:
    code = a_code(api, a_program(api))
    metadata = {"referral_customer_id": "bob", "referral_code": code["signed_code"]}
    answer = a_stripe_source(api).told(bodies.event("checkout.session.completed", bodies.session(metadata=metadata)))
    assert answer["outcome"] == "converted"


def test_the_payer_is_found_by_the_apps_reference_or_by_address(api: Api) -> None:
    code = a_code(api, a_program(api))
    a_customer(api, BOB)
    a_claim(api, code, referee=BOB)
    a_claim(api, code, referee=Person("carol", "carol@example.com", "Carol"))
    hook = a_stripe_source(api)
    by_reference = bodies.session(id="cs_1", payment_intent="pi_1", client_reference_id="carol", customer_details=None)
    by_address = bodies.session(id="cs_2", payment_intent="pi_2", customer_details={"email": "Bob@Example.com"})
    hook.told(bodies.event("checkout.session.completed", by_reference, event_id="evt_1"))
    hook.told(bodies.event("checkout.session.completed", by_address, event_id="evt_2"))
    converted = {row["referee"]["customer_id"] for row in items(api, "/v1/referrals", state="converted")}
    assert converted == {"bob", "carol"}


# --- refunds and disputes ------------------------------------------------------------------------------------


@pytest.fixture
def paid(api: Api) -> Hook:
    """Bob was referred and has paid 50.00."""
    a_claim(api, a_code(api, a_program(api)))
    hook = a_stripe_source(api)
    hook.told(bodies.event("checkout.session.completed", bodies.session(metadata=BOBS), event_id="evt_paid"))
    return hook


def reversed_minor(api: Api) -> dict[str, int]:
    return {row["key"]: row["reversed"]["amount_minor"] for row in items(api, "/v1/rewards")}


def test_refunds_that_add_up_reverse_in_proportion_and_once(paid: Hook, database: Database) -> None:
    half = bodies.event("charge.refunded", bodies.charge(amount_refunded=2500), event_id="evt_r1")
    paid.told(half)
    paid.told(half)
    assert reversed_minor(paid.api) == {"referrer_credit": 500, "referee_credit": 250}
    whole = bodies.charge(amount_refunded=5000)
    paid.told(bodies.event("charge.refunded", whole, event_id="evt_r2"))
    # Stripe may announce the same refund under another event; it is the same sum.
    assert paid.told(bodies.event("charge.refunded", whole, event_id="evt_r3"))["duplicate"] is True
    assert reversed_minor(paid.api) == {"referrer_credit": 1000, "referee_credit": 500}
    assert_books_balance(database)


def test_a_refund_that_overtakes_its_payment_still_counts(api: Api, database: Database) -> None:
    a_claim(api, a_code(api, a_program(api)))
    hook = a_stripe_source(api)
    hook.told(bodies.event("charge.refunded", bodies.charge(amount_refunded=5000), event_id="evt_r"))
    answer = hook.told(bodies.event("checkout.session.completed", bodies.session(metadata=BOBS), event_id="evt_p"))
    assert answer["outcome"] == "reversed"
    assert all(row["state"] in {"voided", "clawed_back"} for row in items(api, "/v1/rewards"))
    assert_books_balance(database)


def test_a_dispute_reverses_and_winning_it_restores_once(paid: Hook, database: Database) -> None:
    opened = bodies.event("charge.dispute.created", bodies.dispute(), event_id="evt_d1")
    withdrawn = bodies.event("charge.dispute.funds_withdrawn", bodies.dispute(), event_id="evt_d2")
    won = bodies.event("charge.dispute.closed", bodies.dispute(status="won"), event_id="evt_d3")
    assert paid.told(opened)["outcome"] == "reversed"
    assert paid.told(withdrawn)["duplicate"] is True
    assert {row["state"] for row in items(paid.api, "/v1/rewards")} == {"clawed_back"}
    assert paid.told(won)["outcome"] == "converted"
    assert paid.told({**won, "id": "evt_d4"})["duplicate"] is True
    assert {row["state"] for row in items(paid.api, "/v1/rewards")} == {"available"}
    assert reversed_minor(paid.api) == {"referrer_credit": 0, "referee_credit": 0}
    assert_books_balance(database)


def test_an_inquiry_reverses_nothing(paid: Hook) -> None:
    for kind, status in (
        ("charge.dispute.created", "warning_needs_response"),
        ("charge.dispute.closed", "warning_closed"),
    ):
        event = bodies.event(kind, bodies.dispute(status=status), event_id=f"evt_{status}")
        assert paid.told(event)["outcome"] == "ignored"
    assert {row["state"] for row in items(paid.api, "/v1/rewards")} == {"available"}


def test_alice_is_not_rewarded_for_her_own_payment(api: Api) -> None:
    a_code(api, a_program(api), referrer=ALICE)
    said = bodies.session(metadata={"referral_customer_id": "alice"})
    answer = a_stripe_source(api).told(bodies.event("checkout.session.completed", said))
    assert (answer["outcome"], answer["reason"]) == ("parked", "no_referral")
