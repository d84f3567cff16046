"""The published contract: the committed openapi.yaml, taken apart for the tests that hold the service to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "openapi.yaml"
JSON, PROBLEM = "application/json", "application/problem+json"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `parameters` holds those of the path too, with references resolved."""

    method: str
    path: str
    definition: dict[str, Any]
    parameters: tuple[dict[str, Any], ...]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def body(self) -> dict[str, Any] | None:
        """The request body's one media type, if the operation has a body."""
        content: dict[str, Any] = self.definition.get("requestBody", {}).get("content", {})
        return content.get(JSON)

    def responses(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Each status with its answer, references resolved."""
        for status, response in self.definition["responses"].items():
            yield int(status), resolved(response)


@cache
def document() -> dict[str, Any]:
    """The committed document."""
    loaded: dict[str, Any] = yaml.load(PUBLISHED.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return loaded


@cache
def operations() -> tuple[Operation, ...]:
    """Every operation of the committed document, in its order."""
    return tuple(
        Operation(
            method.upper(),
            path,
            definition,
            tuple(map(resolved, [*item.get("parameters", ()), *definition.get("parameters", ())])),
        )
        for path, item in document()["paths"].items()
        for method, definition in item.items()
        if method != "parameters"
    )


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference into the components."""
    if "$ref" not in part:
        return part
    found: Any = document()
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return dict(found)


def examples(part: dict[str, Any]) -> list[Any]:
    """The examples of a media type or a parameter."""
    named = [it["value"] for it in part.get("examples", {}).values()]
    return [*([part["example"]] if "example" in part else []), *named]


def faults(schema: dict[str, Any], value: Any) -> list[str]:
    """What is wrong with a value by a schema of the document, formats included."""
    validator = jsonschema_rs.Draft202012Validator(
        {**schema, "components": document()["components"]}, validate_formats=True
    )
    return [f"{'.'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(value)]


def every_part() -> Iterator[dict[str, Any]]:
    """Every object of the document, at any depth."""
    waiting: list[Any] = [document()]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
