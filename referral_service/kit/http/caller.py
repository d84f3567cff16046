"""Who is calling: the little of it that the edge itself needs."""

from __future__ import annotations

from dataclasses import dataclass

from flask import g


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller. `app_id` is 0 for the operator, who stands above all tenants."""

    app_id: int
    key_id: str


def set_caller(caller: Caller) -> None:
    """Note who calls, for the rest of this request."""
    g.caller = caller


def find_caller() -> Caller | None:
    """Return who calls, or None where nobody has been authenticated."""
    caller: Caller | None = g.get("caller")
    return caller


def current_caller() -> Caller:
    """Return who calls; only for views that authenticate."""
    caller = find_caller()
    if caller is None:
        raise RuntimeError("This view declares no authentication, so there is no caller.")
    return caller
