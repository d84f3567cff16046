"""Rewards over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from referral_service.customers.ensure_customers import find_customers
from referral_service.journeys import examples
from referral_service.journeys.spending.accept_reward import accept_reward
from referral_service.journeys.spending.fulfil_reward import fulfil_reward
from referral_service.journeys.spending.review_reward import approve_reward, void_reward
from referral_service.journeys.telling.tell_people import with_reward_people
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import answer_concerns, in_reading, in_transaction
from referral_service.kit.http.pagination import page, page_schema, read_cursor, scope_of
from referral_service.programs.terms.gives import Coupon
from referral_service.rewards import examples as reward_examples
from referral_service.rewards.coupons.document import coupon_told
from referral_service.rewards.coupons.store import coupons_of
from referral_service.rewards.document import reward_document
from referral_service.rewards.read_rewards import list_rewards, read_reward
from referral_service.rewards.schemas import (
    REWARD_ID_PARAMETER,
    DecisionSchema,
    FulfilSchema,
    GrantedRewardSchema,
    RewardArgs,
)
from referral_service.rewards.steps import Holding
from referral_service.tenants.auth import Scope, business_now, current_key_id, current_tenant, requires

blueprint = Blueprint("rewards", __name__, description="What each side got, and what became of it.")


@blueprint.get("/v1/rewards", operation_id="listRewards")
@requires(Scope.READ)
@in_reading
@blueprint.arguments(RewardArgs, location="query")
@blueprint.response(200, page_schema(GrantedRewardSchema), example=examples.REWARDS)
def rewards(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """List rewards, the newest first."""
    app_id = current_tenant().app_id
    scope = scope_of("rewards", args)
    after = read_cursor(args, scope)
    named = {args["customer_id"]} - {None}
    people = find_customers(session, app_id=app_id, external_ids=named)
    rows = []
    if len(people) == len(named):
        rows = list_rewards(
            session,
            app_id=app_id,
            recipient_id=people.get(args["customer_id"]),
            referral_id=args["referral_id"],
            state=args["state"],
            program_id=args["program_id"],
            after=after[0] if after else None,
            limit=args["limit"] + 1,
        )
    documents = _documents(session, rows, app_id=app_id)
    return page(documents, args["limit"], scope, key=lambda document: [document["id"]])


@blueprint.get("/v1/rewards/<reward_id>", operation_id="getReward", parameters=[REWARD_ID_PARAMETER])
@requires(Scope.READ)
@in_reading
@blueprint.response(200, GrantedRewardSchema, example=examples.REWARD)
def reward(session: Session, reward_id: str) -> dict[str, Any]:
    """Read a reward."""
    app_id = current_tenant().app_id
    return _documents(session, [read_reward(session, app_id=app_id, reward_id=reward_id)], app_id=app_id)[0]


@blueprint.post("/v1/rewards/<reward_id>/accept", operation_id="acceptReward", parameters=[REWARD_ID_PARAMETER])
@requires(Scope.WRITE)
@in_transaction
@blueprint.response(200, GrantedRewardSchema, example=examples.REWARD)
@blueprint.alt_response(404, response="NOT_FOUND")
@blueprint.alt_response(409, response="CONFLICT")
def accept(session: Session, reward_id: str) -> dict[str, Any]:
    """Accept an offered reward.

    The recipient wants it: it becomes available. Until `accept_by`, that moment included; accepting it again changes
    nothing.
    """
    app_id = current_tenant().app_id
    return _answer(session, accept_reward(session, app_id=app_id, reward_id=reward_id, now=business_now()))


@blueprint.post("/v1/rewards/<reward_id>/fulfil", operation_id="fulfilReward", parameters=[REWARD_ID_PARAMETER])
@requires(Scope.WRITE)
@in_transaction
@blueprint.arguments(FulfilSchema, required=False, example=reward_examples.FULFIL)
@blueprint.response(200, GrantedRewardSchema, example=examples.REWARD)
@blueprint.alt_response(404, response="NOT_FOUND")
@blueprint.alt_response(409, response="CONFLICT")
def fulfil(session: Session, body: dict[str, Any], reward_id: str) -> dict[str, Any]:
    """Fulfil a custom reward.

    The app has handed over what it promised: an available custom reward becomes redeemed. Doing it again changes
    nothing. Other kinds are redeemed by spending a balance or by a coupon's order.
    """
    fulfilled = fulfil_reward(
        session,
        app_id=current_tenant().app_id,
        reward_id=reward_id,
        reference=body["reference"],
        actor=current_key_id(),
        now=business_now(),
    )
    return _answer(session, fulfilled)


@blueprint.post("/v1/rewards/<reward_id>/approve", operation_id="approveReward", parameters=[REWARD_ID_PARAMETER])
@requires(Scope.ADMIN)
@in_transaction
@blueprint.arguments(DecisionSchema, example=reward_examples.DECISION)
@blueprint.response(200, GrantedRewardSchema, example=examples.REWARD)
@blueprint.alt_response(404, response="NOT_FOUND")
@blueprint.alt_response(409, response="CONFLICT")
def approve(session: Session, body: dict[str, Any], reward_id: str) -> dict[str, Any]:
    """Approve a reward that is under review.

    It is held from now on, or released where its hold is over already. A reward that goes on anyway stays as it is.
    """
    return _answer(session, approve_reward(session, **_decision(body, reward_id)))


@blueprint.post("/v1/rewards/<reward_id>/void", operation_id="voidReward", parameters=[REWARD_ID_PARAMETER])
@requires(Scope.ADMIN)
@in_transaction
@blueprint.arguments(DecisionSchema, example=reward_examples.DECISION)
@blueprint.response(200, GrantedRewardSchema, example=examples.REWARD)
@blueprint.alt_response(404, response="NOT_FOUND")
@blueprint.alt_response(409, response="CONFLICT")
def void(session: Session, body: dict[str, Any], reward_id: str) -> dict[str, Any]:
    """Void a reward before its release.

    It is taken back for good, whatever is told of its purchase later. A released one is taken back by telling of a
    refund, or by an adjustment of the balance. Voiding it again changes nothing.
    """
    return _answer(session, void_reward(session, **_decision(body, reward_id)))


def _decision(body: dict[str, Any], reward_id: str) -> dict[str, Any]:
    return {
        "app_id": current_tenant().app_id,
        "reward_id": reward_id,
        "reason": body["reason"],
        "actor": current_key_id(),
        "now": business_now(),
    }


def _answer(session: Session, reward: Holding) -> dict[str, Any]:
    answer_concerns(reward.recipient_id)
    return _documents(session, [reward], app_id=current_tenant().app_id)[0]


def _documents(session: Session, found: Sequence[Holding], *, app_id: int) -> list[dict[str, Any]]:
    with_coupons = [row.id for row in found if row.kind == Coupon.kind]
    coupons = coupons_of(session, app_id=app_id, reward_ids=with_coupons)
    documents = [reward_document(row, coupon_told(row, coupons.get(row.id))) for row in found]
    return with_reward_people(session, documents, app_id=app_id)
