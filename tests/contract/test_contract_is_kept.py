"""What openapi.yaml promises, the service does: schemathesis makes requests out of the document, valid and broken, and
holds every answer to it. No 5xx, no status, header, content type or body that is not documented, no key that is not
asked for.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from contract.published import Operation, document, operations
from contract.world import World, brought_home
from flask import Flask
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.hypothesis import canonical_form_cache, canonical_strategy_cache
from schemathesis.specs.openapi.schemas import OpenApiSchema

from referral_service.tenants.open_app import OpenedApp

LONG = os.environ.get("CAMPAIGN_SIZE") == "long"
# By database: how many requests are drawn for each operation, beside those that the document itself suggests.
EXAMPLES = {"sqlite": 300 if LONG else 30, "postgresql": 100 if LONG else 10}
SEED = 20260301
# What has the right shape may still be refused for what it means: a cursor that nobody signed (400), an event of the
# future (422), a code that was revoked (410).
ACCEPTED = ["2xx", "3xx", 400, 401, 403, 404, 409, 410, 422]
REFUSED = [400, 401, 403, 404, 405, 409, 410, 413, 414, 415, 422]
# The terms of a program are one document to any database, and the cases that the description suggests are many.
TERMS = {"createProgram", "changeProgram"}
# Its caller signs the very bytes of the body, which nothing here does: tests/webhooks_in does.
NEVER_ACCEPTED = {"receiveWebhook"}


@pytest.fixture(params=operations(), ids=lambda operation: operation.name)
def contract(
    request: pytest.FixtureRequest,
    app: Flask,
    world: World,
    trial_tenant: OpenedApp,
    operator_key: str,
    database_kind: str,
) -> Iterator[OpenApiSchema]:
    """The document, narrowed to one operation and bound to the running service."""
    # What it has worked out for other operations would decide what it can make of this one (as of 4.32).
    for cache in (canonical_form_cache, canonical_strategy_cache):
        cache.clear()
    # Schemathesis 4.32 writes down what it works on under a name that pytest 9.2 has given up.
    request.node._nodeid = request.node.nodeid
    operation: Operation = request.param
    is_for_operator = operation.definition.get("x-required-scope") == "operator"
    key = operator_key if is_for_operator else trial_tenant.key.secret
    settings = settings_of(world, operation, key=key, database_kind=database_kind)
    schema = schemathesis.openapi.from_dict(
        brought_home(document(), world), config=SchemathesisConfig.from_dict(settings)
    )
    schema.app = app
    answers: Counter[int] = Counter()

    @schema.hook("after_call")
    def count(_context: Any, _case: Any, response: Any) -> None:
        answers[response.status_code] += 1

    yield schema
    accepted = sum(many for status, many in answers.items() if status < 400)
    if operation.definition["operationId"] not in NEVER_ACCEPTED:
        assert accepted, f"nothing was ever accepted: {dict(answers)}"


def settings_of(world: World, operation: Operation, *, key: str, database_kind: str) -> dict[str, Any]:
    """Schemathesis' settings: one operation, everything repeatable, and ids that exist drawn more often than not."""
    known = {**world.known_to(operation.path), "type": ["purchase", "refund", "dispute", "signup"]}
    # What breaks the document is refused before any database is asked: one of them is enough for all of that.
    suggested: dict[str, Any] = {"enabled": True, "generation": {"mode": "all"}}
    if database_kind != "sqlite":
        is_terms = operation.definition["operationId"] in TERMS
        suggested = {"enabled": LONG or not is_terms, "generation": {"mode": "positive"}}
    bound = {
        f"{place}.{name}": {"dictionary": name, "probability": 0.7}
        for name in known
        for place in ("path", "query", "body")
    }
    return {
        "seed": SEED,
        "generation": {
            "mode": "all",
            "max-examples": EXAMPLES[database_kind],
            "deterministic": True,
            "database": "none",
        },
        "phases": {"coverage": suggested},
        "auth": {"openapi": {"api_key": {"bearer": key}}},
        "operations": [{"exclude-name": operation.name, "enabled": False}],
        "dictionaries": {name: {"values": values} for name, values in known.items()},
        "parameters": bound | {"body.referee.customer_id": {"dictionary": "customer_id", "probability": 0.7}},
        "checks": {
            "positive_data_acceptance": {"expected-statuses": ACCEPTED},
            "negative_data_rejection": {"expected-statuses": REFUSED},
        },
        "warnings": False,
    }


@schemathesis.pytest.from_fixture("contract").parametrize()
@pytest.mark.timeout(600)
def test_every_answer_is_as_it_is_documented(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate()
