"""Erasing a person: nothing of them is left in plain, open affairs end, totals stay."""

from __future__ import annotations

from journeys.under_review import put_under_review
from sqlalchemy import text

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, both_sides, expect, items
from cast import ALICE, BOB, CAROL
from referral_service.kit.db.engines import Database
from referral_service.tenants.open_app import OpenedApp


def test_erasure_expires_open_referrals_and_revokes_codes(api: Api) -> None:
    a_customer(api, ALICE)
    code = a_code(api, a_program(api))
    referral = a_claim(api, code)
    expect(api.delete("/v1/customers/alice"), 204)
    shown = expect(api.get(f"/v1/referrals/{referral['id']}"), 200)
    assert (shown["state"], shown["reason"]) == ("expired", "person_erased")
    assert shown["referrer"]["customer_id"] is None
    assert expect(api.get(f"/v1/codes/{code['code']}"), 200, 410).get("valid", False) is False
    expect(api.get("/v1/customers/alice"), 404)


def test_erasure_ends_a_review_and_gives_back_what_was_set_aside(
    api: Api, database: Database, tenant: OpenedApp
) -> None:
    budget = {"amount_minor": 1500, "reserve": "claimed"}
    code = a_code(api, a_program(api, rewards=both_sides(), budget=budget))
    referral = a_claim(api, code)
    put_under_review(database, api, referral, app_id=tenant.tenant.app_id)
    expect(api.delete("/v1/customers/bob"), 204)
    shown = expect(api.get(f"/v1/referrals/{referral['id']}"), 200)
    assert (shown["state"], shown["reason"]) == ("expired", "person_erased")
    with database.read_engine.connect() as connection:
        assert connection.execute(text("SELECT SUM(used_minor), SUM(used_count) FROM budgets")).one() == (0, 0)
    a_claim(api, code, referee=CAROL)
    assert a_purchase(api, customer=CAROL)["outcome"] == "converted"


def test_purchase_of_a_referee_whose_referrer_was_erased_grants_nothing(api: Api) -> None:
    a_claim(api, a_code(api, a_program(api)))
    expect(api.delete("/v1/customers/alice"), 204)
    assert a_purchase(api)["outcome"] == "recorded"
    assert items(api, "/v1/rewards") == []


def test_erasure_voids_what_is_held_and_keeps_what_the_other_side_has(api: Api) -> None:
    a_claim(api, a_code(api, a_program(api, rewards=both_sides(hold_days=14))))
    a_purchase(api, order_id="o-1")
    expect(api.delete("/v1/customers/alice"), 204)
    states = {reward["side"]: (reward["state"], reward["reason"]) for reward in items(api, "/v1/rewards")}
    assert states["referrer"] == ("voided", "person_erased")
    assert states["referee"][0] == "pending"


def test_same_customer_id_after_erasure_is_a_new_person(api: Api) -> None:
    a_customer(api, BOB)
    expect(api.delete("/v1/customers/bob"), 204)
    expect(api.delete("/v1/customers/bob"), 404)
    assert expect(api.put("/v1/customers/bob", {}), 201)["email"] is None


def test_nothing_of_an_erased_person_is_left_in_plain(api: Api, database: Database) -> None:
    a_customer(api, BOB, email="canary-bob@example.com", display_name="Canary Bob", attributes={"plan": "canary"})
    a_claim(api, a_code(api, a_program(api)))
    a_purchase(api)
    expect(api.delete("/v1/customers/bob"), 204)
    with database.read_engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM customers")).all()
        audit = connection.execute(text("SELECT * FROM audit_log")).all()
        told = connection.execute(text("SELECT object FROM notifications")).all()
    everything = f"{rows}{audit}{told}".lower()
    assert "canary" not in everything
    assert "'bob'" not in everything
