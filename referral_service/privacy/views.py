"""Erasing a customer over HTTP: it concerns every room."""

from __future__ import annotations

from sqlalchemy.orm import Session

from referral_service.customers.schemas import CUSTOMER_ID_PARAMETER
from referral_service.journeys.views.wiring import current_tools
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import in_transaction
from referral_service.privacy.erase import erase
from referral_service.tenants.auth import Scope, business_now, current_key_id, current_tenant, requires

blueprint = Blueprint("erasure", __name__, description="Forget a person.")


@blueprint.delete("/v1/customers/<customer_id>", operation_id="eraseCustomer", parameters=[CUSTOMER_ID_PARAMETER])
@requires(Scope.ADMIN)
@in_transaction
@blueprint.response(204, description="The person is erased.")
def erase_a_customer(session: Session, customer_id: str) -> None:
    """Erase a customer.

    Name, address and attributes are gone, open referrals expire, what is held is voided, codes are revoked. Totals and
    what was released stay, under an id that leads to nobody.
    """
    erase(
        session,
        tools=current_tools(),
        app_id=current_tenant().app_id,
        external_id=customer_id,
        actor=current_key_id(),
        now=business_now(),
    )
