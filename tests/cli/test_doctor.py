from __future__ import annotations

from cli.runner import Cli
from sqlalchemy import text

from referral_service.config import load_settings
from referral_service.kit.db.engines import Database


def forge_the_audit_log(*, app_number: int) -> None:
    """Somebody with access to the database puts another name under the first act."""
    database = Database(load_settings().database_url)
    with database.write_engine.begin() as connection:
        forged = text("UPDATE audit_log SET actor = 'mallory' WHERE seq = 1 AND app_id = :app_id")
        assert connection.execute(forged, {"app_id": app_number}).rowcount == 1
    database.dispose()


def test_good_books_exit_with_0_and_tell_what_was_looked_at(embedded_cli: Cli) -> None:
    embedded_cli.json("apps", "create", "Shop")
    embedded_cli.run("worker", "--once")
    report = embedded_cli.json("doctor")
    assert report["ok"]
    checks = {check["invariant"]: check for check in report["checks"]}
    assert {"I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I13", "I15"} <= set(checks)
    assert all(check["violations"] == [] for check in checks.values())
    assert checks["I11"]["checked"] > 0
    said = embedded_cli.run("doctor").stdout
    assert all(invariant in said for invariant in checks)
    assert "Everything is as it should be." in said


def test_what_is_wrong_exits_with_1_and_is_named(embedded_cli: Cli) -> None:
    made = embedded_cli.json("apps", "create", "Shop")
    embedded_cli.run("worker", "--once")
    forge_the_audit_log(app_number=1)
    report = embedded_cli.json("doctor", exits=1)
    assert not report["ok"]
    (wrong,) = [check for check in report["checks"] if check["violations"]]
    assert wrong["invariant"] == "I11"
    result = embedded_cli.run("doctor", exits=1)
    assert wrong["violations"][0]["object_id"] in result.stdout
    assert "Something is wrong" in result.stdout
    embedded_cli.run("doctor", "--app", made["app_id"], exits=1)


def test_one_app_is_examined_apart_from_the_others(embedded_cli: Cli) -> None:
    embedded_cli.json("apps", "create", "Shop")
    other = embedded_cli.json("apps", "create", "Other")
    embedded_cli.run("worker", "--once")
    forge_the_audit_log(app_number=1)
    embedded_cli.run("doctor", "--app", other["app_id"])
    embedded_cli.run("doctor", "--app", "shop", exits=1)
    assert embedded_cli.json("doctor", "--app", "nobody", exits=1)["code"] == "not_found"


def test_every_database_is_examined(cli: Cli) -> None:
    """PostgreSQL is not safe as the tests run it, and the doctor says so."""
    cli.json("apps", "create", "Shop")
    on_postgresql = load_settings().database_url.startswith("postgresql")
    report = cli.json("doctor", exits=1 if on_postgresql else 0)
    wrong = {check["invariant"] for check in report["checks"] if check["violations"]}
    assert wrong == ({"I15"} if on_postgresql else set())
