"""What can go wrong with endpoints and deliveries."""

from __future__ import annotations

from referral_service.kit.errors import Conflict, NotFound


class EndpointNotFound(NotFound):
    code, status = "endpoint_not_found", 404
    title = "There is no such endpoint."
    remedy = "Check the id, beginning with whe_, and that the key belongs to the app the endpoint was added to."


class DeliveryNotFound(NotFound):
    code, status = "delivery_not_found", 404
    title = "There is no such delivery."
    remedy = "List the deliveries and give the id of one of them, beginning with dlv_."


class TooManyEndpoints(Conflict):
    code, status = "too_many_endpoints", 409
    title = "The app has as many endpoints as it may have."
    remedy = "Delete an endpoint that is not needed any more, or let one receive what several did."


class EndpointDisabled(Conflict):
    code, status = "endpoint_disabled", 409
    title = "Nothing is sent to this endpoint, for it is disabled."
    remedy = "Set its state to enabled first, then ask again."


class EndpointDeleted(Conflict):
    code, status = "endpoint_deleted", 409
    title = "The endpoint of this delivery is deleted."
    remedy = "Add an endpoint for what comes, and read what was missed from the list of notifications."
