"""Lists in pages: `?cursor=&limit=` in, `{"items": […], "next_cursor": …}` out.

@in_reading
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, page_schema(ThingSchema))
def things(session: Session, args: dict[str, Any]) -> dict[str, Any]:
    scope = scope_of("things", args)
    rows = list_things(session, ..., after=read_cursor(args, scope), limit=args["limit"] + 1)
    return page(rows, args["limit"], scope, key=lambda row: [row.id])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import marshmallow as ma
import orjson
from marshmallow import validate

from referral_service.kit.cursors import CURSOR_CHARACTERS_MAX
from referral_service.kit.http.caller import find_caller
from referral_service.kit.http.fields import QueryNumber
from referral_service.kit.http.wiring import service

LIMIT_DEFAULT, LIMIT_MAX = 20, 100
Row = TypeVar("Row")
_PAGING = {"cursor", "limit"}


class PageArgs(ma.Schema):
    """Which page of a list. Subclasses add the list's filters."""

    class Meta:
        unknown = ma.RAISE

    cursor = ma.fields.String(
        load_default=None,
        allow_none=False,
        validate=validate.Length(min=1, max=CURSOR_CHARACTERS_MAX),
        metadata={"description": "`next_cursor` of the page before. The filters must stay the same."},
    )
    limit = QueryNumber(
        load_default=LIMIT_DEFAULT,
        minimum=1,
        maximum=LIMIT_MAX,
        metadata={"description": "How many items to return at most."},
    )


def page_schema(item: type[ma.Schema]) -> ma.Schema:
    """Return the schema of a page of such items."""
    name = item.__name__.removesuffix("Schema")
    page_of = ma.Schema.from_dict(
        {
            "items": ma.fields.List(ma.fields.Nested(item), required=True),
            "next_cursor": ma.fields.String(
                required=True, allow_none=True, metadata={"description": "Pass it as `cursor`; null on the last page."}
            ),
        },
        name=f"{name}PageSchema",
    )
    return page_of()


def scope_of(name: str, args: dict[str, Any]) -> str:
    """Return what a cursor is good for: this caller's list of this name, under these filters."""
    filters = {key: value for key, value in args.items() if key not in _PAGING and value is not None}
    caller = find_caller()
    written = orjson.dumps(filters, option=orjson.OPT_SORT_KEYS, default=str).decode()
    return f"{caller.app_id if caller else ''}:{name}:{written}"


def read_cursor(args: dict[str, Any], scope: str) -> list[Any] | None:
    """Return the key after which the page begins, None for the first page; raise InvalidCursor."""
    return service().cursors.read(scope, args["cursor"]) if args["cursor"] else None


def page(rows: Sequence[Row], limit: int, scope: str, *, key: Callable[[Row], list[Any]]) -> dict[str, Any]:
    """Return the page. Ask for `limit + 1` rows: the one too many only tells that there is another page.

    `key` gives a row's place in the order of the list, as JSON values.
    """
    shown = list(rows[:limit])
    more = len(rows) > limit
    return {"items": shown, "next_cursor": service().cursors.sign(scope, key(shown[-1])) if more else None}
