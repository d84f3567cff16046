"""What an erasure ended stays ended, whatever is told later; the other side's affairs go on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, a_refund, both_sides, expect, items
from cast import ALICE, BOB, CAROL
from referral_service.doctor.run import examine
from referral_service.journeys.coming_due.run_due import run_due
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database
from referral_service.privacy import erase

Standing = tuple[str, str | None]
ERASED: Standing = ("voided", "person_erased")


def a_dispute(api: Api, status: str) -> Any:
    body = {"id": f"d-{status}", "type": "dispute", "order_id": "o-1", "status": status}
    return expect(api.post("/v1/events", {**body, "occurred_at": format_rfc3339(api.now())}), 201)


def rewards(api: Api) -> dict[str, Standing]:
    return {reward["side"]: (reward["state"], reward["reason"]) for reward in items(api, "/v1/rewards")}


def referral_standing(api: Api, referral: Any) -> Standing:
    shown = expect(api.get(f"/v1/referrals/{referral['id']}"), 200)
    return shown["state"], shown["reason"]


def faults(database: Database, clock: FixedClock) -> list[str]:
    """What the doctor finds wrong with the books, whatever the tests' database is configured like."""
    report = database.read(lambda session: examine(session, settings=None, now=clock.now()))
    return [
        f"{check.invariant} {one}" for check in report.checks if check.invariant != "I15" for one in check.violations
    ]


@pytest.mark.parametrize(
    ("customer_id", "erased", "other"), [("alice", "referrer", "referee"), ("bob", "referee", "referrer")]
)
def test_a_dispute_won_later_restores_the_other_side_only(
    api: Api, database: Database, clock: FixedClock, customer_id: str, erased: str, other: str
) -> None:
    a_claim(api, a_code(api, a_program(api, rewards=both_sides(hold_days=14))))
    a_purchase(api, order_id="o-1")
    a_dispute(api, "opened")
    assert rewards(api) == {erased: ("voided", "dispute_opened"), other: ("voided", "dispute_opened")}
    expect(api.delete(f"/v1/customers/{customer_id}"), 204)
    assert rewards(api) == {erased: ERASED, other: ("voided", "dispute_opened")}
    a_dispute(api, "won")
    assert rewards(api) == {erased: ERASED, other: ("pending", "dispute_won")}
    clock.advance(timedelta(days=15))
    run_due(database, clock=clock)
    assert rewards(api) == {erased: ERASED, other: ("available", "hold_ended")}
    assert faults(database, clock) == []


def test_a_dispute_that_opens_after_the_erasure_and_is_won_restores_the_other_side_only(
    api: Api, database: Database, clock: FixedClock
) -> None:
    a_claim(api, a_code(api, a_program(api, rewards=both_sides(hold_days=14))))
    a_purchase(api, order_id="o-1")
    expect(api.delete("/v1/customers/alice"), 204)
    a_dispute(api, "opened")
    a_dispute(api, "won")
    assert rewards(api) == {"referrer": ERASED, "referee": ("pending", "dispute_won")}
    assert faults(database, clock) == []


def test_a_refund_after_the_erasure_takes_the_other_side_back_too(
    api: Api, database: Database, clock: FixedClock
) -> None:
    a_claim(api, a_code(api, a_program(api, rewards=both_sides(hold_days=14))))
    a_purchase(api, order_id="o-1")
    expect(api.delete("/v1/customers/alice"), 204)
    a_refund(api, order_id="o-1")
    assert rewards(api) == {"referrer": ERASED, "referee": ("voided", "refunded")}
    assert faults(database, clock) == []


@pytest.mark.parametrize("customer_id", ["alice", "bob"])
def test_a_referral_that_had_expired_before_does_not_convert_by_a_late_purchase(
    api: Api, database: Database, clock: FixedClock, customer_id: str
) -> None:
    referral = a_claim(api, a_code(api, a_program(api)))
    started_at = api.now()
    clock.advance(timedelta(days=91))
    run_due(database, clock=clock)
    assert referral_standing(api, referral)[0] == "expired"
    expect(api.delete(f"/v1/customers/{customer_id}"), 204)
    answer = a_purchase(api, at=started_at + timedelta(days=80))
    assert answer["outcome"] != "converted"
    assert referral_standing(api, referral) == ("expired", "person_erased")
    assert items(api, "/v1/rewards") == []
    assert faults(database, clock) == []


def test_a_referral_that_had_expired_converts_by_a_late_purchase_where_nobody_was_erased(
    api: Api, database: Database, clock: FixedClock
) -> None:
    a_claim(api, a_code(api, a_program(api)))
    started_at = api.now()
    clock.advance(timedelta(days=91))
    run_due(database, clock=clock)
    assert a_purchase(api, at=started_at + timedelta(days=80))["outcome"] == "converted"


def refused(api: Api, code: Any) -> None:
    """However the code comes, it makes no referral."""
    for body in (
        {"code": code["code"], "referee": BOB.document()},
        {"signed_code": code["signed_code"], "referee": CAROL.document()},
    ):
        assert expect(api.post("/v1/referrals", body), 410)["code"] == "code_revoked"
    answer = a_purchase(api, code=code["code"])
    assert (answer["outcome"], answer["reason"]) == ("parked", "code_revoked")
    assert items(api, "/v1/referrals") == []
    assert items(api, "/v1/rewards") == []


def test_a_code_of_an_erased_referrer_is_refused(api: Api, database: Database, clock: FixedClock) -> None:
    a_customer(api, ALICE)
    code = a_code(api, a_program(api))
    expect(api.delete("/v1/customers/alice"), 204)
    refused(api, code)
    assert faults(database, clock) == []


def test_a_claim_that_had_read_the_code_before_its_referrer_was_erased_is_refused(
    api: Api, database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_customer(api, ALICE)
    code = a_code(api, a_program(api))
    # To such a claim the code looks as good as ever.
    monkeypatch.setattr(erase, "revoke_codes_of", lambda *_, **__: None)
    expect(api.delete("/v1/customers/alice"), 204)
    refused(api, code)
    assert faults(database, clock) == []
