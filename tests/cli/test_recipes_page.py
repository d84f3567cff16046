"""docs/recipes.md is played: every command on it is run, and the numbers on it are those of the recipes."""

from __future__ import annotations

import re
import shlex
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cli.runner import Cli
from house.markdown_pages import Block, page

from cast import NOON
from referral_service.programs.load_recipe import list_recipes, load_recipe, recipe_names
from referral_service.programs.terms.document import Coupon, Credit, Percent, Points, Quota, Reward, Terms
from referral_service.programs.terms.parse import parse_terms

PAGE = page("docs/recipes.md")
SETTING = re.compile(r"--set (?:'([^']+)'|([^ `]+))")


def sections() -> dict[str, str]:
    """The page's text by its headings; what stands before the first is called by nothing."""
    parts = re.split(r"^## (.+)$", PAGE.text, flags=re.MULTILINE)
    return dict(zip(["", *parts[1::2]], parts[0::2], strict=True))


def lines_of(blocks: list[Block]) -> list[str]:
    return [line for block in blocks if block.language == "sh" for line in block.text.splitlines()]


def said_in(text: str) -> list[tuple[str, str]]:
    """Every `--set` in a text, as path and value."""
    found = [quoted or bare for quoted, bare in SETTING.findall(text)]
    return [(path, value) for path, _, value in (it.partition("=") for it in found)]


def test_every_command_on_the_page_does_what_it_says(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cli.json("apps", "create", "Shop")
    made: Any = None
    seen: set[str] = set()
    for line in lines_of(PAGE.blocks):
        given = Path("program.json").read_text() if line.startswith("cat program.json | ") else None
        command, _, file = line.removeprefix("cat program.json | ").partition(" > ")
        words = [made["id"] if word == "PROGRAM_ID" else word for word in shlex.split(command)[1:]]
        if file:
            Path(file).write_text(cli.run(*words).stdout)
        elif words[:2] == ["programs", "create"]:
            # Whatever is made of a recipe must be fit to run.
            assert cli.json(*words, "--activate", given=given)["status"] == "active", line
            made = cli.json(*words, given=given)
            seen.add(words[words.index("--recipe") + 1] if "--recipe" in words else "a file")
        else:
            cli.json(*words)
    assert seen == {*recipe_names(), "a file"}


def test_every_setting_on_the_page_changes_its_recipe() -> None:
    by_section = {name: said_in(text) for name, text in sections().items()}
    assert sum(map(len, by_section.values())) > 50
    for name, settings in by_section.items():
        # What holds for all of them must fit at least one.
        recipes = [name] if name in recipe_names() else recipe_names()
        for path, value in settings:
            assert any(changes(recipe, path, value) for recipe in recipes), f"{path}={value}"


def changes(recipe: str, path: str, value: str) -> bool:
    before = load_recipe(recipe, now=NOON)
    after = load_recipe(recipe, {path: value}, now=NOON) if path_exists(recipe, path) else before
    return before != after


def path_exists(recipe: str, path: str) -> bool:
    """Tell whether the path leads to something that a complete document has."""
    node: Any = parse_terms(load_recipe(recipe, now=NOON)["terms"])[0]
    for step in path.split("."):
        if isinstance(node, list) and step.isdigit() and int(step) < len(node):
            node = node[int(step)]
        elif isinstance(node, dict) and step in node:
            node = node[step]
        else:
            return False
    return True


@pytest.mark.parametrize("name", recipe_names())
def test_the_page_has_every_reward_event_and_number_of_the_recipe(name: str) -> None:
    section = sections()[name]
    spans = set(re.findall(r"`([^`\n]+)`", section))
    terms = parse_terms(load_recipe(name, now=NOON)["terms"])[1]
    events = {each.event for step in terms.qualification.steps for each in step.alternatives}
    events |= {reward.event_type for reward in terms.rewards if reward.event_type}
    keys = {reward.key for reward in terms.rewards}
    assert {*keys, *events} - spans == set()
    assert missing_in(section, terms) == []


def test_a_number_that_the_page_does_not_have_is_seen() -> None:
    terms = parse_terms(load_recipe("ride-credit", {"rewards.1.give.max_amount_minor": "4000"}, now=NOON)["terms"])[1]
    assert missing_in(sections()["ride-credit"], terms) == ["40.00"]


def missing_in(section: str, terms: Terms) -> list[str]:
    """The numbers of the terms that a section does not have."""
    return [it for it in sorted(numbers(terms)) if not re.search(rf"(?<![\d.]){re.escape(it)}(?!\d|\.\d)", section)]


def numbers(terms: Terms) -> set[str]:
    """What a marketer would want to know of the terms, as it is written on the page."""
    found = {str(terms.qualification.within_days)}
    for step in terms.qualification.steps:
        found |= {money(each.min_amount_minor) for each in step.alternatives if each.min_amount_minor}
    for reward in terms.rewards:
        found |= numbers_of(reward)
    return found | {money(prize.give.amount_minor) for prize in terms.prizes if isinstance(prize.give, Credit)}


def numbers_of(reward: Reward) -> set[str]:
    found = {str(it) for it in (reward.hold_days, reward.expires_days, reward.limit.months) if it}
    match reward.give:
        case Credit(amount_minor):
            found.add(money(amount_minor))
        case Percent(percent, most):
            found |= {f"{percent.normalize():f} %"} | ({money(most)} if most else set())
        case Points(quantity, _):
            found.add(str(quantity))
        case Quota(quantity, unit, _):
            found.add(f"{quantity} {unit}")
        case Coupon(percent_off=off, amount_off_minor=amount, valid_days=days):
            found |= {f"{off.normalize():f} %"} if off else {money(amount or 0)}
            found |= {str(days)} if days else set()
    if reward.cap:
        found |= {str(reward.cap.count)} if reward.cap.count else {money(reward.cap.amount_minor or 0)}
    for milestone in reward.milestones:
        found |= {str(milestone.at), money(milestone.amount_minor or 0)}
    return found


def money(amount_minor: int) -> str:
    return f"{Decimal(amount_minor) / 100:.2f}"


def test_the_page_lists_every_recipe() -> None:
    assert set(recipe_names()) <= set(sections())
    assert [it["recipe"] for it in list_recipes() if f"[`{it['recipe']}`](#{it['recipe']})" not in PAGE.text] == []
