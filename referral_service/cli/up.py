"""Everything in one command: the schema, the keys, something to try, the web server and the worker."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click
import orjson

from referral_service import __version__
from referral_service.cli.answers import wants_json
from referral_service.cli.commands import Command
from referral_service.cli.first_start import Demo, Secrets, curl_lines, key_file, pages, prepare_demo, share_url
from referral_service.cli.opening import opened, upgrade
from referral_service.cli.serving import demand_free_port, local_url, serve_until_stopped
from referral_service.config import Settings


@click.command(
    "up",
    cls=Command,
    examples=["referral-service up", "PORT=9000 REFERRAL_DATA_DIR=/srv/referrals referral-service up"],
)
@click.option("--demo/--no-demo", default=True, show_default=True, help="Make a demo shop where there is no app yet.")
def up(demo: bool) -> None:
    """Bring the database up to date and serve, with the worker inside, until SIGTERM or Ctrl-C.

    The first start makes an operator's key and a demo shop, and prints lines for curl that play a referral.
    """
    with opened(any_schema=True) as found:
        settings = found.settings
        # Before anything is made: a second `up` by mistake should change nothing.
        demand_free_port(settings)
        upgrade(found)
        shop, secrets = prepare_demo(found) if demo else (None, None)
    if wants_json():
        announcement = orjson.dumps(_document(settings, shop, secrets), option=orjson.OPT_INDENT_2).decode()
    else:
        announcement = "\n".join(_lines(settings, shop, secrets))
    serve_until_stopped(settings, workers=1, with_worker=True, announcement=announcement)


def _document(settings: Settings, demo: Demo | None, secrets: Secrets | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "url": local_url(settings),
        "docs_url": f"{local_url(settings)}/docs",
        "data_dir": str(settings.data_dir.resolve()),
        "demo": None,
    }
    if demo is not None:
        document["demo"] = asdict(demo) | {
            "share_url": share_url(settings, demo),
            "key_file": str(key_file(settings)),
            "curl": curl_lines(settings, demo),
        }
        if secrets is not None:
            document["operator_key"] = secrets.operator_key
            document["demo"]["api_key"] = secrets.api_key
    return document


def _lines(settings: Settings, demo: Demo | None, secrets: Secrets | None) -> list[str]:
    url = local_url(settings)
    lines = [
        f"Referral service {__version__} is running. Ctrl-C stops it.",
        "",
        f"  API           {url}",
        f"  Reference     {url}/docs",
        f"  Data          {settings.data_dir.resolve()}" if settings.is_sqlite else "  Data          PostgreSQL",
    ]
    if settings.development:
        lines.append("  Development   webhooks may go to this machine; landing pages may be http")
    if secrets is not None:
        lines += [f"  Operator key  {secrets.operator_key}", "                (opens apps; shown this once)"]
    if demo is None:
        return lines
    lines += [
        "",
        "The demo shop, a test app, where Alice has a code to share:",
        "",
        f"  App           {demo.app_id}",
        f"  API key       {secrets.api_key}" if secrets else f"  API key       in {key_file(settings)}",
        f"  Program       {demo.program_id}",
        f"  Alice's code  {demo.code}",
        f"  Her link      {share_url(settings, demo)}",
        *(f"  {name:<14}{address}" for name, address in pages(settings, demo).items()),
        "",
        "Bob claims her code and buys something; then see why she has her reward. In another terminal:",
        "",
    ]
    return lines + [f"  {line}" for line in curl_lines(settings, demo)]
