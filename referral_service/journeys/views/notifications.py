"""Notifications over HTTP: to pull what is also sent."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from referral_service.journeys.telling.list_notifications import list_notifications
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import in_reading
from referral_service.kit.http.pagination import page, page_schema, read_cursor, scope_of
from referral_service.notifications import examples
from referral_service.notifications.schemas import NotificationArgs, NotificationSchema
from referral_service.tenants.auth import Scope, current_tenant, requires

blueprint = Blueprint("notifications", __name__, description="Every change of state, in one order.")


@blueprint.get("/v1/notifications", operation_id="listNotifications")
@requires(Scope.READ)
@in_reading
@blueprint.arguments(NotificationArgs, location="query")
@blueprint.response(200, page_schema(NotificationSchema), example=examples.NOTIFICATIONS)
def notifications(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    """List notifications, the oldest first.

    To go on later, pass the position of the last one read as `after`: nothing can be missed, since a notification
    gets its position after it was committed.
    """
    scope = scope_of("notifications", args)
    cursor = read_cursor(args, scope)
    documents = list_notifications(
        session,
        app_id=current_tenant().app_id,
        after=cursor[0] if cursor else args["after"],
        limit=args["limit"] + 1,
    )
    return page(documents, args["limit"], scope, key=lambda document: [document["position"]])
