"""The whole journey, played against the running service and drawn."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click
import httpx
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from referral_service.cli.answers import Answer, margin
from referral_service.cli.commands import Command
from referral_service.cli.demo_journey import Facts, Journey, Scene, unreachable
from referral_service.cli.opening import ACTOR, opened, settings
from referral_service.cli.serving import local_url
from referral_service.kit.clock import SystemClock
from referral_service.tenants.create_key import create_operator_key
from referral_service.tenants.revoke_key import revoke_key

_SECONDS_MAX = 15.0


@click.command(
    "demo", cls=Command, examples=["referral-service demo", "referral-service demo --url http://127.0.0.1:9000 --json"]
)
@click.option("--url", metavar="URL", help="Where the service runs; by default where these settings have it.")
@click.option(
    "--operator-key",
    envvar="REFERRAL_OPERATOR_KEY",
    show_envvar=True,
    help="By default one is made in this database, and revoked afterwards.",
)
def demo(url: str | None, operator_key: str | None) -> Answer:
    """Play a referral from the code to the refund against the running service, in a test app of its own.

    Exit code 4 where no service answers.
    """
    base_url = url or local_url(settings())
    # Proxies are for other machines' addresses; ours is usually this one.
    with httpx.Client(base_url=base_url, timeout=_SECONDS_MAX, follow_redirects=False, trust_env=False) as http:
        _demand_service(http)
        with _key(operator_key) as key:
            journey = Journey(http, operator_key=key, clock=SystemClock())
            scenes = list(_watched(journey))
    facts = journey.facts
    document = asdict(facts) | {"url": base_url, "scenes": [asdict(scene) for scene in scenes]}
    return Answer(document, lambda console: _draw(console, scenes, facts))


def _demand_service(http: httpx.Client) -> None:
    """Raise CommandFailed unless a service answers and is ready."""
    try:
        ready = http.get("/readyz").is_success
    except (httpx.TransportError, httpx.InvalidURL):
        ready = False
    if not ready:
        raise unreachable(str(http.base_url))


@contextmanager
def _key(given: str | None) -> Iterator[str]:
    """Give an operator's key: the caller's, or one that lives as long as the journey."""
    if given is not None:
        yield given
        return
    with opened() as found:
        made = found.transact(
            lambda session: create_operator_key(session, name="Demo journey", actor=ACTOR, now=found.clock.now())
        )
        try:
            yield made.secret
        finally:
            found.transact(
                lambda session: revoke_key(session, app_id=None, key_id=made.row.id, actor=ACTOR, now=found.clock.now())
            )


def _watched(journey: Journey) -> Iterator[Scene]:
    """Play the journey, with a bar where somebody watches."""
    if not sys.stderr.isatty():
        yield from journey.play()
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=margin(), transient=True) as progress:
        task = progress.add_task("", total=len(journey.scenes))
        for scene in journey.play():
            progress.update(task, advance=1, description=f"{scene.who} {scene.did}")
            yield scene


def _draw(console: Console, scenes: list[Scene], facts: Facts) -> None:
    story = Table(box=None, show_header=False, pad_edge=False)
    for style in ("dim", "bold", "", "cyan"):
        story.add_column(style=style, overflow="fold")
    for number, scene in enumerate(scenes, start=1):
        story.add_row(f"{number}", scene.who, scene.did, scene.outcome)
    console.print(Panel(story, title="A referral, from the code to the refund", title_align="left"))
    rewards = Table(title="The two rewards", title_justify="left", box=None, pad_edge=False)
    for column in ("", "bought", "hold over", "refunded"):
        rewards.add_column(column)
    for held, released, reversed_ in zip(facts.held, facts.released, facts.reversed, strict=True):
        rewards.add_row(held["customer_id"], held["state"], released["state"], reversed_["state"])
    console.print(rewards)
    checks = Table(title="Why, as /explain tells it", title_justify="left", box=None, pad_edge=False)
    for column in ("rule", "required", "observed", ""):
        checks.add_column(column, overflow="fold")
    for check in facts.explanation["checks"]:
        said = [str(check[name]) for name in ("rule", "required", "observed")]
        checks.add_row(*said, "passed" if check["passed"] else "not passed")
    console.print(checks)
