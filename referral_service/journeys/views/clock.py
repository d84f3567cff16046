"""A test app's clock over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from referral_service.journeys import examples
from referral_service.journeys.coming_due.run_due import run_due
from referral_service.journeys.schemas.clock import AdvancedSchema, AdvanceSchema
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import in_transaction, service
from referral_service.tenants.advance_clock import advance_clock
from referral_service.tenants.auth import Scope, current_key_id, current_tenant, requires

blueprint = Blueprint("test-clock", __name__, description="Test apps: move their time.")


def then_do_what_is_due(view: Callable[..., Response]) -> Callable[..., Response]:
    """After the view's transaction is committed, do what its app's clock has made due; then answer.

    What runs by the moved clock must find it moved, here and in the worker, so it is no part of that transaction.
    """

    @wraps(view)
    def done() -> Response:
        response = view()
        run_due(service().database, clock=service().clock, app_ids=[current_tenant().app_id])
        return response

    return done


@blueprint.post("/v1/test-clock/advance", operation_id="advanceTestClock")
@requires(Scope.ADMIN)
@then_do_what_is_due
@in_transaction
@blueprint.arguments(AdvanceSchema, example=examples.ADVANCE)
@blueprint.response(200, AdvancedSchema, example=examples.ADVANCED)
def advance(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """Advance a test app's clock.

    What falls due on the way (holds that end, referrals that expire) is done before the answer. Only forwards, and only
    for test apps.
    """
    now = service().clock.now()
    tenant = advance_clock(
        session,
        app_id=current_tenant().app_id,
        actor=current_key_id(),
        now=now,
        by=timedelta(seconds=body["seconds"]) if "seconds" in body else None,
        to=body.get("to"),
    )
    return {"now": tenant.business_time(now)}
