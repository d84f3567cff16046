"""Sources of webhooks: listed, and what came from them taken in once more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from sqlalchemy.orm import Session

from referral_service.cli.answers import Answer, ExitCode, margin, table
from referral_service.cli.commands import Group
from referral_service.cli.interrupts import watched_interrupts
from referral_service.cli.opening import Opened, opened
from referral_service.cli.programs import app_option
from referral_service.customers.emails import Emails
from referral_service.journeys.tools import Tools
from referral_service.kit.clock import format_rfc3339
from referral_service.signing.key_ring import KeyRing
from referral_service.tenants.tenant import Tenant, find_tenant
from referral_service.webhooks_in.choose_inbound import STATES, Chosen
from referral_service.webhooks_in.read_source import list_sources, read_source
from referral_service.webhooks_in.receive import PARKED
from referral_service.webhooks_in.replay_many import Replayed, chosen_ids, replay_many

_PAGE = 100
# One transaction each: after so many a Ctrl-C is looked for.
_AT_ONCE = 10
_FAULTS_MAX = 100


@click.group(
    cls=Group,
    examples=[
        "referral-service sources list --app shop",
        "referral-service sources replay --app shop --reason no_referral",
        "referral-service sources backfill src_3_01m80698t4ev2t708d6myb5js9 orders.jsonl",
    ],
)
def sources() -> None:
    """List sources of webhooks, replay what came, and read in a provider's history."""


@sources.command("list", examples=["referral-service sources list --app shop --json"])
@app_option
def list_all(app: str) -> Answer:
    """List the app's sources, the oldest first."""
    with opened() as found:

        def work(session: Session) -> list[dict[str, Any]]:
            app_id = find_tenant(session, public_id=app).app_id
            items: list[dict[str, Any]] = []
            after: list[Any] | None = None
            while True:
                rows = list_sources(session, app_id=app_id, after=after, limit=_PAGE)
                items += [
                    {
                        "id": row.id,
                        "provider": row.provider,
                        "name": row.name,
                        "url": f"{found.settings.base_url.rstrip('/')}/v1/hooks/{row.id}",
                        "created_at": format_rfc3339(row.created_at),
                    }
                    for row in rows
                ]
                if len(rows) < _PAGE:
                    return items
                after = [rows[-1].id]

        items = found.read(work)

    def draw(console: Console) -> None:
        rows = [[it["id"], it["provider"], it["name"], it["url"]] for it in items]
        console.print(table("id", "provider", "name", "address", rows=rows))

    return Answer({"items": items, "next_cursor": None}, draw)


@sources.command(
    "replay",
    examples=[
        "referral-service sources replay --app shop",
        "referral-service sources replay --app shop --reason no_referral --source src_3_01m80698t4ev2t708d6myb5js9",
    ],
)
@app_option
@click.option("--state", type=click.Choice(STATES), default=PARKED, show_default=True, help="What it became of.")
@click.option("--reason", help="Only what is so for this reason, such as no_referral.")
@click.option("--source", "source_id", help="Only what came from this source.")
def replay(app: str, state: str, reason: str | None, source_id: str | None) -> Answer:
    """Take in kept webhooks once more, the oldest first.

    What is done already stays as it is. Ctrl-C ends it after the message at hand; run again, it begins anew, which does
    no harm.
    """
    with opened() as found, watched_interrupts() as interrupts:
        tools, real = tools_of(found), found.clock.now()
        chosen = Chosen(state, reason, source_id, received_to=real)
        tenant = found.read(lambda session: _tenant(session, app, source_id))
        done = _Done()
        exit_code = ExitCode.DONE
        columns = (SpinnerColumn(), TextColumn("Replaying"), MofNCompleteColumn())
        with Progress(*columns, console=margin(), transient=True) as progress:
            task = progress.add_task("", total=None)
            try:
                while ids := _next_ids(found, tenant, chosen, done.last):
                    with interrupts.held():
                        for one in replay_many(
                            found.database, tools=tools, tenant=tenant, ids=ids, now=tenant.business_time(real)
                        ):
                            done.add(one)
                    progress.update(task, completed=done.many)
            except KeyboardInterrupt:
                exit_code = ExitCode.INTERRUPTED
    document = done.document() | {"interrupted": exit_code == ExitCode.INTERRUPTED}
    if exit_code == ExitCode.DONE and document["errors"]:
        exit_code = ExitCode.FAILED

    def draw(console: Console) -> None:
        rows = [[name, str(many)] for name, many in (document["outcomes"] | document["errors"]).items()]
        if rows:
            console.print(table("became", "messages", rows=rows))
        for fault in document["faults"]:
            console.print(f"{fault['inbound_event_id']}: {fault['code']}")
        console.print(f"{document['replayed']} replayed{', interrupted' if document['interrupted'] else ''}.")

    return Answer(document, draw, exit_code)


def tools_of(found: Opened) -> Tools:
    """Return what verbs need beside a session; the key that indexes e-mails is read from the database."""
    key_ring = KeyRing(found.database, found.sealer, found.clock)
    return Tools(key_ring, found.sealer, Emails(key_ring.email_index_key()))


def _tenant(session: Session, app: str, source_id: str | None) -> Tenant:
    tenant = find_tenant(session, public_id=app)
    if source_id is not None:
        # A word that is mistyped would replay nothing, and look as if nothing were parked.
        read_source(session, app_id=tenant.app_id, source_id=source_id)
    return tenant


def _next_ids(found: Opened, tenant: Tenant, chosen: Chosen, after: str | None) -> Sequence[str]:
    return found.read(
        lambda session: chosen_ids(session, app_id=tenant.app_id, chosen=chosen, after=after, limit=_AT_ONCE)
    )


@dataclass(slots=True)
class _Done:
    """What has become of the messages so far; there may be more of them than fit into memory."""

    many: int = 0
    last: str | None = None
    outcomes: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    faults: list[dict[str, str]] = field(default_factory=list)

    def add(self, one: Replayed) -> None:
        self.many, self.last = self.many + 1, one.inbound_id
        if one.answer is not None:
            self.outcomes[one.answer.outcome] += 1
        if one.problem is not None:
            self.errors[one.problem.code] += 1
            if len(self.faults) < _FAULTS_MAX:
                self.faults.append({"inbound_event_id": one.inbound_id, "code": one.problem.code})

    def document(self) -> dict[str, Any]:
        return {
            "replayed": self.many,
            "outcomes": dict(sorted(self.outcomes.items())),
            "errors": dict(sorted(self.errors.items())),
            "faults": self.faults,
        }
