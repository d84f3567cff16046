"""Which requests share a thread: those whose work is done together with others' anyway."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

View = TypeVar("View", bound=Callable[..., Any])
_PARAMETER = re.compile(r"<[^>]+>")


def joint(view: View) -> View:
    """Say of a view for POST that it hands what it does to a `JointWork`, and only waits for it: its requests may be
    fibers of one thread (kit/concurrency/fibers.py).
    """
    view.is_joint = True  # type: ignore[attr-defined]
    return view


def joint_requests(app: Flask) -> Callable[[WSGIEnvironment], bool]:
    """Return what tells whether a request is for one of these views, without asking Flask.

    One with an Idempotency-Key keeps a transaction for itself, and so a thread.
    """
    rules = [rule.rule for rule in app.url_map.iter_rules() if hasattr(app.view_functions[rule.endpoint], "is_joint")]
    paths = re.compile("|".join("[^/]+".join(map(re.escape, _PARAMETER.split(rule))) for rule in rules))

    def is_joint(environ: WSGIEnvironment) -> bool:
        return (
            environ["REQUEST_METHOD"] == "POST"
            and "HTTP_IDEMPOTENCY_KEY" not in environ
            and paths.fullmatch(environ["PATH_INFO"]) is not None
        )

    return is_joint
