"""Endpoints: where an app's notifications are sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click
import marshmallow as ma
from rich.console import Console
from sqlalchemy.orm import Session

from referral_service.cli.answers import Answer, table
from referral_service.cli.commands import Group
from referral_service.cli.opening import ACTOR, opened
from referral_service.cli.parameters import MOMENT
from referral_service.cli.programs import app_option
from referral_service.kit.errors import InvalidRequest
from referral_service.kit.http.problems import flatten
from referral_service.tenants.tenant import find_tenant
from referral_service.webhooks_out.deliveries.resend import Resent, What, resend_to_endpoint
from referral_service.webhooks_out.endpoints.add_endpoint import ENDPOINTS_MAX, NewEndpoint, add_endpoint
from referral_service.webhooks_out.endpoints.read_endpoint import list_endpoints
from referral_service.webhooks_out.endpoints.send_test import send_test
from referral_service.webhooks_out.schemas import AddEndpointSchema, EndpointSchema

_BODY = AddEndpointSchema()
_ENDPOINT = EndpointSchema()
_EXAMPLE_ID = "whe_01k0c7r5d2a8h4j6k9m3p7s1vb"


@click.group(
    cls=Group,
    examples=["referral-service endpoints add --app shop --url https://shop.example/hooks --events 'reward.*'"],
)
def endpoints() -> None:
    """Add and list the endpoints that notifications are sent to, try them out, and send again."""


@endpoints.command(
    "add",
    examples=[
        "referral-service endpoints add --app shop --url https://shop.example/hooks",
        "referral-service endpoints add --app shop --url https://shop.example/hooks --events 'reward.*' --json",
    ],
)
@app_option
@click.option("--url", required=True, help="Where they are sent: https, to a host of the public internet.")
@click.option(
    "--events",
    "events",
    multiple=True,
    metavar="FILTER",
    help="Which are sent: a type such as reward.available, a group such as 'reward.*', or '*' for all, as without it.",
)
def add(app: str, url: str, events: tuple[str, ...]) -> Answer:
    """Add an endpoint and print its secret; it is shown this once."""
    try:
        body = _BODY.load({"url": url, **({"events": list(events)} if events else {})})
    except ma.ValidationError as error:
        raise InvalidRequest(errors=flatten(error.messages, root="body")) from None
    with opened() as found:
        now = found.clock.now()

        def work(session: Session) -> NewEndpoint:
            return add_endpoint(
                session,
                found.sealer,
                app_id=find_tenant(session, public_id=app).app_id,
                url=body["url"],
                events=body["events"],
                development=found.settings.development,
                actor=ACTOR,
                now=now,
            )

        made = found.transact(work)
    document = {**_ENDPOINT.dump(made.row), "secret": made.secret}

    def draw(console: Console) -> None:
        console.print(f"{document['id']}  {document['url']}  {' '.join(document['events'])}")
        console.print(f"secret: {document['secret']}")
        console.print("Keep it: it is not shown again.")

    return Answer(document, draw)


@endpoints.command("list", examples=["referral-service endpoints list --app shop --json"])
@app_option
def list_all(app: str) -> Answer:
    """List the app's endpoints; no secret is shown."""
    with opened() as found:

        def work(session: Session) -> list[dict[str, Any]]:
            app_id = find_tenant(session, public_id=app).app_id
            rows = list_endpoints(session, app_id=app_id, after=None, limit=ENDPOINTS_MAX)
            documents: list[dict[str, Any]] = _ENDPOINT.dump(rows, many=True)
            return documents

        items = found.read(work)

    def draw(console: Console) -> None:
        rows = [[it["id"], _state(it), it["failing_since"] or "", " ".join(it["events"]), it["url"]] for it in items]
        console.print(table("id", "state", "failing since", "events", "url", rows=rows))

    return Answer({"items": items, "next_cursor": None}, draw)


@endpoints.command(
    "resend",
    examples=[
        f"referral-service endpoints resend --app shop {_EXAMPLE_ID}",
        f"referral-service endpoints resend --app shop {_EXAMPLE_ID} --what all --from 2026-11-21T10:00:00Z",
    ],
)
@app_option
@click.argument("endpoint_id")
@click.option(
    "--what",
    type=click.Choice([str(it) for it in What]),
    default=str(What.FAILED),
    show_default=True,
    help="`failed`: what is dead or disabled. `all`: also what was delivered, or waits to be.",
)
@click.option("--from", "starts_at", type=MOMENT, help="Only deliveries made then or later.")
@click.option("--to", "ends_at", type=MOMENT, help="Only deliveries made then or earlier.")
def resend(app: str, endpoint_id: str, what: str, starts_at: datetime | None, ends_at: datetime | None) -> Answer:
    """Send what the endpoint ENDPOINT_ID missed again, oldest first, however much it is. Each keeps its webhook-id."""
    if starts_at is not None and ends_at is not None and ends_at < starts_at:
        raise click.UsageError("--to must not lie before --from.")
    with opened() as found:
        now = found.clock.now()

        def part(session: Session, after: str | None) -> Resent:
            return resend_to_endpoint(
                session,
                app_id=find_tenant(session, public_id=app).app_id,
                endpoint_id=endpoint_id,
                what=What(what),
                starts_at=starts_at,
                ends_at=ends_at,
                after=after,
                now=now,
            )

        scheduled = _all_parts(lambda after: found.transact(lambda session: part(session, after)))
    return Answer(
        {"scheduled": scheduled},
        lambda console: console.print(f"{scheduled} deliveries are sent again from now on, by the worker."),
    )


@endpoints.command("test", examples=[f"referral-service endpoints test --app shop {_EXAMPLE_ID}"])
@app_option
@click.argument("endpoint_id")
def test(app: str, endpoint_id: str) -> Answer:
    """Let the worker send a test to the endpoint ENDPOINT_ID, whatever its filters are."""
    with opened() as found:
        now = found.clock.now()

        def work(session: Session) -> str:
            app_id = find_tenant(session, public_id=app).app_id
            return send_test(session, app_id=app_id, endpoint_id=endpoint_id, now=now)

        notification_id = found.transact(work)
    said = f"{notification_id} is sent by the worker: see GET /v1/deliveries?notification_id={notification_id}"
    return Answer({"notification_id": notification_id}, lambda console: console.print(said))


def _all_parts(part: Callable[[str | None], Resent]) -> int:
    """Each part in a transaction of its own, so that nobody waits for the whole."""
    scheduled, after = 0, None
    while True:
        done = part(after)
        scheduled += done.scheduled
        if not done.more:
            return scheduled
        after = done.last


def _state(endpoint: dict[str, Any]) -> str:
    state, reason = endpoint["state"], endpoint["reason"]
    return f"{state} ({reason})" if reason else str(state)
