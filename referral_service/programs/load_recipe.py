"""The programs that ship with the package, each one a JSON document in `recipes/`.

A recipe holds what `create_program` takes (`name`, `landing_url`, `terms`, perhaps `branding`), a `summary` for whoever
chooses among them, and where its terms name dates, `days_from_today`: the path of each in the terms, and how many days
after the day of its making it lies. A campaign made in any year so begins that day and lasts as long as the recipe
says.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

from referral_service.kit import strict_json
from referral_service.kit.clock import format_rfc3339
from referral_service.programs.errors import RecipeNotSettable, UnknownRecipe

_RECIPES = files("referral_service.programs") / "recipes"
_SUFFIX = ".json"
_BYTES_MAX = 64 * 1024
# Everything else that can be set belongs to the terms, or is said to belong to the branding.
_BESIDE_THE_TERMS = ("name", "landing_url")
_BRANDING = "branding"


def recipe_names() -> list[str]:
    """Return the names of all recipes, in order."""
    return sorted(it.name.removesuffix(_SUFFIX) for it in _RECIPES.iterdir() if it.name.endswith(_SUFFIX))


def list_recipes() -> list[dict[str, str]]:
    """Return every recipe's `recipe` (what it is called by), `name` and `summary`, in order."""
    recipes = [(recipe, _read(recipe)) for recipe in recipe_names()]
    return [{"recipe": recipe, "name": own["name"], "summary": own["summary"]} for recipe, own in recipes]


def load_recipe(name: str, overrides: Mapping[str, str] | None = None, *, now: datetime) -> dict[str, Any]:
    """Return what `create_program` takes: name, landing_url, terms, and branding where there is any.

    Dates are reckoned from the day of `now`, UTC. `overrides` are values by dotted path: `name`, `landing_url`, a path
    in the branding (`branding.colour`), or one in the terms, with `terms.` before it or not (`currency`,
    `rewards.0.hold_days`). A value stands in place of text as it is, elsewhere as JSON where it is some; null is null
    in both. Whether the result is valid is for `create_program` to say. Raises UnknownRecipe,
    RecipeNotSettable.
    """
    recipe = _read(name)
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for path, days in recipe.get("days_from_today", {}).items():
        node, last = _place(recipe["terms"], path)
        node[last] = format_rfc3339(midnight + timedelta(days=days))
    for path, value in (overrides or {}).items():
        if path in _BESIDE_THE_TERMS:
            recipe[path] = value
            continue
        node, last = _place(recipe if path.startswith(f"{_BRANDING}.") else recipe["terms"], path)
        node[last] = _meant(value, present=node[last] if isinstance(node, list) else node.get(last))
    return {part: recipe[part] for part in (*_BESIDE_THE_TERMS, _BRANDING, "terms") if part in recipe}


def _read(name: str) -> dict[str, Any]:
    # Compared with the list, so that no name leads out of the folder.
    if name not in recipe_names():
        raise UnknownRecipe(recipes=recipe_names())
    raw = (_RECIPES / f"{name}{_SUFFIX}").read_bytes()
    recipe: dict[str, Any] = strict_json.loads(raw, max_bytes=_BYTES_MAX)
    return recipe


def _place(document: dict[str, Any], path: str) -> tuple[Any, Any]:
    """Return the object or list that a path leads into, and the field or the number in it."""
    *way, last = path.removeprefix("terms.").split(".")
    node: Any = document
    for step in way:
        node = _child(node, step, path)
    if isinstance(node, list):
        _child(node, last, path)
        return node, int(last)
    if isinstance(node, dict) and last:
        return node, last
    raise _not_settable(path)


def _child(node: Any, step: str, path: str) -> Any:
    """Return what stands under one step of a path; a section that the recipe leaves out is begun."""
    if isinstance(node, dict) and step:
        return node.setdefault(step, {})
    if isinstance(node, list) and step in map(str, range(len(node))):
        return node[int(step)]
    raise _not_settable(path)


def _meant(value: str, *, present: Any) -> Any:
    if isinstance(present, str) and value != "null":
        return value
    try:
        return strict_json.loads(value.encode(errors="replace"), max_bytes=_BYTES_MAX)
    except strict_json.MalformedJson:
        return value


def _not_settable(path: str) -> RecipeNotSettable:
    return RecipeNotSettable(errors={path: ["The recipe has nothing at this path."]})
