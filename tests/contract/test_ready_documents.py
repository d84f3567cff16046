"""What is answered as the view made it is just what its schema would have written."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import pytest

from builders import Api, a_claim, a_code, a_program
from referral_service.codes.schemas import CheckedCodeSchema, CodeSchema
from referral_service.journeys.schemas.claims import ReferralSchema
from referral_service.kit.http.fields import ReadySchema


def written(schema: ReadySchema, document: Any) -> Any:
    """The document as marshmallow itself writes it, field by field."""
    return ma.Schema.dump(schema, document)


def every_ready_schema(kind: type[ReadySchema] = ReadySchema) -> set[type[ReadySchema]]:
    return {each for known in kind.__subclasses__() for each in {known, *every_ready_schema(known)}}


def test_codes_are_as_their_schema_writes_them(api: Api) -> None:
    code = a_code(api, a_program(api))
    issued_again = api.post(f"/v1/programs/{code['program_id']}/codes", {"customer_id": code["customer_id"]}).json
    for document in (code, issued_again):
        assert document == written(CodeSchema(), document)
    for document in (api.get(f"/v1/codes/{code['code']}").json, api.post(f"/v1/codes/{code['code']}/revoke").json):
        assert document == written(CheckedCodeSchema(), document)


def test_referrals_are_as_their_schema_writes_them(api: Api) -> None:
    claimed = a_claim(api, a_code(api, a_program(api)))
    read = f"/v1/referrals/{claimed['id']}"
    rejected = api.post(f"{read}/reject", {"reason": "By hand."})
    assert rejected.status_code == 200, rejected.json
    for document in (claimed, rejected.json, api.get(read).json, *api.get("/v1/referrals").json["items"]):
        assert document == written(ReferralSchema(), document)


@pytest.mark.usefixtures("app")
def test_every_schema_that_is_not_written_field_by_field_is_looked_at_here() -> None:
    assert every_ready_schema() == {CodeSchema, CheckedCodeSchema, ReferralSchema}
