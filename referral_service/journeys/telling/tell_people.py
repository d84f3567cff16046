"""Documents hold `cus_` ids; whoever reads them is told the app's own ids instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import Session

from referral_service.customers.read_customer import external_ids


def with_referral_people(
    session: Session,
    documents: Sequence[dict[str, Any]],
    *,
    app_id: int,
    known: Mapping[str, str | None] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """Put the app's own ids into referral documents; None for who was erased. Who is `known` is not looked up."""
    ids = {document[side]["customer_id"] for document in documents for side in ("referrer", "referee")}
    known = {**known, **external_ids(session, app_id=app_id, ids=ids - known.keys())}
    return [
        {
            **document,
            "referrer": {"customer_id": known.get(document["referrer"]["customer_id"])},
            "referee": {"customer_id": known.get(document["referee"]["customer_id"])},
        }
        for document in documents
    ]


def with_reward_people(session: Session, documents: Sequence[dict[str, Any]], *, app_id: int) -> list[dict[str, Any]]:
    """Put the app's own ids into reward documents; None for who was erased."""
    known = external_ids(session, app_id=app_id, ids={document["customer_id"] for document in documents})
    return [{**document, "customer_id": known.get(document["customer_id"])} for document in documents]
