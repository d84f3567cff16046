"""A customer's wallet over HTTP: what is in it, and spending it."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from referral_service.customers.ensure_customers import find_customers
from referral_service.customers.policy import customer_id_fault
from referral_service.customers.read_customer import NO_SUCH_CUSTOMER
from referral_service.customers.schemas import CUSTOMER_ID_PARAMETER
from referral_service.journeys.spending.spend_balance import adjust_balance, redeem_balance
from referral_service.kit.errors import InvalidRequest, NotFound
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import answer_concerns, in_reading, in_transaction
from referral_service.ledger import examples
from referral_service.ledger.balances import balances
from referral_service.ledger.schemas import (
    AdjustmentSchema,
    AdjustSchema,
    BalancesSchema,
    RedeemSchema,
    RedemptionSchema,
)
from referral_service.tenants.auth import Scope, business_now, current_key_id, current_tenant, requires

blueprint = Blueprint("wallet", __name__, description="What customers hold, and what they spend.")


@blueprint.get("/v1/customers/<customer_id>/balances", operation_id="listBalances", parameters=[CUSTOMER_ID_PARAMETER])
@requires(Scope.READ)
@in_reading
@blueprint.response(200, BalancesSchema, example=examples.BALANCES)
@blueprint.alt_response(404, response="NOT_FOUND")
def read_balances(session: Session, customer_id: str) -> dict[str, Any]:
    """Read a customer's balances, one for each unit.

    Money is in minor units, everything else in whole units. Available is what is in open lots, less what is owed.
    """
    app_id = current_tenant().app_id
    inside_id = _customer(session, app_id, customer_id)
    return {"items": balances(session, app_id=app_id, customer_id=inside_id, now=business_now())}


@blueprint.post(
    "/v1/customers/<customer_id>/redemptions", operation_id="redeemBalance", parameters=[CUSTOMER_ID_PARAMETER]
)
@requires(Scope.WRITE)
@in_transaction
@blueprint.arguments(RedeemSchema, example=examples.REDEEM)
@blueprint.response(201, RedemptionSchema, example=examples.REDEMPTION)
@blueprint.alt_response(404, response="NOT_FOUND")
@blueprint.alt_response(409, response="CONFLICT")
def redeem(session: Session, body: dict[str, Any], customer_id: str) -> dict[str, Any]:
    """Spend a customer's balance, in part or whole.

    What ends first is spent first. Asked for more than is available, nothing changes and the answer is
    `insufficient_balance`. Send an Idempotency-Key, so that a call that is repeated spends once.
    """
    app_id = current_tenant().app_id
    inside_id = _customer(session, app_id, customer_id)
    answer_concerns(inside_id)
    redeemed = redeem_balance(session, app_id=app_id, customer_id=inside_id, now=business_now(), **body)
    return {
        "id": redeemed.id,
        "customer_id": customer_id,
        "unit": redeemed.unit,
        "amount": redeemed.amount,
        "reference": redeemed.reference,
        "recorded_at": redeemed.recorded_at,
    }


@blueprint.post(
    "/v1/customers/<customer_id>/adjustments", operation_id="adjustBalance", parameters=[CUSTOMER_ID_PARAMETER]
)
@requires(Scope.ADMIN)
@in_transaction
@blueprint.arguments(AdjustSchema, example=examples.ADJUST)
@blueprint.response(201, AdjustmentSchema, example=examples.ADJUSTMENT)
@blueprint.alt_response(404, response="NOT_FOUND")
@blueprint.alt_response(409, response="CONFLICT")
def adjust(session: Session, body: dict[str, Any], customer_id: str) -> dict[str, Any]:
    """Correct a customer's balance by hand.

    An amount above zero is given, one below zero taken. What is given pays a debt first and can end at a time of its
    own; what is taken comes from what ends first, and never more than is available. The audit log keeps who did it and
    why. Send an Idempotency-Key, so that a call that is repeated corrects once.
    """
    app_id, now = current_tenant().app_id, business_now()
    if body["expires_at"] is not None and (body["amount"] < 0 or body["expires_at"] <= now):
        raise InvalidRequest(errors={"expires_at": ["Only what is given can end, and that after now."]})
    inside_id = _customer(session, app_id, customer_id)
    answer_concerns(inside_id)
    adjusted = adjust_balance(session, app_id=app_id, customer_id=inside_id, actor=current_key_id(), now=now, **body)
    return {
        "id": adjusted.id,
        "customer_id": customer_id,
        "unit": adjusted.unit,
        "amount": adjusted.amount,
        "reason": body["reason"],
        "expires_at": adjusted.expires_at,
        "recorded_at": adjusted.recorded_at,
    }


def _customer(session: Session, app_id: int, customer_id: str) -> str:
    """Return the `cus_…` id; raise NotFound, also for what could never be a customer id."""
    if customer_id_fault(customer_id) is None:
        found = find_customers(session, app_id=app_id, external_ids=[customer_id])
        if customer_id in found:
            return found[customer_id]
    raise NotFound(NO_SUCH_CUSTOMER)
