"""What the pages say is there: links, commands, settings, addresses, and the lines that a first start prints."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import click
import pytest
from house.markdown_pages import Page, page, pages
from house.source_tree import PACKAGE, ROOT, parsed
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import MapAdapter

from referral_service.app import close, create_app
from referral_service.cli.first_start import Demo, curl_lines, key_file
from referral_service.cli.root import main
from referral_service.config import Settings
from referral_service.webhooks_in.providers.stripe_events import _MEANINGS
from referral_service.webhooks_out.endpoints.event_types import EVENT_TYPES, TEST

COMMAND = re.compile(r"(?:^|[\s/])referral-service +([^`|>;)]*)")
COMPOSE = re.compile(r"docker compose run (?:--\S+ )*(?:worker|web|migrate) (.*)")
VARIABLE = re.compile(r"\b(?:REFERRAL_[A-Z_]+[A-Z]|PORT)\b")
ADDRESS = re.compile(
    r"(?:\b(GET|POST|PUT|PATCH|DELETE) )?(?<![\w….~/-])(?:\$URL|http://127\.0\.0\.1:\d+)?"
    r"(/(?:v1|r|i|q|me|healthz|readyz|metrics|docs|openapi\.yaml)(?:/[^\s\"'`?#,;|)]*)?)(?![\w.])"
)
PLACEHOLDER = re.compile(r"\{[^}]*\}|\$\w+|…")


def settings_for(database_url: str) -> Settings:
    """What nobody has changed."""
    return Settings(
        database_url=database_url,
        base_url="http://127.0.0.1:8080",
        master_keys={"k1": "a-secret-of-the-house-tests-0123456789"},
    )


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MapAdapter]:
    app = create_app(settings_for(f"sqlite:///{tmp_path_factory.mktemp('docs') / 'docs.db'}"))
    yield app.url_map.bind("127.0.0.1")
    close(app)


# --- links -----------------------------------------------------------------------------------------------------


def broken_links(of: Page) -> list[str]:
    """Relative links that lead to no file, or to no heading of it."""
    broken = []
    for target in of.links:
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = unquote(target).partition("#")
        path = of.path if not name else (of.path.parent / name).resolve()
        if not path.exists() or (anchor and anchor not in Page(path).anchors):
            broken.append(target)
    return broken


def test_every_link_leads_somewhere() -> None:
    all_pages = pages()
    assert sum(len(each.links) for each in all_pages) > 40
    assert {each.name: broken for each in all_pages if (broken := broken_links(each))} == {}


def test_a_link_that_leads_nowhere_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("# A page\n\n[a](#a-page) [b](#gone) [c](gone.md) [d](https://example.com) [e](page.md#gone)\n")
    assert broken_links(Page(path)) == ["#gone", "gone.md", "page.md#gone"] * 2


def test_pictures_are_whole_and_load_nothing() -> None:
    pictures = sorted((ROOT / "docs" / "images").glob("*.svg"))
    assert len(pictures) >= 2
    for picture in pictures:
        text = picture.read_text(encoding="utf-8")
        assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
        assert not re.search(r"<script|<image|@import|@font-face|href=|url\((?!#)", text), picture.name
        assert f"images/{picture.name})" in page("README.md").text


# --- commands --------------------------------------------------------------------------------------------------


def commands_in(of: Page) -> Iterator[list[str]]:
    for line in of.code_lines:
        for rest in COMMAND.findall(line) + COMPOSE.findall(line):
            yield shlex.split(rest, comments=True)


def fault_of(words: list[str]) -> str | None:
    """Why the command line would not take these words, None where it would."""
    command: click.Command = main
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.commands.get(words[0])
        if found is None:
            return f"no command {words[0]}"
        command, words = found, words[1:]
    if isinstance(command, click.Group) and not words:
        return None
    try:
        # The one placeholder that has to be a number.
        command.make_context(command.name, ["1" if word == "KID" else word for word in words])
    except click.exceptions.Exit:
        return None
    except click.ClickException as error:
        return error.format_message()
    return None


def test_every_command_is_one_that_the_command_line_takes() -> None:
    written = [(each.name, words) for each in pages() for words in commands_in(each)]
    assert len(written) > 30
    faults = [(name, " ".join(words), fault) for name, words in written if (fault := fault_of(words))]
    assert faults == []


@pytest.mark.parametrize("words", [["fly"], ["keys", "fly"], ["keys", "rotate", "--fast"], ["keys", "revoke"]])
def test_a_command_that_is_none_is_seen(words: list[str]) -> None:
    assert fault_of(words) is not None


def leaves(group: click.Group, *path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, *path, name)
        else:
            yield " ".join((*path, name))


def test_every_command_is_in_the_readme() -> None:
    readme = page("README.md").text
    assert [path for path in leaves(main) if f"`referral-service {path}" not in readme] == []


def test_the_map_of_the_house_shows_every_room() -> None:
    rooms = [path.parent.name for path in sorted(PACKAGE.glob("*/__init__.py"))]
    assert len(rooms) > 18
    readme = page("README.md").text
    assert [room for room in rooms if f"[`{room}/`](referral_service/{room})" not in readme] == []


# --- settings --------------------------------------------------------------------------------------------------


def variables_read() -> set[str]:
    """Every variable that config.py reads."""
    calls = [node for node in ast.walk(parsed(PACKAGE / "config.py")) if isinstance(node, ast.Call)]
    named = [call.args[0] for call in calls if call.args and isinstance(call.args[0], ast.Constant)]
    return {str(name.value) for name in named if VARIABLE.fullmatch(str(name.value))}


def test_the_readme_names_every_setting_and_no_other() -> None:
    table = re.findall(r"^\| `([A-Z_]+)` \|", page("README.md").text, re.MULTILINE)
    assert len(table) > 8
    assert sorted(table) == sorted(variables_read())


def test_no_page_names_a_setting_that_nobody_reads() -> None:
    compose = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text(encoding="utf-8")))
    options = {str(p.envvar) for p in main.commands["demo"].params if isinstance(p, click.Option) and p.envvar}
    known = variables_read() | compose | options
    unknown = {each.name: sorted(set(VARIABLE.findall(each.text)) - known) for each in pages()}
    assert {name: found for name, found in unknown.items() if found} == {}


# --- addresses -------------------------------------------------------------------------------------------------


def addresses_in(of: Page) -> Iterator[tuple[str | None, str]]:
    """Method, None where the page names none, and path of everything that looks like an address of the API."""
    for line in of.code_lines:
        for method, path in ADDRESS.findall(line):
            said = method or None
            if "curl " in line and f"$URL{path}" in line:
                explicit = re.search(r"-X ([A-Z]+)", line)
                said = explicit[1] if explicit else "POST" if " -d " in line else "GET"
            yield said, PLACEHOLDER.sub("x", path)


def is_served(addresses: MapAdapter, method: str | None, path: str) -> bool:
    try:
        addresses.match(path, method=method or "GET")
    except MethodNotAllowed:
        return method is None
    except NotFound:
        return False
    return True


def test_every_address_is_served(addresses: MapAdapter) -> None:
    written = {(each.name, *found) for each in pages() for found in addresses_in(each)}
    assert len(written) > 50
    assert sorted(str(it) for it in written if not is_served(addresses, it[1], it[2])) == []


@pytest.mark.parametrize("line", ["`/v1/fly`", "`DELETE /v1/events`", "`/v1/codes/{code}/fly`", "`/q/…`"])
def test_an_address_that_is_not_served_is_seen(line: str, addresses: MapAdapter, tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(line)
    ((method, found),) = addresses_in(Page(path))
    assert not is_served(addresses, method, found)


# --- what others say too ---------------------------------------------------------------------------------------


def test_the_readme_has_the_very_lines_that_a_first_start_prints() -> None:
    settings = settings_for("sqlite://")
    printed = curl_lines(settings, Demo(app_id="app_…", program_id="prg_…", code="ALICE20", signed_code="…"))
    shown = [line for block in page("README.md").blocks if block.language == "sh" for line in block.text.splitlines()]
    wanted = [line.replace(shlex.quote(str(key_file(settings))), "data/demo_key") for line in printed]
    assert [line for line in shown if line in wanted] == wanted


def test_the_table_of_stripe_events_has_every_event_that_means_something() -> None:
    table = re.findall(r"^\| `([a-z_.]+\.[a-z_]+)` \|", page("docs/webhooks.md").text, re.MULTILINE)
    assert sorted(table) == sorted(_MEANINGS)


def test_the_guides_name_every_type_of_notification() -> None:
    named = {*page("docs/integration.md").spans, *page("docs/webhooks.md").spans}
    # In this version nothing is put under review.
    told = {TEST, *EVENT_TYPES} - {"referral.under_review", "reward.under_review"}
    assert sorted(told - named) == []
