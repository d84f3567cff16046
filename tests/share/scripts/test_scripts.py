"""The scripts over HTTP: whose settings they carry, how they are cached, how much they weigh."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from asked import statements
from flask.testing import FlaskClient
from sqlalchemy import update

import referral_service.share
from builders import Api, a_program, expect
from referral_service.kit.db.engines import Database
from referral_service.kit.ids import new_id
from referral_service.programs.models import Program

SHARE = Path(referral_service.share.__file__).parent
SOURCES = {
    "attribution.js": SHARE / "scripts" / "attribution.js",
    "widget.js": SHARE / "scripts" / "widget.js",
    "embed.js": SHARE / "pages" / "static" / "embed.js",
}
COMPRESSED_BYTES_MAX = 5 * 1024
KINDS = ("attribution", "widget")
GZIP = {"Accept-Encoding": "gzip, br"}
PLAIN = {"Accept-Encoding": "identity"}


def settings_in(client: FlaskClient, program: Any, kind: str = "attribution") -> Any:
    """Return what a program's script is set to."""
    answer = client.get(f"/{kind}/{program['id']}.js", headers=PLAIN)
    assert answer.status_code == 200
    found = re.search(r"const PROGRAM = (\{.*\});", answer.get_data(as_text=True))
    assert found is not None
    return json.loads(found[1])


def test_the_attribution_script_knows_its_program(client: FlaskClient, api: Api) -> None:
    program = a_program(api, attribution={"touch": "first", "window_days": 90})
    names = {"code_parameter": "friend", "click_parameter": "friend~click"}
    expect(api.patch(f"/v1/programs/{program['id']}", names), 200)
    assert settings_in(client, program) == {
        "id": program["id"],
        "code_parameter": "friend",
        "click_parameter": "friend~click",
        "touch": "first",
        "window_days": 90,
        "consent": False,
    }
    assert settings_in(client, program, "widget") == {"id": program["id"]}


@pytest.mark.parametrize(
    ("branding", "consent"),
    [({}, False), ({"attribution_consent": True}, True), ({"attribution_consent": False}, False)],
)
def test_whether_consent_is_asked_for_stands_in_the_branding(
    client: FlaskClient, api: Api, database: Database, branding: dict[str, Any], consent: bool
) -> None:
    program = a_program(api)
    change = update(Program).where(Program.id == program["id"]).values(branding=branding)
    database.transact(lambda session: session.execute(change))
    assert settings_in(client, program)["consent"] is consent


@pytest.mark.parametrize("step", ["pause", "archive"])
def test_a_site_does_not_break_when_its_program_ends(client: FlaskClient, api: Api, step: str) -> None:
    program = a_program(api)
    expect(api.post(f"/v1/programs/{program['id']}/{step}"), 200)
    assert settings_in(client, program)["id"] == program["id"]


@pytest.mark.parametrize("kind", KINDS)
def test_any_site_may_load_a_script_and_keep_it_for_minutes(client: FlaskClient, api: Api, kind: str) -> None:
    program = a_program(api)
    answer = client.get(f"/{kind}/{program['id']}.js", headers=GZIP)
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("kind", KINDS)
def test_a_script_weighs_less_than_five_kilobytes(client: FlaskClient, api: Api, kind: str) -> None:
    program = a_program(api)
    compressed = client.get(f"/{kind}/{program['id']}.js", headers=GZIP)
    plain = client.get(f"/{kind}/{program['id']}.js", headers=PLAIN)
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(compressed.data) == plain.data
    assert len(compressed.data) < COMPRESSED_BYTES_MAX


@pytest.mark.parametrize("kind", KINDS)
def test_an_unchanged_script_is_not_sent_again(client: FlaskClient, api: Api, kind: str) -> None:
    program = a_program(api)
    path = f"/{kind}/{program['id']}.js"
    tag = client.get(path, headers=PLAIN).headers["ETag"]
    for headers in (GZIP, PLAIN):
        again = client.get(path, headers={**headers, "If-None-Match": tag})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["Cache-Control"] == "public, max-age=300"
    assert client.get(path, headers={"If-None-Match": 'W/"another"'}).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_program_has_no_script(client: FlaskClient, api: Api, kind: str) -> None:
    program = a_program(api)
    for program_id in (new_id("prg"), new_id("ref"), "prg_", "x", program["id"].upper(), f"{program['id']}.js"):
        answer = client.get(f"/{kind}/{program_id}.js")
        assert expect(answer, 404)["code"] == "not_found"
        assert answer.headers["Cache-Control"] == "no-store"


def test_most_visits_cost_no_query(client: FlaskClient, api: Api, database: Database) -> None:
    program = a_program(api)
    unknown = new_id("prg")
    with statements(database, "FROM program") as asked:
        for _ in range(3):
            for kind in KINDS:
                settings_in(client, program, kind)
                assert client.get(f"/{kind}/{unknown}.js").status_code == 404
    # The program, its terms where nobody has needed them yet, and that there is no other.
    assert 2 <= len(asked) <= 3


def test_a_test_app_sees_a_change_at_once(client: FlaskClient, trial_api: Api) -> None:
    program = a_program(trial_api)
    assert settings_in(client, program)["code_parameter"] == "ref"
    expect(trial_api.patch(f"/v1/programs/{program['id']}", {"code_parameter": "friend"}), 200)
    assert settings_in(client, program)["code_parameter"] == "friend"


@pytest.mark.parametrize("name", SOURCES)
def test_no_script_can_send_write_html_or_set_a_cookie(name: str) -> None:
    source = re.sub(r"//.*", "", SOURCES[name].read_text(encoding="utf-8"))
    forbidden = r"fetch|XMLHttpRequest|sendBeacon|WebSocket|EventSource|cookie|innerHTML|outerHTML|\beval\b|\.write\("
    assert re.findall(forbidden, source) == []
    assert len(gzip.compress(source.encode())) < COMPRESSED_BYTES_MAX


def test_both_sides_of_the_frame_speak_of_the_same_messages() -> None:
    spoken = [
        re.findall(r'^\s+(\w+: "referral:\w+")', SOURCES[name].read_text(encoding="utf-8"), re.MULTILINE)
        for name in ("widget.js", "embed.js")
    ]
    assert len(spoken[0]) == 3
    assert spoken[0] == spoken[1]
