"""Values that options take."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from referral_service.kit.clock import parse_rfc3339


class Moment(click.ParamType[datetime]):
    """An RFC 3339 time."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return parse_rfc3339(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Setting(click.ParamType[tuple[str, str]]):
    """A dotted path and its value, with an equals sign between them."""

    name = "path=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        path, sign, text = str(value).partition("=")
        if not sign or not path:
            self.fail(f"{value!r} is not of the form path=value, such as currency=EUR.", param, ctx)
        return path, text


MOMENT = Moment()
SETTING = Setting()
