"""Bodies that are almost right: an example of the document, with one thing in it that is not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from contract.routes import Route, bodies_of
from contract.world import World

Place = tuple[str | int, ...]

# Objects whose members have names of the caller's own.
FREE = {"attributes"}
HERE = "\ue000here\ue000"
RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}T")


def single_bodies(route: Route, world: World) -> list[Any]:
    """The examples of one thing: what is wrong in a batch is answered item by item."""
    return [body for body in bodies_of(route, world) if "events" not in body]


def places(part: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every part of a document and where it is, but for what is inside free objects."""
    yield place, part
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for name, value in inner:
        if name not in FREE:
            yield from places(value, (*place, name))


def integers(body: Any) -> list[Place]:
    return [place for place, part in places(body) if type(part) is int]


def objects(body: Any) -> list[Place]:
    return [place for place, part in places(body) if isinstance(part, dict)]


def at(body: Any, place: Place) -> Any:
    for step in place:
        body = body[step]
    return body


def times(body: Any) -> list[Place]:
    return [place for place, part in places(body) if isinstance(part, str) and RFC3339.match(part)]


def replaced(body: Any, place: Place, value: Any) -> Any:
    changed = deepcopy(body)
    at(changed, place[:-1])[place[-1]] = value
    return changed


def with_text(body: Any, place: Place, text: str) -> bytes:
    """The body as JSON, with this text where the integer was: JSON has numbers that Python cannot hold."""
    return json.dumps(replaced(body, place, HERE), ensure_ascii=False).replace(f'"{HERE}"', text).encode()


def with_member(body: Any, place: Place, name: str) -> Any:
    changed = deepcopy(body)
    at(changed, place)[name] = 1
    return changed
