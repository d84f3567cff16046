"""What a program has brought and what it costs, over HTTP."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from referral_service.insights import examples
from referral_service.insights.leaderboard import leaderboard
from referral_service.insights.liability import liability
from referral_service.insights.schemas import (
    LeaderboardArgs,
    LiabilitiesSchema,
    StandingSchema,
    StatsArgs,
    StatsSchema,
)
from referral_service.insights.span import NoSuchSpan, Span, span_of
from referral_service.insights.stats import stats
from referral_service.kit.errors import InvalidRequest, NotFound
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import in_late_reading, service
from referral_service.kit.http.pagination import page, page_schema, read_cursor, scope_of
from referral_service.programs.read_programs import NO_SUCH_PROGRAM, ProgramRow, programs_by_id
from referral_service.programs.schemas import PROGRAM_ID_PARAMETER
from referral_service.tenants.auth import Scope, business_now, current_tenant, requires

blueprint = Blueprint("insights", __name__, description="What programs bring, who brings it, and what is owed for it.")

_ONE = {"parameters": [PROGRAM_ID_PARAMETER]}


@blueprint.get("/v1/programs/<program_id>/stats", operation_id="getProgramStats", **_ONE)
@requires(Scope.READ)
@in_late_reading
@blueprint.arguments(StatsArgs, location="query")
@blueprint.response(200, StatsSchema, example=examples.STATS)
@blueprint.alt_response(404, response="NOT_FOUND")
def program_stats(session: Session, args: dict[str, Any], program_id: str) -> dict[str, Any]:
    """Read a program's funnel.

    What happened from `from` to `to`, both included: the last 30 days unless said otherwise, and at most 366. Clicks,
    claims and conversions are counted on the day they happened, rewards on the day they were granted.
    """
    program = _program(session, program_id)
    span = _span(args["start"], args["end"])
    return stats(session, app_id=current_tenant().app_id, program_id=program.id, span=span)


@blueprint.get("/v1/programs/<program_id>/leaderboard", operation_id="listLeaderboard", **_ONE)
@requires(Scope.READ)
@in_late_reading
@blueprint.arguments(LeaderboardArgs, location="query")
@blueprint.response(200, page_schema(StandingSchema), example=examples.LEADERBOARD)
@blueprint.alt_response(404, response="NOT_FOUND")
def program_leaderboard(session: Session, args: dict[str, Any], program_id: str) -> dict[str, Any]:
    """List a program's leaderboard, the best first.

    Only customers who opted in are shown, by their display name. The rank is the one among all the program's
    referrers with a conversion, so it may skip those who are not shown; equal numbers share a rank.
    """
    program = _program(session, program_id)
    scope = scope_of(f"leaderboard:{program.id}", args)
    rows = leaderboard(
        session,
        service().sealer,
        app_id=current_tenant().app_id,
        program_id=program.id,
        after=read_cursor(args, scope),
        limit=args["limit"] + 1,
    )
    return page(rows, args["limit"], scope, key=lambda row: [row.conversions, row.id])


@blueprint.get("/v1/programs/<program_id>/liability", operation_id="getProgramLiability", **_ONE)
@requires(Scope.READ)
@in_late_reading
@blueprint.response(200, LiabilitiesSchema, example=examples.LIABILITY)
@blueprint.alt_response(404, response="NOT_FOUND")
def program_liability(session: Session, program_id: str) -> dict[str, Any]:
    """Read what a program owes, one item for each unit.

    `outstanding` can be spent now: the open lots that its rewards put into wallets, less what customers owe it for
    rewards that were taken back after they had been spent. `held` is granted and waits for the end of a hold, an
    acceptance or a review. `expected` is what its open referrals would bring if each of them converted, reckoned from
    the fixed amounts of their rewards on `converted` and `step:…`; shares of a purchase, n-ths, tiers, caps and the
    budget are not looked at.
    """
    program = _program(session, program_id)
    app_id = current_tenant().app_id
    return {
        "items": liability(session, app_id=app_id, program_id=program.id, version=program.version, now=business_now())
    }


def _program(session: Session, program_id: str) -> ProgramRow:
    """Return the program; raise NotFound, also where it is another app's."""
    found = programs_by_id(session, app_id=current_tenant().app_id, ids=[program_id])
    if program_id not in found:
        raise NotFound(NO_SUCH_PROGRAM)
    return found[program_id]


def _span(start: date | None, end: date | None) -> Span:
    try:
        return span_of(start, end, now=business_now())
    except NoSuchSpan as fault:
        raise InvalidRequest(errors={"from": [str(fault)]}) from None
