"""Health, readiness, metrics, and the API's own description."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Flask, Response, current_app
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy import text

from referral_service.kit.http.blueprint import Blueprint
from referral_service.kit.http.openapi import spec_yaml
from referral_service.kit.http.wiring import Service
from referral_service.operations.errors import NotReady
from referral_service.operations.metrics import EXTENSION as METRICS
from referral_service.operations.readiness import Readiness
from referral_service.operations.schemas import HealthSchema
from referral_service.tenants.auth import public

log = structlog.get_logger(__name__)

SCHEMA_REVISION = "SCHEMA_REVISION"
READINESS = "readiness"
# Answered however much else there is to do: whoever asks would take silence for death.
WITHOUT_WAITING = ("/healthz", "/readyz", "/metrics")

blueprint = Blueprint("operations", __name__, description="Is the service alive, and ready to serve?")


@blueprint.get("/healthz", operation_id="getHealth")
@public("Says only that the process answers.")
@blueprint.response(200, HealthSchema, example={"status": "ok"})
def healthz() -> dict[str, Any]:
    """Tell whether the process is alive.

    Touches no database, so that a database that is away does not get the process killed.
    """
    return {"status": "ok"}


@blueprint.get("/readyz", operation_id="getReadiness")
@public("Says only whether the database can be used.")
@blueprint.response(200, HealthSchema, example={"status": "ok"})
def readyz() -> dict[str, Any]:
    """Tell whether requests can be served.

    The database is reachable, has this version's schema, and its signing keys can be opened with the master keys.
    A database that does not say so within two seconds counts as away.
    """
    readiness: Readiness = current_app.extensions[READINESS]
    if not readiness.is_ready():
        raise NotReady(retry_after_seconds=1)
    return {"status": "ok"}


def install(app: Flask, wired: Service) -> None:
    """Make what `/readyz` asks."""

    def ask() -> bool:
        found = wired.database.read(
            lambda session: session.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
        )
        wired.key_ring.current()
        wired.key_ring.email_index_key()
        if found != app.config[SCHEMA_REVISION]:
            log.warning("not_ready", schema_revision=found, needed=app.config[SCHEMA_REVISION])
            return False
        return True

    app.extensions[READINESS] = Readiness(ask)


def metrics() -> Response:
    """Answer in Prometheus' text format."""
    return Response(generate_latest(current_app.extensions[METRICS]), content_type=CONTENT_TYPE_LATEST)


def openapi_yaml() -> Response:
    """Answer with the OpenAPI document."""
    if "openapi_text" not in current_app.extensions:
        current_app.extensions["openapi_text"] = spec_yaml(current_app)
    return Response(current_app.extensions["openapi_text"], content_type="application/yaml")


# Not part of the API's own description.
blueprint.add_plain_rule("/metrics", public("Counts only: no names, no ids.")(metrics))
blueprint.add_plain_rule("/openapi.yaml", public("The documentation of a self-hosted API.")(openapi_yaml))
