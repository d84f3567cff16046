"""Coupons over HTTP."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from referral_service.journeys.spending.cancel_coupon_orders import cancel_coupon_order
from referral_service.journeys.spending.redeem_coupon import redeem_coupon
from referral_service.journeys.telling.tell_people import with_reward_people
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import answer_concerns, in_reading, in_transaction
from referral_service.rewards import examples
from referral_service.rewards.coupons.document import own_document
from referral_service.rewards.coupons.policy import HeldCoupon
from referral_service.rewards.coupons.store import coupon_by_code
from referral_service.rewards.read_rewards import read_reward
from referral_service.rewards.schemas import COUPON_PARAMETER, CouponOrderSchema, IssuedCouponSchema
from referral_service.rewards.steps import Holding
from referral_service.tenants.auth import Scope, business_now, current_tenant, requires

blueprint = Blueprint("coupons", __name__, description="Unique codes that rewards gave, for one order each.")


@blueprint.get("/v1/coupons/<code>", operation_id="getCoupon", parameters=[COUPON_PARAMETER])
@requires(Scope.READ)
@in_reading
@blueprint.response(200, IssuedCouponSchema, example=examples.COUPON)
@blueprint.alt_response(404, response="NOT_FOUND")
def coupon(session: Session, code: str) -> dict[str, Any]:
    """Read a coupon.

    What it takes off, and whether an order may redeem it now; where not, `reason` says why.
    """
    app_id = current_tenant().app_id
    found = coupon_by_code(session, app_id=app_id, code=code)
    return _document(session, found, read_reward(session, app_id=app_id, reward_id=found.reward_id))


@blueprint.post("/v1/coupons/<code>/redeem", operation_id="redeemCoupon", parameters=[COUPON_PARAMETER])
@requires(Scope.WRITE)
@in_transaction
@blueprint.arguments(CouponOrderSchema, example=examples.ORDER)
@blueprint.response(200, IssuedCouponSchema, example=examples.REDEEMED_COUPON)
@blueprint.alt_response(404, response="NOT_FOUND")
@blueprint.alt_response(409, response="CONFLICT")
def redeem(session: Session, body: dict[str, Any], code: str) -> dict[str, Any]:
    """Redeem a coupon for an order.

    A coupon is good for one order: the same order again is answered the same, another one is refused with
    `coupon_redeemed`. Too early, too late or revoked are `coupon_not_yet_valid`, `coupon_expired`, `coupon_revoked`.
    """
    found, reward = redeem_coupon(
        session, app_id=current_tenant().app_id, code=code, order_id=body["order_id"], now=business_now()
    )
    answer_concerns(reward.recipient_id)
    return _document(session, found, reward)


@blueprint.post("/v1/coupons/<code>/cancel", operation_id="cancelCouponOrder", parameters=[COUPON_PARAMETER])
@requires(Scope.WRITE)
@in_transaction
@blueprint.arguments(CouponOrderSchema, example=examples.ORDER)
@blueprint.response(200, IssuedCouponSchema, example=examples.COUPON)
@blueprint.alt_response(404, response="NOT_FOUND")
@blueprint.alt_response(409, response="CONFLICT")
def cancel(session: Session, body: dict[str, Any], code: str) -> dict[str, Any]:
    """Say that the order which redeemed a coupon was cancelled.

    By its terms (`on_order_cancelled`) the coupon can be redeemed again, or stays used. A refund of the whole order
    does the same by itself. A coupon that no order holds stays as it is.
    """
    found, reward = cancel_coupon_order(
        session, app_id=current_tenant().app_id, code=code, order_id=body["order_id"], now=business_now()
    )
    answer_concerns(reward.recipient_id)
    return _document(session, found, reward)


def _document(session: Session, found: HeldCoupon, reward: Holding) -> dict[str, Any]:
    document = own_document(found, reward, now=business_now())
    return with_reward_people(session, [document], app_id=current_tenant().app_id)[0]
