"""Codes over HTTP."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from flask import Flask, current_app
from sqlalchemy.orm import Session

from referral_service.codes import examples
from referral_service.codes.check_code import CheckedCode, check_code
from referral_service.codes.errors import CodeRevoked
from referral_service.codes.issue_codes import Wish
from referral_service.codes.issuing import Asked, Issuing
from referral_service.codes.links import links_of
from referral_service.codes.revoke_code import revoke_code
from referral_service.codes.schemas import (
    CODE_PARAMETER,
    CheckedCodeSchema,
    CodeSchema,
    IssueCodeSchema,
)
from referral_service.codes.signed_code import sign_code
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import Service, answer_concerns, in_reading, in_transaction, service
from referral_service.kit.http.ingress.admission import step_aside
from referral_service.programs.schemas import PROGRAM_ID_PARAMETER
from referral_service.tenants.auth import Scope, business_now, current_tenant, requires

ISSUING = "referral_service.codes.issuing"

blueprint = Blueprint("codes", __name__, description="What customers share: referral codes and their links.")


def install(app: Flask, service: Service) -> None:
    """Make what the views need, once for this application."""
    app.extensions[ISSUING] = Issuing(service.database, aside=partial(step_aside, app))


@blueprint.post("/v1/programs/<program_id>/codes", operation_id="issueCode", parameters=[PROGRAM_ID_PARAMETER])
@requires(Scope.WRITE)
@in_transaction(joint=True)
@blueprint.arguments(IssueCodeSchema, example=examples.ISSUE_CODE)
@blueprint.response(201, CodeSchema, example=examples.CODE, description="The code is new.")
@blueprint.alt_response(200, schema=CodeSchema, example=examples.CODE, description="The customer had it already.")
@blueprint.alt_response(404)
@blueprint.alt_response(409)
def issue(session: Session | None, body: dict[str, Any], program_id: str) -> tuple[dict[str, Any], int]:
    """Issue a customer's code.

    A customer has one active code in a program: it is made by the first call and the same on every later one, also when
    another vanity text is asked for. The customer is created if there is none by this id.
    """
    app_id = current_tenant().app_id
    wish = Wish(program_id=program_id, customer_external_id=body["customer_id"], vanity=body["vanity"])
    code, created = _issuing().do(Asked(app_id=app_id, wish=wish, now=business_now()), session)
    answer_concerns(code.customer_id)
    document = _document(
        app_id=app_id,
        text=code.text,
        folded=code.folded,
        customer_id=body["customer_id"],
        program_id=code.program_id,
        state=code.state,
        channel=body["channel"],
    )
    return document, 201 if created else 200


@blueprint.get("/v1/codes/<code>", operation_id="checkCode", parameters=[CODE_PARAMETER])
@requires(Scope.READ)
@in_reading
@blueprint.response(200, CheckedCodeSchema, example=examples.CHECKED_CODE)
@blueprint.alt_response(404)
@blueprint.alt_response(410)
def check(session: Session, code: str) -> dict[str, Any]:
    """Check a code, typed or signed.

    `valid` says whether a claim may use it now. A code that was revoked is gone, one that never was is not found.
    """
    app_id = current_tenant().app_id
    checked = check_code(session, service().key_ring, app_id=app_id, text=code, now=business_now())
    if checked.state != "active":
        raise CodeRevoked
    return _checked_document(app_id, checked)


@blueprint.post("/v1/codes/<code>/revoke", operation_id="revokeCode", parameters=[CODE_PARAMETER])
@requires(Scope.WRITE)
@in_transaction
@blueprint.response(200, CheckedCodeSchema, example=examples.REVOKED_CODE)
@blueprint.alt_response(404)
def revoke(session: Session, code: str) -> dict[str, Any]:
    """Revoke a code.

    Its links lead nowhere within seconds, and its text is never given out again; the customer's next call for a code
    makes a new one. Referrals that were claimed with it stay. Revoking it again changes nothing.
    """
    app_id = current_tenant().app_id
    checked = check_code(session, service().key_ring, app_id=app_id, text=code, now=business_now())
    revoke_code(session, app_id=app_id, code_id=checked.code_id, now=business_now())
    answer_concerns(checked.customer_id)
    revoked = check_code(session, service().key_ring, app_id=app_id, text=checked.text, now=business_now())
    return _checked_document(app_id, revoked)


def _issuing() -> Issuing:
    return cast(Issuing, current_app.extensions[ISSUING])


def _checked_document(app_id: int, checked: CheckedCode) -> dict[str, Any]:
    document = _document(
        app_id=app_id,
        text=checked.text,
        folded=checked.folded,
        customer_id=checked.customer_external_id,
        program_id=checked.program_id,
        state=checked.state,
    )
    return {**document, "valid": checked.valid, "reason": checked.reason}


def _document(
    *,
    app_id: int,
    text: str,
    folded: str,
    customer_id: str | None,
    program_id: str,
    state: str,
    channel: str | None = None,
) -> dict[str, Any]:
    wired = service()
    signed_code = sign_code(wired.key_ring, folded=folded, app_id=app_id)
    links = links_of(wired.settings.base_url, signed_code, channel=channel)
    return {
        "code": text,
        "signed_code": signed_code,
        "customer_id": customer_id,
        "program_id": program_id,
        "state": state,
        "share_url": links.share_url,
        "invite_url": links.invite_url,
        "qr_url": links.qr_url,
    }
