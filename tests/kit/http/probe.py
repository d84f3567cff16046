"""Views that do to the edge what no real view should."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

import marshmallow as ma
from flask import Flask, Response
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from referral_service.audit.models import AuditEntry
from referral_service.audit.record import record
from referral_service.kit.db.engines import Database
from referral_service.kit.errors import Conflict
from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.edge import (
    after_commit,
    answer_concerns,
    in_reading,
    in_transaction,
    limited_by_address,
    service,
)
from referral_service.kit.http.fields import Moment, MoneyField, RequestSchema, Text, WholeNumber
from referral_service.kit.http.limits import CODE_LOOKUPS, HOOK_BODY_BYTES_MAX, body_limit
from referral_service.kit.http.pagination import PageArgs, page, page_schema, read_cursor, scope_of
from referral_service.kit.http.problems import problem_response
from referral_service.tenants.auth import Scope, current_tenant, public, requires

ACTION = "probe.done"


class InnerSchema(RequestSchema):
    email = ma.fields.Email()


class EchoSchema(RequestSchema):
    name = Text(maximum=20)
    count = WholeNumber(maximum=100)
    at = Moment()
    amount = MoneyField()
    referee = ma.fields.Nested(InnerSchema)
    several = ma.fields.List(ma.fields.Nested(InnerSchema))


class NumberSchema(ma.Schema):
    number = ma.fields.Integer(required=True)


class NumbersArgs(PageArgs):
    above = ma.fields.Integer(load_default=0)


class Switches:
    """What a test turns on and off in the probe's views."""

    def __init__(self) -> None:
        self.entered = Event()
        self.go_on = Event()
        self.fail_first_with: Exception | None = None
        self.runs: list[dict[str, Any]] = []
        self.committed: list[str] = []


def effects(database: Database) -> int:
    """Return how often a probe's view has had its effect."""
    count = select(func.count()).select_from(AuditEntry).where(AuditEntry.action == ACTION)
    return database.read(lambda session: session.scalar(count) or 0)


def _act(session: Session) -> str:
    tenant = current_tenant()
    now = service().clock.now()
    entry = record(session, app_id=tenant.app_id, actor="probe", action=ACTION, object_id="-", details={}, now=now)
    session.flush()
    return entry.id


def install_probe(app: Flask) -> Switches:
    """Add the views to an application that has not answered anything yet."""
    blueprint, switches = Blueprint("probe", __name__), Switches()
    _add_writing(blueprint, switches)
    _add_failing(blueprint, switches)
    _add_reading(blueprint)
    app.extensions["openapi"].register_blueprint(blueprint)
    return switches


def _add_writing(blueprint: Blueprint, switches: Switches) -> None:
    @blueprint.post("/probe/echo")
    @requires(Scope.WRITE)
    @in_transaction
    @blueprint.arguments(EchoSchema)
    def echo(session: Session, body: dict[str, Any]) -> Response:  # noqa: ARG001
        return Response(str(sorted(body)))

    @blueprint.post("/probe/act")
    @requires(Scope.WRITE)
    @in_transaction
    @blueprint.arguments(EchoSchema, required=False)
    @blueprint.response(201)
    def act(session: Session, body: dict[str, Any]) -> dict[str, Any]:
        switches.runs.append(dict(body))
        done = _act(session)
        # A view may change what it was given: a second run must not see it.
        body.clear()
        if switches.fail_first_with is not None and len(switches.runs) == 1:
            raise switches.fail_first_with
        after_commit(session, lambda: switches.committed.append(done))
        answer_concerns("cus_bob")
        switches.entered.set()
        assert switches.go_on.wait(20)
        return {"id": done}

    @blueprint.post("/probe/events")
    @requires(Scope.WRITE, limited=False)
    @body_limit(HOOK_BODY_BYTES_MAX)
    @in_transaction(idempotency=False)
    @blueprint.response(201)
    def events(session: Session) -> dict[str, Any]:
        return {"id": _act(session)}


def _add_failing(blueprint: Blueprint, switches: Switches) -> None:
    def failing(path: str, work: Callable[[Session], Any]) -> None:
        def view(session: Session) -> Any:
            _act(session)
            return work(session)

        view.__name__ = path
        blueprint.post(f"/probe/{path}")(requires(Scope.WRITE)(in_transaction(view)))

    def refuse(session: Session) -> Response:  # noqa: ARG001
        return problem_response(Conflict("Kept.", referral_id="ref_1"))

    def raised(error: Exception) -> Callable[[Session], Any]:
        def work(session: Session) -> Any:  # noqa: ARG001
            raise error

        return work

    failing("kept-refusal", refuse)
    failing("conflict", raised(Conflict("Not kept.")))
    failing("crash", raised(RuntimeError("alice@example.com is not unique")))
    failing("no-connection", raised(PoolTimeout("QueuePool limit reached")))
    failing("database-away", raised(OperationalError("SELECT 'alice@example.com'", {}, Exception("gone"))))
    assert switches.runs == []


def _add_reading(blueprint: Blueprint) -> None:
    @blueprint.get("/probe/numbers")
    @requires(Scope.READ)
    @in_reading
    @blueprint.arguments(NumbersArgs, location="query")
    @blueprint.response(200, page_schema(NumberSchema))
    def numbers(session: Session, args: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
        scope = scope_of("numbers", args)
        after = read_cursor(args, scope) or [args["above"]]
        rows = [{"number": number} for number in range(after[0] + 1, 51)][: args["limit"] + 1]
        return page(rows, args["limit"], scope, key=lambda row: [row["number"]])

    @blueprint.get("/probe/writes")
    @requires(Scope.READ)
    @in_reading
    def writes(session: Session) -> dict[str, Any]:
        return {"id": _act(session)}

    @blueprint.get("/probe/things/<thing_id>")
    @requires(Scope.READ)
    @in_reading
    def thing(session: Session, thing_id: str) -> dict[str, Any]:  # noqa: ARG001
        return {"id": thing_id}

    @blueprint.get("/probe/lookup")
    @public("A probe.")
    @limited_by_address(CODE_LOOKUPS)
    def lookup() -> dict[str, Any]:
        return {}
