"""Share tokens over HTTP."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from referral_service.customers.policy import customer_id_fault
from referral_service.customers.read_customer import NO_SUCH_CUSTOMER
from referral_service.customers.schemas import CUSTOMER_ID_PARAMETER
from referral_service.kit.errors import InvalidRequest, NotFound
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import answer_concerns, in_transaction, service
from referral_service.share.api import examples
from referral_service.share.api.schemas import MintShareTokenSchema, ShareTokenSchema
from referral_service.share.mint_token import mint_token
from referral_service.share.revoke_tokens import revoke_tokens
from referral_service.tenants.auth import Scope, business_now, current_tenant, requires

blueprint = Blueprint("share-tokens", __name__, description="Tokens that open a customer's own share page.")

_PATH = "/v1/customers/<customer_id>/share-tokens"
_ONE = {"parameters": [CUSTOMER_ID_PARAMETER]}


@blueprint.post(_PATH, operation_id="mintShareToken", **_ONE)
@requires(Scope.WRITE)
@in_transaction
@blueprint.arguments(MintShareTokenSchema, example=examples.MINT_TOKEN)
@blueprint.response(201, ShareTokenSchema, example=examples.TOKEN)
@blueprint.alt_response(404)
def mint(session: Session, body: dict[str, Any], customer_id: str) -> dict[str, Any]:
    """Mint a share token.

    For the customer's own eyes: link to `url`, or give `token` to the widget. The customer is created if there is none
    by this id, and gets a code if the program takes codes now. Each call makes another token; earlier ones go on
    counting until they expire.
    """
    fault = customer_id_fault(customer_id)
    if fault is not None:
        raise InvalidRequest(errors={"customer_id": [fault]})
    minted = mint_token(
        session,
        service().key_ring,
        app_id=current_tenant().app_id,
        external_id=customer_id,
        program_id=body["program_id"],
        lifetime_seconds=body["expires_in_seconds"],
        now=business_now(),
    )
    answer_concerns(minted.customer_id)
    return {"token": minted.token, "url": service().url(f"/me/{minted.token}"), "expires_at": minted.expires_at}


@blueprint.delete(_PATH, operation_id="revokeShareTokens", **_ONE)
@requires(Scope.WRITE)
@in_transaction
@blueprint.response(204, description="No token that was minted before counts any more.")
def revoke(session: Session, customer_id: str) -> None:
    """Revoke a customer's share tokens.

    All that were minted so far, for every program, at once. Those minted afterwards count.
    """
    if customer_id_fault(customer_id) is not None:
        raise NotFound(NO_SUCH_CUSTOMER)
    revoke_tokens(session, app_id=current_tenant().app_id, external_id=customer_id)
