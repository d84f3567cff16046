"""Payments as Paddle announces them, through the real HTTP path: once, whatever comes when and how often."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from webhooks_in.paddle_bodies import PaddleHook, a_paddle_source, adjusted, event, line, paid, transaction

from builders import Api, a_claim, a_code, a_customer, a_program, expect, items
from cast import ALICE, BOB, Person
from referral_service.all_models import metadata
from referral_service.app import close, create_app
from referral_service.config import Settings
from referral_service.kit.clock import FixedClock
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.signing.rotate import ensure_keys
from referral_service.tenants.open_app import open_app
from referral_service.tenants.tenant import LIVE

PAYLOADS = Path(__file__).parents[2].parent / "shared" / "payloads"
BOBS = {"referral_customer_id": "bob"}
# When the body of the real transaction was billed; and when Paddle signed the one that it publishes.
BILLED_AT = datetime(2024, 4, 12, 10, 18, 48, 294633, tzinfo=UTC)
SIGNED_AT = datetime.fromtimestamp(1710498758, UTC)


def real_file(name: str) -> bytes:
    if not PAYLOADS.is_dir():
        pytest.skip("needs ../shared/payloads")
    return (PAYLOADS / name).read_bytes()


def counted(database: Database) -> dict[str, int]:
    """How many rows each table has."""
    with database.read_engine.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }


def assert_books_balance(database: Database) -> None:
    with database.read_engine.connect() as connection:
        sums = connection.execute(text("SELECT txn_id, unit, SUM(amount) FROM ledger_postings GROUP BY 1, 2")).all()
    assert sums
    assert {row[2] for row in sums} == {0}


def reversed_minor(api: Api) -> dict[str, int]:
    return {row["key"]: row["reversed"]["amount_minor"] for row in items(api, "/v1/rewards")}


def states(api: Api) -> set[str]:
    return {row["state"] for row in items(api, "/v1/rewards")}


@pytest.fixture
def of_2024(settings: Settings, database: Database) -> Iterator[Api]:
    """A live app of a service whose clock stands a minute before Paddle signed the body that it publishes."""
    clock = FixedClock(SIGNED_AT - timedelta(minutes=1))
    ensure_keys(database, Sealer(settings.master_keys), clock.now())
    app = create_app(settings, clock=clock, database=database)
    opened = database.transact(lambda session: open_app(session, name="2024", mode=LIVE, actor="cli", now=clock.now()))
    yield Api(app.test_client(), key=opened.key.secret, clock=clock)
    close(app)


@pytest.fixture
def hook(api: Api) -> PaddleHook:
    """Bob was referred, and has paid nothing yet."""
    a_claim(api, a_code(api, a_program(api)))
    return a_paddle_source(api)


# --- bodies that Paddle itself has written --------------------------------------------------------------------


def test_the_published_body_is_taken_under_its_published_signature(of_2024: Api) -> None:
    raw = real_file("paddle_signed_standard_payload.json")
    text = real_file("README.md").decode()
    row = next(line for line in text.splitlines() if line.startswith("| paddle_signed_standard_payload.json"))
    header, secret = row.split("`Paddle-Signature: ")[1].split("`")[0], row.split("secret `")[1].split("`")[0]
    hook = a_paddle_source(of_2024, secret=secret)
    assert expect(hook.post(raw.replace(b"John", b"Jane"), {"Paddle-Signature": header}), 401)
    answer = expect(hook.post(raw, {"Paddle-Signature": header}), 200)
    assert (answer["id"], answer["outcome"]) == ("evt_01hs0tqfme2xwb2hvwv87p8y3w", "ignored")
    (row,) = items(of_2024, "/v1/inbound-events")
    assert (row["provider"], row["provider_type"]) == ("paddle", "customer.created")


def test_the_real_transaction_rewards_both_sides_once_and_its_refund_takes_them_back(
    of_2024: Api, database: Database
) -> None:
    data = json.loads(real_file("paddle_transaction.completed.data.json"))
    clock = of_2024.clock
    assert isinstance(clock, FixedClock)
    clock.advance(BILLED_AT - timedelta(hours=1) - clock.now())
    payer = Person("ctm_01hv6y1jedq4p1n0yqn5ba3ky4", "payer@example.com", "The payer")
    referral = a_claim(of_2024, a_code(of_2024, a_program(of_2024)), referee=payer)
    clock.advance(timedelta(hours=2))
    hook = a_paddle_source(of_2024)
    body = event("transaction.completed", data, event_id="evt_real", at=clock.now())
    answer = hook.told(body)
    assert (answer["outcome"], answer["referral_id"], answer["duplicate"]) == ("converted", referral["id"], False)
    before = counted(database)
    assert hook.told(body) == {**answer, "duplicate": True}
    assert counted(database) == before
    with database.read_engine.connect() as connection:
        bought = text("SELECT amount_minor, currency, order_key FROM purchases")
        assert [tuple(row) for row in connection.execute(bought)] == [(65215, "USD", "txn_01hv8wptq8987qeep44cyrewp9")]
    refund = adjusted("evt_refund", total="65215", transaction_id="txn_01hv8wptq8987qeep44cyrewp9")
    refund["occurred_at"] = body["occurred_at"]
    assert hook.told(refund)["outcome"] == "reversed"
    assert states(of_2024) == {"clawed_back"}
    assert_books_balance(database)


# --- payments ------------------------------------------------------------------------------------------------


def test_a_payment_counts_once_however_often_and_by_however_many_events_it_comes(
    hook: PaddleHook, database: Database
) -> None:
    first = hook.told(paid(custom_data=BOBS))
    assert first["outcome"] == "converted"
    before = counted(database)
    # Another destination's notification of the same event.
    assert hook.told(paid(custom_data=BOBS) | {"notification_id": "ntf_2"}) == {**first, "duplicate": True}
    assert counted(database) == before
    again = hook.told(paid(custom_data=BOBS) | {"event_id": "evt_again"})
    assert again == {**first, "id": "evt_again", "duplicate": True}
    assert len(items(hook.api, "/v1/rewards")) == 2
    assert_books_balance(database)


def test_replaying_a_payment_changes_nothing(hook: PaddleHook, database: Database) -> None:
    hook.told(paid(custom_data=BOBS))
    (row,) = items(hook.api, "/v1/inbound-events")
    before = counted(database)
    assert expect(hook.api.post(f"/v1/inbound-events/{row['id']}/replay"), 200)["duplicate"] is True
    assert counted(database) == before


def test_the_payer_is_found_by_paddles_customer_where_the_app_uses_that(api: Api) -> None:
    a_claim(api, a_code(api, a_program(api)), referee=Person("ctm_1", "carol@example.com", "Carol"))
    assert a_paddle_source(api).told(paid())["outcome"] == "converted"


@pytest.mark.parametrize("form", ["code", "signed_code"])
def test_a_payment_that_carries_a_code_claims_and_converts(api: Api, form: str) -> None:
    code = a_code(api, a_program(api))
    noted = {"referral_customer_id": "bob", "referral_code": code[form]}
    assert a_paddle_source(api).told(paid(custom_data=noted))["outcome"] == "converted"
    (referral,) = items(api, "/v1/referrals")
    assert (referral["referrer"], referral["referee"]) == ({"customer_id": "alice"}, {"customer_id": "bob"})


def test_a_renewal_that_carries_the_same_code_changes_nothing(api: Api, database: Database) -> None:
    noted = {"referral_customer_id": "bob", "referral_code": a_code(api, a_program(api))["code"]}
    hook = a_paddle_source(api)
    hook.told(paid(custom_data=noted))
    rewards, referrals = items(api, "/v1/rewards"), items(api, "/v1/referrals")
    renewal = transaction(id="txn_2", invoice_id="inv_2", origin="subscription_recurring", custom_data=noted)
    answer = hook.told(event("transaction.completed", renewal, event_id="evt_renewed"))
    assert (answer["outcome"], answer["duplicate"]) == ("recorded", False)
    assert (items(api, "/v1/rewards"), items(api, "/v1/referrals")) == (rewards, referrals)
    assert_books_balance(database)


def test_a_discount_that_is_no_referral_code_spoils_no_purchase(hook: PaddleHook) -> None:
    said = paid(custom_data=BOBS, discount={"id": "dsc_1", "code": "SUMMER20"})
    assert hook.told(said)["outcome"] == "converted"


def test_alice_is_not_rewarded_for_her_own_payment(api: Api) -> None:
    a_code(api, a_program(api), referrer=ALICE)
    answer = a_paddle_source(api).told(paid(custom_data={"referral_customer_id": "alice"}))
    assert (answer["outcome"], answer["reason"]) == ("parked", "no_referral")


def test_a_category_that_the_program_leaves_out_does_not_count(api: Api) -> None:
    step = {"key": "first", "event": "purchase", "min_amount_minor": 3000, "exclude": {"category": ["ebooks"]}}
    a_claim(api, a_code(api, a_program(api, qualification={"steps": [step]})))
    hook = a_paddle_source(api)
    totals = {"grand_total": "5000", "currency_code": "USD"}

    def of(event_id: str, order: str, saas: str, ebooks: str) -> dict[str, Any]:
        details = {"totals": totals, "line_items": [line("saas", saas), line("ebooks", ebooks)]}
        bought = transaction(id=order, invoice_id=None, details=details, custom_data=BOBS)
        return event("transaction.completed", bought, event_id=event_id)

    assert hook.told(of("evt_1", "txn_1", "2999", "2001"))["outcome"] == "recorded"
    assert hook.told(of("evt_2", "txn_2", "3000", "2000"))["outcome"] == "converted"


def test_a_simulated_payment_sent_to_a_live_app_changes_nothing(hook: PaddleHook, database: Database) -> None:
    before = counted(database)
    answer = hook.told(paid(custom_data=BOBS) | {"event_id": "ntfsimevt_1", "notification_id": "ntfsimntf_1"})
    assert (answer["outcome"], answer["reason"]) == ("parked", "test_mode")
    assert counted(database) == {**before, "inbound_events": 1}


def test_a_payment_in_another_currency_is_parked(hook: PaddleHook) -> None:
    answer = hook.told(paid(custom_data=BOBS, currency="EUR"))
    assert (answer["outcome"], answer["reason"]) == ("parked", "wrong_currency")


# --- refunds and chargebacks -----------------------------------------------------------------------------------


def test_partial_refunds_add_up_each_once(hook: PaddleHook, database: Database) -> None:
    hook.told(paid(custom_data=BOBS))
    first = adjusted("evt_r1", total="1000", id="adj_1")
    hook.told(first)
    hook.told(first)
    assert reversed_minor(hook.api) == {"referrer_credit": 200, "referee_credit": 100}
    # The same refund by its other event.
    assert hook.told(adjusted("evt_r1_created", total="1000", id="adj_1"))["duplicate"] is True
    assert reversed_minor(hook.api) == {"referrer_credit": 200, "referee_credit": 100}
    hook.told(adjusted("evt_r2", total="1500", id="adj_2"))
    assert reversed_minor(hook.api) == {"referrer_credit": 500, "referee_credit": 250}
    hook.told(adjusted("evt_r3", total="2500", id="adj_3"))
    assert reversed_minor(hook.api) == {"referrer_credit": 1000, "referee_credit": 500}
    assert states(hook.api) == {"clawed_back"}
    assert_books_balance(database)


def test_a_refund_counts_when_paddle_has_approved_it(hook: PaddleHook) -> None:
    hook.told(paid(custom_data=BOBS))
    asked = hook.told(adjusted("evt_asked", total="5000", status="pending_approval"))
    assert (asked["outcome"], asked["reason"]) == ("ignored", "not_approved")
    assert states(hook.api) == {"available"}
    assert hook.told(adjusted("evt_approved", total="5000"))["outcome"] == "reversed"
    assert states(hook.api) == {"clawed_back"}


@pytest.mark.parametrize("status", ["pending_approval", "rejected"])
def test_a_refund_that_is_not_approved_takes_nothing(hook: PaddleHook, status: str) -> None:
    hook.told(paid(custom_data=BOBS))
    assert hook.told(adjusted("evt_r", total="5000", status=status))["outcome"] == "ignored"
    assert states(hook.api) == {"available"}


def test_a_credit_takes_nothing(hook: PaddleHook) -> None:
    hook.told(paid(custom_data=BOBS))
    answer = hook.told(adjusted("evt_c", "credit", total="5000"))
    assert (answer["outcome"], answer["reason"]) == ("ignored", "credit")
    assert states(hook.api) == {"available"}


def test_a_refund_that_overtakes_its_payment_still_counts(hook: PaddleHook, database: Database) -> None:
    early = hook.told(adjusted("evt_r", total="5000"))
    assert (early["outcome"], early["reason"]) == ("parked", "no_purchase")
    assert hook.told(paid(custom_data=BOBS))["outcome"] == "reversed"
    assert all(state in {"voided", "clawed_back"} for state in states(hook.api))
    assert_books_balance(database)


TOLD = {
    "payment": paid(custom_data=BOBS),
    "a fifth": adjusted("evt_r1", total="1000", id="adj_1"),
    "half": adjusted("evt_r2", total="2500", id="adj_2"),
}


@pytest.mark.parametrize("order", list(itertools.permutations(TOLD)), ids="-".join)
def test_a_payment_and_its_refunds_end_alike_in_any_order(
    hook: PaddleHook, database: Database, order: tuple[str, ...]
) -> None:
    for name in [*order, *reversed(order)]:
        hook.told(TOLD[name])
    assert reversed_minor(hook.api) == {"referrer_credit": 700, "referee_credit": 350}
    assert_books_balance(database)


@pytest.mark.parametrize("action", ["chargeback", "chargeback_warning"])
def test_a_chargeback_reverses_and_its_reversal_restores_once(
    hook: PaddleHook, database: Database, action: str
) -> None:
    a_customer(hook.api, BOB)
    hook.told(paid(custom_data=BOBS))
    assert hook.told(adjusted("evt_d1", action, total="5000"))["outcome"] == "reversed"
    assert states(hook.api) == {"clawed_back"}
    won = adjusted("evt_d2", f"{action}_reverse", total="5000", id="adj_2")
    assert hook.told(won)["outcome"] == "converted"
    # The chargeback itself is marked too: the same said twice.
    marked = hook.told(adjusted("evt_d3", action, total="5000", status="reversed"))
    assert marked["duplicate"] is True
    assert states(hook.api) == {"available"}
    assert reversed_minor(hook.api) == {"referrer_credit": 0, "referee_credit": 0}
    assert_books_balance(database)


def test_a_warning_that_was_taken_back_leaves_an_open_chargeback_open(hook: PaddleHook) -> None:
    hook.told(paid(custom_data=BOBS))
    hook.told(adjusted("evt_d1", "chargeback_warning", total="5000"))
    hook.told(adjusted("evt_d2", "chargeback", total="5000", id="adj_2"))
    hook.told(adjusted("evt_d3", "chargeback_warning_reverse", total="5000", id="adj_3"))
    assert states(hook.api) == {"clawed_back"}
    hook.told(adjusted("evt_d4", "chargeback_reverse", total="5000", id="adj_4"))
    assert states(hook.api) == {"available"}


# --- the source --------------------------------------------------------------------------------------------------


def test_the_secret_is_paddles_own_and_two_are_taken_while_it_is_rotated(hook: PaddleHook) -> None:
    assert "secret" not in hook.source
    raw = json.dumps(paid(custom_data=BOBS)).encode()
    old = hook.signed(raw)
    newer = "pdl_ntfset_01hs0anotherdestination0000_test+only/fedcba9876543210"
    expect(hook.api.post(f"/v1/sources/{hook.source['id']}/rotate-secret", {"secret": newer}), 200)
    assert expect(hook.post(raw, old), 200)["outcome"] == "converted"
    hook.secret = newer
    assert hook.told(raw)["duplicate"] is True
    stale = hook.api.post("/v1/sources", {"provider": "paddle", "secret": "pdl_sdbx_apikey_01hs0t3tw21j988db1p"})
    assert stale.status_code == 422
