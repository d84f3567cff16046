"""The programs that ship with the package, each one a JSON document in `recipes/`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from referral_service.kit import strict_json
from referral_service.programs.errors import RecipeNotSettable, UnknownRecipe

_RECIPES = files("referral_service.programs") / "recipes"
_SUFFIX = ".json"
_BYTES_MAX = 64 * 1024
# Everything else that can be set belongs to the terms.
_BESIDE_THE_TERMS = frozenset({"name", "landing_url"})


def recipe_names() -> list[str]:
    """Return the names of all recipes, in order."""
    return sorted(it.name.removesuffix(_SUFFIX) for it in _RECIPES.iterdir() if it.name.endswith(_SUFFIX))


def load_recipe(name: str, overrides: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what `create_program` takes: name, landing_url, terms.

    `overrides` are values by dotted path: `name`, `landing_url`, or a path in the terms, with `terms.` before it or
    not (`currency`, `rewards.0.hold_days`). A value stands in place of text as it is, elsewhere as JSON where it is
    some. Whether the result is valid is for `create_program` to say. Raises UnknownRecipe, RecipeNotSettable.
    """
    # Compared with the list, so that no name leads out of the folder.
    if name not in recipe_names():
        raise UnknownRecipe(recipes=recipe_names())
    raw = (_RECIPES / f"{name}{_SUFFIX}").read_bytes()
    recipe: dict[str, Any] = strict_json.loads(raw, max_bytes=_BYTES_MAX)
    for path, value in (overrides or {}).items():
        _set(recipe, path, value)
    return recipe


def _set(recipe: dict[str, Any], path: str, value: str) -> None:
    if path in _BESIDE_THE_TERMS:
        recipe[path] = value
        return
    *way, last = path.removeprefix("terms.").split(".")
    node: Any = recipe["terms"]
    for step in way:
        node = _child(node, step, path)
    if isinstance(node, list):
        present = _child(node, last, path)
        node[int(last)] = _read(value, present)
    elif isinstance(node, dict) and last:
        node[last] = _read(value, node.get(last))
    else:
        raise _not_settable(path)


def _child(node: Any, step: str, path: str) -> Any:
    """Return what stands under one step of a path; a section that the recipe leaves out is begun."""
    if isinstance(node, dict) and step:
        return node.setdefault(step, {})
    if isinstance(node, list) and step in map(str, range(len(node))):
        return node[int(step)]
    raise _not_settable(path)


def _read(value: str, present: Any) -> Any:
    if isinstance(present, str):
        return value
    try:
        return strict_json.loads(value.encode(errors="replace"), max_bytes=_BYTES_MAX)
    except strict_json.MalformedJson:
        return value


def _not_settable(path: str) -> RecipeNotSettable:
    return RecipeNotSettable(errors={path: ["The recipe has nothing at this path."]})
