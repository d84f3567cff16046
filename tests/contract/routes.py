"""The routes of the running service, out of its URL map."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from contract.published import examples, operations
from contract.world import World, brought_home
from flask import Flask

from referral_service.tenants.auth import Access

# HEAD is answered by the view of GET; OPTIONS by none.
NOT_ROUTED = {"HEAD", "OPTIONS"}


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one rule. `path` is written as in the API's description (`/v1/programs/{program_id}`)."""

    method: str
    path: str
    access: Access | None
    reads_json: bool

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_of_the_api(self) -> bool:
        """Does it need a key?"""
        return self.access is not None and self.access.scope is not None


def routes(app: Flask) -> list[Route]:
    """Every route, in the order of the URL map."""
    return [
        Route(
            method,
            re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule),
            getattr(view, "access", None),
            any(reader.location == "json" for reader in getattr(view, "readers", ())),
        )
        for rule in app.url_map.iter_rules()
        for view in [app.view_functions[rule.endpoint]]
        for method in sorted((rule.methods or set()) - NOT_ROUTED)
    ]


def body_of(route: Route, world: World) -> Any:
    """The first example of the route's body, or None where it takes none."""
    return next(iter(bodies_of(route, world)), None)


def bodies_of(route: Route, world: World) -> list[Any]:
    """Every example of the route's body."""
    operation = next((it for it in operations() if it.name == route.name), None)
    if operation is None or operation.body is None:
        return []
    return [brought_home(example, world) for example in examples(operation.body)]
