"""Sources from the command line: listed, replayed, and filled with a provider's history."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from cli.processes import Process, eventually, free_port, service_environment
from cli.runner import Cli
from cli.test_apps import bearer
from flask.testing import FlaskClient
from webhooks_in.shop_bodies import meta_data, woo_order

from referral_service.cli.answers import ExitCode
from referral_service.cli.interrupts import Interrupts
from referral_service.kit.clock import SystemClock, format_rfc3339
from referral_service.webhooks_in.backfill.take_in import take_in

SECRET = "7Q2M4XTD tests only K7QM3XTD9"


class Shop:
    """An app with a source, and its orders."""

    def __init__(self, client: FlaskClient, app: Any, *, provider: str = "woocommerce") -> None:
        self.client, self.app = client, app
        self.source = self.post("/v1/sources", {"provider": provider, "secret": SECRET})["id"]

    def post(self, path: str, body: Any = None) -> Any:
        answer = self.client.post(path, json=body, headers=bearer(self.app["api_key"]))
        assert answer.status_code < 300, answer.get_data(as_text=True)
        return answer.json

    def inbound(self) -> list[Any]:
        answer = self.client.get("/v1/inbound-events?limit=100", headers=bearer(self.app["api_key"]))
        found: list[Any] = answer.json["items"]  # type: ignore[index]
        return found


@pytest.fixture
def shop(cli: Cli, client: FlaskClient) -> Shop:
    return Shop(client, cli.json("apps", "create", "Shop"))


def orders(many: int) -> str:
    return "".join(
        json.dumps(woo_order(id=number, order_key=f"k{number}", meta_data=meta_data(referral_customer_id=f"c{number}")))
        + "\n"
        for number in range(1, many + 1)
    )


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A file of 120 orders, the third of which cannot be read and the fourth of which is not paid."""
    lines = orders(120).splitlines()
    lines[2], lines[3] = "{", json.dumps(woo_order(id=4, status="pending", date_paid_gmt=None))
    path = tmp_path / "orders.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


# --- list and replay ---------------------------------------------------------------------------------------------


def test_sources_are_listed_with_their_addresses(cli: Cli, shop: Shop) -> None:
    (listed,) = cli.json("sources", "list", "--app", shop.app["slug"])["items"]
    assert listed["id"] == shop.source
    assert listed["url"].endswith(f"/v1/hooks/{shop.source}")
    assert shop.source in cli.run("sources", "list", "--app", shop.app["app_id"]).stdout


def test_all_that_is_parked_is_replayed(cli: Cli, shop: Shop, history: Path) -> None:
    cli.json("sources", "backfill", shop.source, str(history), exits=1)
    done = cli.json("sources", "replay", "--app", shop.app["app_id"], "--reason", "no_referral")
    assert (done["replayed"], done["outcomes"], done["errors"]) == (118, {"parked": 118}, {})
    none = cli.json("sources", "replay", "--app", shop.app["app_id"], "--state", "ignored", "--source", shop.source)
    assert none["replayed"] == 0
    assert "118 replayed." in cli.run("sources", "replay", "--app", shop.app["app_id"]).stdout


def test_a_source_that_is_not_there_is_not_replayed_in_silence(cli: Cli, shop: Shop) -> None:
    said = cli.json("sources", "replay", "--app", shop.app["app_id"], "--source", "src_1_nothing", exits=1)
    assert said["code"] == "source_not_found"


# --- backfill ----------------------------------------------------------------------------------------------------


def test_a_history_is_read_in_once_and_what_is_wrong_with_it_is_told(cli: Cli, shop: Shop, history: Path) -> None:
    done = cli.json("sources", "backfill", shop.source, str(history), exits=1)
    assert (done["records"], done["new"], done["ignored"], done["unreadable"]) == (120, 118, 1, 1)
    assert [fault["line"] for fault in done["faults"]] == [3]
    assert (done["last_line"], done["outcomes"]) == (120, {"parked": 118})
    again = cli.json("sources", "backfill", shop.source, str(history), exits=1)
    assert (again["already"], again["new"]) == (118, 0)
    drawn = cli.run("sources", "backfill", shop.source, str(history), exits=1).stdout
    assert "line 3: The line is not one JSON document." in drawn
    assert drawn.splitlines()[-1] == "Done to the record in line 120: 120 records."


def test_a_dry_run_changes_nothing(cli: Cli, shop: Shop, history: Path) -> None:
    said = cli.json("sources", "backfill", shop.source, str(history), "--dry-run", exits=1)
    assert (said["dry_run"], said["new"], shop.inbound()) == (True, 118, [])
    assert (
        "nothing was changed" in cli.run("sources", "backfill", shop.source, str(history), "--dry-run", exits=1).stdout
    )


def test_standard_input_is_read_from_a_line_on(cli: Cli, shop: Shop) -> None:
    done = cli.json("sources", "backfill", shop.source, "-", "--from-line", "6", given=orders(10))
    assert (done["records"], done["new"], done["last_line"]) == (5, 5, 10)


def test_a_table_is_read_and_one_that_is_not_understood_is_refused_before_anything(
    cli: Cli, shop: Shop, tmp_path: Path
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("order_id,amount,currency,occurred_at,email\n1,50.00,USD,2026-02-01T12:00:00Z,bob@example.com\n")
    assert cli.json("sources", "backfill", shop.source, str(path))["new"] == 1
    path.write_text("order_id,amount,currency,occurred_at,colour\n2,50.00,USD,2026-02-01T12:00:00Z,red\n")
    said = cli.json("sources", "backfill", shop.source, str(path), exits=1)
    assert said["code"] == "unusable_file"
    assert "not known: colour" in said["detail"]
    assert len(shop.inbound()) == 1


@pytest.mark.parametrize("source", ["src_1_nothing", "orders", "src_1_api"])
def test_a_source_that_is_not_there_takes_nothing_in(cli: Cli, shop: Shop, history: Path, source: str) -> None:
    assert cli.json("sources", "backfill", source, str(history), exits=1)["code"] == "source_not_found"
    assert shop.inbound() == []


def test_a_file_that_is_not_there_is_a_wrong_command(cli: Cli) -> None:
    assert cli.json("sources", "backfill", "src_1_x", "nowhere.jsonl", exits=2)["code"] == "usage"


def test_ctrl_c_ends_it_after_the_records_at_hand_and_a_second_run_goes_on(
    cli: Cli, shop: Shop, history: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: Any, **how: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return take_in(*args, **how)

    with monkeypatch.context() as pressed:
        pressed.setattr("referral_service.cli.backfill.take_in", interrupted)
        said = cli.json("sources", "backfill", shop.source, str(history), exits=ExitCode.INTERRUPTED)
        assert (said["interrupted"], said["records"], said["last_line"]) == (True, 50, 50)
    assert len(shop.inbound()) == 48
    rest = cli.json("sources", "backfill", shop.source, str(history), "--from-line", str(said["last_line"] + 1))
    assert (rest["new"], rest["already"]) == (70, 0)
    whole = cli.json("sources", "backfill", shop.source, str(history), exits=1)
    assert (whole["new"], whole["already"]) == (0, 118)


def press(interrupts: Interrupts, times: int) -> list[str]:
    """What has been done inside when Ctrl-C is pressed so often in the middle of it."""
    done: list[str] = []
    with suppress(KeyboardInterrupt), interrupts.held():
        for _ in range(times):
            interrupts.handle(signal.SIGINT, None)
        done.append("all")
    return done


def test_the_first_ctrl_c_waits_for_what_is_at_hand_and_the_second_does_not() -> None:
    assert press(Interrupts(), 1) == ["all"]
    assert press(Interrupts(), 2) == []
    with pytest.raises(KeyboardInterrupt):
        Interrupts().handle(signal.SIGINT, None)


# --- processes that are killed -------------------------------------------------------------------------------------

MANY = 2000


@pytest.fixture
def started(running: Process) -> Iterator[tuple[Process, str]]:
    """A running service, and the id of a source in it."""
    app = running.cli.json("apps", "create", "Shop")
    with running.http(app["api_key"]) as http:
        made = http.post("/v1/sources", json={"provider": "woocommerce", "secret": SECRET})
        yield running, made.json()["id"]


def total(service: Process, source: str, file: Path) -> int:
    """How many of the file's orders have been taken in."""
    found: int = service.cli.json("sources", "backfill", source, str(file), "--dry-run")["already"]
    return found


def purchases(service: Process) -> int:
    """How many there are, asked of the file itself: the command would take so long that the run might be over."""
    with closing(sqlite3.connect(f"file:{service.data_dir / 'referral.db'}?mode=ro", uri=True)) as database:
        count: int = database.execute("SELECT count(*) FROM purchases").fetchone()[0]
        return count


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_ended_is_simply_run_again(started: tuple[Process, str], tmp_path: Path, number: int) -> None:
    service, source = started
    file = tmp_path / "orders.jsonl"
    at = SystemClock().now()
    with file.open("w") as lines:
        for order in range(1, MANY + 1):
            one = woo_order(
                id=order, order_key=f"k{order}", meta_data=meta_data(referral_customer_id=f"c{order % 300}")
            )
            lines.write(json.dumps({**one, "date_paid_gmt": format_rfc3339(at)}) + "\n")
    environment = service_environment(service.data_dir, free_port())
    before = purchases(service)
    first = Process(["sources", "backfill", source, str(file), "--json"], environment, tmp_path)
    eventually(lambda: purchases(service) > before or not first.runs())
    exit_code = first.stop(number)
    assert exit_code in {-signal.SIGKILL, ExitCode.INTERRUPTED}, first.log()
    done = total(service, source, file)
    assert 0 < done < MANY
    # A batch is there whole or not at all.
    assert done % 50 == 0
    if number == signal.SIGINT:
        said = first.document()
        assert (said["new"], said["last_line"], said["interrupted"]) == (done, done, True)
    again = service.cli.json("sources", "backfill", source, str(file))
    assert (again["already"], again["new"], again["failed"]) == (done, MANY - done, 0)
    assert total(service, source, file) == MANY
