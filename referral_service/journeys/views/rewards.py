"""Rewards over HTTP."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from referral_service.customers.ensure_customers import find_customers
from referral_service.journeys import examples
from referral_service.journeys.tell_people import with_reward_people
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import in_reading
from referral_service.kit.http.pagination import page, page_schema, read_cursor, scope_of
from referral_service.rewards.document import reward_document
from referral_service.rewards.read_rewards import list_rewards, read_reward
from referral_service.rewards.schemas import REWARD_ID_PARAMETER, GrantedRewardSchema, RewardArgs
from referral_service.tenants.auth import Scope, current_tenant, requires

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
    documents = with_reward_people(session, [reward_document(row) for row in rows], app_id=app_id)
    return page(documents, args["limit"], scope, key=lambda document: [document["id"]])


@blueprint.get("/v1/rewards/<reward_id>", operation_id="getReward", parameters=[REWARD_ID_PARAMETER])
@requires(Scope.READ)
@in_reading
@blueprint.response(200, GrantedRewardSchema, example=examples.REWARD)
def reward(session: Session, reward_id: str) -> dict[str, Any]:
    """Read a reward."""
    app_id = current_tenant().app_id
    row = read_reward(session, app_id=app_id, reward_id=reward_id)
    return with_reward_people(session, [reward_document(row)], app_id=app_id)[0]
