"""Claims and referrals over HTTP."""

from __future__ import annotations

from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from referral_service.customers.ensure_customers import find_customers
from referral_service.journeys import examples
from referral_service.journeys.claiming.claim_intake import BroughtClaim
from referral_service.journeys.claiming.decide_claims import CREATED, REFUSED, ClaimOutcome
from referral_service.journeys.claiming.given import GivenClaim
from referral_service.journeys.claiming.migrate_referrals import Migration, migrate_referrals
from referral_service.journeys.claiming.review_referral import approve_referral, reject_referral
from referral_service.journeys.schemas.claims import (
    REFERRAL_ID_PARAMETER,
    ClaimSchema,
    ExplanationSchema,
    ReferralArgs,
    ReferralSchema,
    given_touches,
)
from referral_service.journeys.schemas.reviews import MigrateSchema, MigrationSchema, ReviewSchema
from referral_service.journeys.telling.explain import explain
from referral_service.journeys.telling.tell_people import with_referral_people
from referral_service.journeys.views.wiring import current_claim_intake, current_tools
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import in_reading, in_transaction
from referral_service.kit.http.pagination import page, page_schema, read_cursor, scope_of
from referral_service.kit.http.problems import problem_response
from referral_service.programs.schemas import PROGRAM_ID_PARAMETER
from referral_service.referrals.document import referral_document
from referral_service.referrals.errors import REFUSALS
from referral_service.referrals.read_referrals import list_referrals, read_referral
from referral_service.tenants.auth import Scope, business_now, current_key_id, current_tenant, requires

blueprint = Blueprint("referrals", __name__, description="Who referred whom, and where it stands.")


@blueprint.post("/v1/referrals", operation_id="claimReferral")
@requires(Scope.WRITE)
@in_transaction(joint=True)
@blueprint.arguments(ClaimSchema, example=examples.CLAIM)
@blueprint.response(201, ReferralSchema, example=examples.REFERRAL)
@blueprint.alt_response(200, schema=ReferralSchema, description="Claimed before.", example=examples.REFERRAL)
@blueprint.alt_response(404, description="There is no such code.")
@blueprint.alt_response(
    409, description="Refused, and kept as a rejected referral; or the program takes no claims now."
)
@blueprint.alt_response(410, description="The code or its click is over.")
def make_claim(session: Session | None, body: dict[str, Any]) -> Any:
    """Claim a referee.

    Ties the referee to the referrer whose code or click counts. The first accepted claim of a referee in a program is
    final. A refusal (409) is kept as a rejected referral, whose id the problem names; tried again it is judged anew.
    """
    given = GivenClaim(
        touches=given_touches(body),
        referee_external_id=body["referee"]["customer_id"],
        referee_email=body["referee"]["email"],
        occurred_at=body["occurred_at"],
    )
    brought = BroughtClaim(tools=current_tools(), app_id=current_tenant().app_id, given=given, now=business_now())
    claimed = current_claim_intake().do(brought, session)
    if claimed.outcome.kind == REFUSED:
        return _refusal(claimed.outcome)
    return claimed.document, 201 if claimed.outcome.kind == CREATED else 200


@blueprint.get("/v1/referrals", operation_id="listReferrals")
@requires(Scope.READ)
@in_reading
@blueprint.arguments(ReferralArgs, location="query")
@blueprint.response(200, page_schema(ReferralSchema), example=examples.REFERRALS)
def referrals(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """List referrals, the newest first."""
    app_id = current_tenant().app_id
    scope = scope_of("referrals", args)
    after = read_cursor(args, scope)
    named = {name for name in (args["referrer"], args["referee"]) if name is not None}
    people = find_customers(session, app_id=app_id, external_ids=named)
    rows = []
    if len(people) == len(named):
        rows = list_referrals(
            session,
            app_id=app_id,
            program_id=args["program_id"],
            state=args["state"],
            referrer_id=people.get(args["referrer"]),
            referee_id=people.get(args["referee"]),
            after=after[0] if after else None,
            limit=args["limit"] + 1,
        )
    documents = _documents(session, [referral_document(row) for row in rows])
    return page(documents, args["limit"], scope, key=lambda document: [document["id"]])


@blueprint.get("/v1/referrals/<referral_id>", operation_id="getReferral", parameters=[REFERRAL_ID_PARAMETER])
@requires(Scope.READ)
@in_reading
@blueprint.response(200, ReferralSchema, example=examples.REFERRAL)
def referral(session: Session, referral_id: str) -> dict[str, Any]:
    """Read a referral."""
    row = read_referral(session, app_id=current_tenant().app_id, referral_id=referral_id)
    return _documents(session, [referral_document(row)])[0]


@blueprint.get(
    "/v1/referrals/<referral_id>/explain", operation_id="explainReferral", parameters=[REFERRAL_ID_PARAMETER]
)
@requires(Scope.READ)
@in_reading
@blueprint.response(200, ExplanationSchema, example=examples.EXPLANATION)
def explained(session: Session, referral_id: str) -> dict[str, Any]:
    """Explain why a referral stands where it stands.

    Every touch, every rule with what it requires and what was observed, the next step and the deadline, by the same
    matcher that grants.
    """
    return explain(session, app_id=current_tenant().app_id, referral_id=referral_id, now=business_now())


@blueprint.post(
    "/v1/referrals/<referral_id>/approve", operation_id="approveReferral", parameters=[REFERRAL_ID_PARAMETER]
)
@requires(Scope.ADMIN)
@in_transaction
@blueprint.arguments(ReviewSchema, required=False, example=examples.REVIEW)
@blueprint.response(200, ReferralSchema, example=examples.REFERRAL | {"reason": "approved"})
@blueprint.alt_response(404, response="NOT_FOUND")
@blueprint.alt_response(409, response="CONFLICT")
def approve(session: Session, body: dict[str, Any], referral_id: str) -> dict[str, Any]:
    """Approve a referral that is under review.

    It is pending from then on, and what has happened since its claim counts at once: it may come back converted.
    """
    row = approve_referral(session, **_decision(body, referral_id))
    return _documents(session, [referral_document(row)])[0]


@blueprint.post("/v1/referrals/<referral_id>/reject", operation_id="rejectReferral", parameters=[REFERRAL_ID_PARAMETER])
@requires(Scope.ADMIN)
@in_transaction
@blueprint.arguments(ReviewSchema, required=False, example=examples.REVIEW)
@blueprint.response(200, ReferralSchema, example=examples.REFERRAL | {"state": "rejected", "reason": "review"})
@blueprint.alt_response(404, response="NOT_FOUND")
@blueprint.alt_response(409, response="CONFLICT")
def reject(session: Session, body: dict[str, Any], referral_id: str) -> dict[str, Any]:
    """Reject a referral that is pending or under review, for good.

    What its claim gave is taken back, and the places it held are free again. One that has converted cannot be rejected:
    void its rewards instead.
    """
    row = reject_referral(session, **_decision(body, referral_id))
    return _documents(session, [referral_document(row)])[0]


@blueprint.post(
    "/v1/programs/<program_id>/migrations", operation_id="migrateReferrals", parameters=[PROGRAM_ID_PARAMETER]
)
@requires(Scope.ADMIN)
@in_transaction
@blueprint.arguments(MigrateSchema, example=examples.MIGRATE)
@blueprint.response(200, MigrationSchema, example=examples.MIGRATION)
@blueprint.alt_response(404, response="NOT_FOUND")
@blueprint.alt_response(409, response="CONFLICT")
def migrate(session: Session, body: dict[str, Any], program_id: str) -> Migration:
    """Move open referrals to newer terms.

    Pending referrals of older versions that have no reward, in whatever state, and never converted: window and deadline
    are reckoned anew from the claim, then each is settled by the new terms. Ask with `dry_run` first. Large programs
    are moved in several calls; a call that is repeated moves nothing twice.
    """
    return migrate_referrals(
        session,
        app_id=current_tenant().app_id,
        program_id=program_id,
        **body,
        actor=current_key_id(),
        now=business_now(),
    )


def _decision(body: dict[str, Any], referral_id: str) -> dict[str, Any]:
    return {
        "app_id": current_tenant().app_id,
        "referral_id": referral_id,
        "note": body["reason"],
        "actor": current_key_id(),
        "now": business_now(),
    }


def _documents(session: Session, documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return with_referral_people(session, documents, app_id=current_tenant().app_id)


def _refusal(outcome: ClaimOutcome) -> Response:
    problem = REFUSALS[outcome.reason or ""]
    return problem_response(problem(referral_id=outcome.referral.id))
