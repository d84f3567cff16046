"""`up` as a stranger starts it: a process on a free port, spoken to over HTTP."""

from __future__ import annotations

import re
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import orjson
from cli.processes import Process, eventually, free_port, service_environment, started
from cli.runner import Cli

from referral_service.codes.signed_code import sign_code
from referral_service.config import parse_master_keys
from referral_service.kit.clock import FixedClock, parse_rfc3339
from referral_service.kit.crypto import Sealer
from referral_service.kit.db.engines import Database
from referral_service.signing.key_ring import KeyRing

CLAIM = {"code": "ALICE20", "referee": {"customer_id": "carol"}}


def pasted(lines: list[str]) -> list[Any]:
    """Run shell lines as they were printed, and return the JSON documents that they print."""
    done = subprocess.run(["bash", "-eu"], input="\n".join(lines), capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [orjson.loads(line) for line in done.stdout.splitlines()]


def printed_lines(process: Process) -> list[str]:
    said = process.output().partition("In another terminal:\n\n")[2]
    return [line.removeprefix("  ") for line in said.splitlines()]


def test_the_first_start_prints_everything_and_its_lines_work_as_printed(tmp_path: Path) -> None:
    port = free_port()
    first = started(tmp_path, port)
    try:
        said = first.output()
        keys = re.findall(r"sk_(?:operator|test)_\w{43}", said)
        assert [key.split("_")[1] for key in keys] == ["operator", "test"]
        assert f"{first.url}/docs" in said
        claim, purchase, explanation, balances = pasted(printed_lines(first))
        assert (claim["state"], claim["referrer"]["customer_id"]) == ("pending", "alice")
        assert (purchase["outcome"], len(purchase["reward_ids"])) == ("converted", 2)
        assert (explanation["referral_id"], explanation["state"]) == (claim["id"], "converted")
        assert balances["items"] == [{"unit": "USD", "available": 1800, "pending": 0}]
        with first.http(keys[0]) as operator:
            assert operator.post("/v1/apps", json={"name": "Mine"}).status_code == 201
        for name in ("demo_key", "demo.json", "secret_keys"):
            assert stat.S_IMODE((first.data_dir / name).stat().st_mode) == 0o600
        assert first.stop() == 0
        assert not any(key in first.log() for key in keys)
        assert "alice" not in first.log().lower()
    finally:
        first.kill()
    again = started(tmp_path, port)
    try:
        assert not re.search(r"sk_\w+_\w{43}", again.output())
        assert printed_lines(again) == printed_lines(first)
        # Told again, nothing happens again.
        claim_again, purchase_again, _, balances_again = pasted(printed_lines(again))
        assert (claim_again["id"], purchase_again["duplicate"]) == (claim["id"], True)
        assert balances_again == balances
        assert again.cli.json("doctor")["ok"]
    finally:
        assert again.stop() == 0


def test_everything_is_told_as_one_document(running: Process) -> None:
    document = running.document()
    assert document["url"] == running.url
    assert document["operator_key"].startswith("sk_operator_")
    assert document["demo"]["api_key"] == (running.data_dir / "demo_key").read_text()
    assert document["demo"]["share_url"].startswith(f"{running.url}/r/")
    redirect = httpx.get(document["demo"]["share_url"], trust_env=False)
    assert redirect.status_code == 302
    assert redirect.headers["location"].startswith("https://app.example/welcome?ref=ALICE20")


def test_a_second_start_on_the_same_port_is_refused_and_changes_nothing(running: Process, tmp_path: Path) -> None:
    port = running.environment["PORT"]
    problem = Cli(service_environment(tmp_path / "data", int(port))).json("up", exits=3)
    assert problem["code"] == "port_unavailable"
    assert f"Port {port} " in problem["detail"]
    assert not (tmp_path / "data" / "demo_key").exists()


def test_the_worker_works_inside(running: Process) -> None:
    """Positions are what only the worker gives."""
    with running.http(running.document()["demo"]["api_key"]) as app:
        assert app.post("/v1/referrals", json=CLAIM).status_code in (200, 201)
        listed = eventually(lambda: app.get("/v1/notifications").json()["items"])
    assert "referral.created" in {it["type"] for it in listed}


def test_the_demo_plays_the_whole_journey(running: Process) -> None:
    facts = running.cli.json("demo")
    assert facts["purchase"]["outcome"] == "converted"
    assert facts["repeated"]["duplicate"]
    assert [it["state"] for it in facts["held"]] == ["pending"] * 2
    assert [it["state"] for it in facts["released"]] == ["available"] * 2
    assert [it["state"] for it in facts["reversed"]] == ["clawed_back"] * 2
    for who in ("alice", "bob"):
        assert facts["balances"]["released"][who] == [{"unit": "USD", "available": 1000, "pending": 0}]
        assert facts["balances"]["reversed"][who] == [{"unit": "USD", "available": 0, "pending": 0}]
    assert all(check["passed"] for check in facts["explanation"]["checks"])
    assert (facts["referral"]["state"], len(facts["scenes"])) == ("reversed", 13)
    drawn = running.cli.run("demo", "--url", running.url).stdout
    assert "Bob" in drawn
    assert "nothing is granted twice" in drawn
    # The key that the journey made for itself is gone with it.
    listed = running.cli.json("keys", "list")["items"]
    assert [it["revoked_at"] is not None for it in listed if it["name"] == "Demo journey"] == [True, True]
    assert running.cli.json("doctor")["ok"]


def test_the_demo_takes_a_key_and_tells_when_it_is_refused(running: Process) -> None:
    key = running.document()["operator_key"]
    assert running.cli.json("demo", "--operator-key", key)["referral_id"]
    problem = running.cli.json("demo", "--operator-key", "sk_operator_" + 43 * "x", exits=1)
    assert (problem["code"], problem["problem"]["code"]) == ("journey_interrupted", "unauthorized")


def test_where_nothing_answers_the_demo_exits_with_4(tmp_path: Path) -> None:
    problem = Cli(service_environment(tmp_path / "data", free_port())).json("demo", exits=4)
    assert problem["code"] == "service_unreachable"
    # Not even a database was made.
    assert not list((tmp_path / "data").glob("referral.db*"))


def test_keys_rotate_under_a_running_service(running: Process) -> None:
    demo = running.document()["demo"]
    rotated = running.cli.json("keys", "rotate")
    assert httpx.get(demo["share_url"], trust_env=False).status_code == 302
    # As another process will sign once the new key is active: the running one knows it already.
    later = FixedClock(parse_rfc3339(rotated["active_from"]))
    keys, _ = parse_master_keys((running.data_dir / "secret_keys").read_text())
    database = Database(f"sqlite:///{running.data_dir / 'referral.db'}")
    try:
        ring = KeyRing(database, Sealer(keys), later)
        assert ring.current()[0] == rotated["kid"]
        signed = sign_code(ring, folded=demo["signed_code"][:7], app_id=1)
    finally:
        database.dispose()
    assert signed != demo["signed_code"]
    # It looks for a key that it does not know once a second at most, and may have looked just before this one was made.
    followed = 0
    for _ in range(5):
        followed = httpx.get(f"{running.url}/r/{signed}", trust_env=False).status_code
        if followed == 302:
            break
        time.sleep(0.5)
    assert followed == 302
    assert httpx.get(demo["share_url"], trust_env=False).status_code == 302


def test_no_demo_where_none_is_wanted(tmp_path: Path) -> None:
    process = started(tmp_path, free_port(), "--json", "--no-demo")
    try:
        assert process.document()["demo"] is None
        assert process.cli.json("apps", "list")["items"] == []
        assert process.interrupt() == 0
    finally:
        process.kill()
