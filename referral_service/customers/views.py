"""Customers over HTTP. Erasing one is a journey, since it concerns every room."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from referral_service.customers import examples
from referral_service.customers.emails import Emails
from referral_service.customers.policy import customer_id_fault
from referral_service.customers.profile import CustomerRecord, Profile
from referral_service.customers.put_customer import put_customer
from referral_service.customers.read_customer import NO_SUCH_CUSTOMER, read_customer
from referral_service.customers.schemas import CUSTOMER_ID_PARAMETER, CustomerSchema, PutCustomerSchema
from referral_service.kit.errors import InvalidRequest, NotFound
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import in_reading, in_transaction, service
from referral_service.tenants.auth import Scope, business_now, current_tenant, requires

blueprint = Blueprint("customers", __name__, description="The people of an app: referrers and referees.")


@blueprint.put("/v1/customers/<customer_id>", operation_id="putCustomer", parameters=[CUSTOMER_ID_PARAMETER])
@requires(Scope.WRITE)
@in_transaction
@blueprint.arguments(PutCustomerSchema, example=examples.PUT_CUSTOMER)
@blueprint.response(200, CustomerSchema, example=examples.CUSTOMER, description="The customer as they are now.")
@blueprint.alt_response(201, schema=CustomerSchema, example=examples.CUSTOMER, description="The customer is new.")
def put_a_customer(session: Session, body: dict[str, Any], customer_id: str) -> tuple[CustomerRecord, int]:
    """Create or replace a customer.

    The whole profile is set: a field that is left out is empty afterwards. People whom events, claims and codes name
    exist without this call; it gives them an address, a name and attributes.
    """
    fault = customer_id_fault(customer_id)
    if fault is not None:
        raise InvalidRequest(errors={"customer_id": [fault]})
    record, created = put_customer(
        session,
        service().sealer,
        Emails(service().key_ring.email_index_key()),
        app_id=current_tenant().app_id,
        external_id=customer_id,
        profile=Profile(body["email"], body["display_name"]),
        locale=body["locale"],
        leaderboard_opt_in=body["leaderboard_opt_in"],
        invite_name_opt_in=body["invite_name_opt_in"],
        attributes=body["attributes"],
        now=business_now(),
    )
    return record, 201 if created else 200


@blueprint.get("/v1/customers/<customer_id>", operation_id="getCustomer", parameters=[CUSTOMER_ID_PARAMETER])
@requires(Scope.READ)
@in_reading
@blueprint.response(200, CustomerSchema, example=examples.CUSTOMER)
@blueprint.alt_response(404, response="NOT_FOUND")
def get_a_customer(session: Session, customer_id: str) -> CustomerRecord:
    """Read a customer.

    Someone who was erased is not found.
    """
    if customer_id_fault(customer_id) is not None:
        raise NotFound(NO_SUCH_CUSTOMER)
    return read_customer(session, service().sealer, app_id=current_tenant().app_id, external_id=customer_id)
