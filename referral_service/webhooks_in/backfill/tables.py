"""CSV: the exports of two dashboards, known by their header, and tables with this service's own columns."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping

from referral_service.webhooks_in.backfill import shopify_table, stripe_table
from referral_service.webhooks_in.backfill.lines import NOT_UTF8, TOO_LONG, Found, Lines, Read, Unreadable, UnusableFile
from referral_service.webhooks_in.providers import own_rows
from referral_service.webhooks_in.providers.exports.exported import Exported, UnknownRecord
from referral_service.webhooks_in.providers.provider import Provider

# Shopify's has eighty, and an app may keep fifty fields of metadata at Stripe.
_COLUMNS_MAX = 500
_TABLES = {
    "shopify": ("Shopify's export of orders", shopify_table.NEEDED),
    "stripe": ("Stripe's export of payments with all columns", stripe_table.NEEDED),
}
Row = tuple[int, dict[str, str]]
Translate = Callable[[dict[str, str]], tuple[Exported, ...]]


class _BadLine(ValueError):
    """A line that is no text; the text is a sentence."""


class _Texts:
    """The lines as text, for the parser of tables, which goes on with the next line after a bad one."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        _, raw = next(self._lines)
        if raw is None:
            raise _BadLine(TOO_LONG)
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise _BadLine(NOT_UTF8) from None
        if "\0" in text:
            raise _BadLine("The line holds the character NUL.")
        return text


def read_table(lines: Lines, provider: Provider, *, from_line: int) -> Iterator[Read]:
    """Return what each row from the line `from_line` on stands for; raise UnusableFile for a header not understood."""
    cells = _cells(lines)
    header = next(cells, None)
    if header is None or isinstance(header, Unreadable):
        raise UnusableFile(f"The table has no header that can be read. {_understood(provider)}")
    columns = [name.strip() for name in header[1]]
    if len(columns) > _COLUMNS_MAX or len(set(columns)) != len(columns):
        raise UnusableFile(f"A column is there twice, or there are more than {_COLUMNS_MAX}. {_understood(provider)}")
    rows = _rows(cells, columns, from_line)
    own = {*own_rows.NEEDED, *own_rows.OPTIONAL}
    if set(own_rows.NEEDED) <= set(columns) <= own:
        return _each(rows, lambda row: (own_rows.exported_row(row),))
    known = _TABLES.get(provider.name)
    if known is None or not known[1] <= set(columns):
        raise UnusableFile(_refusal(columns, provider))
    if provider.name == "shopify":
        return _orders(rows, provider)
    return _each(rows, lambda row: tuple(provider.exported(stripe_table.charge(row))))


def _each(rows: Iterator[Row | Unreadable], translate: Translate) -> Iterator[Read]:
    for row in rows:
        if isinstance(row, Unreadable):
            yield row
            continue
        number, cells = row
        try:
            yield Found(number, translate(cells))
        except UnknownRecord as error:
            yield Unreadable(number, str(error))


def _orders(rows: Iterator[Row | Unreadable], provider: Provider) -> Iterator[Read]:
    """Put the rows of each order together: all but its first repeat the name only, and have another product."""
    together: list[Row] = []

    def finished() -> Iterator[Read]:
        if together:
            try:
                order = shopify_table.order([cells for _, cells in together])
                yield Found(together[0][0], tuple(provider.exported(order)))
            except UnknownRecord as error:
                yield Unreadable(together[0][0], str(error))

    for row in rows:
        if isinstance(row, Unreadable):
            yield row
        elif shopify_table.goes_on(row[1], together[-1][1] if together else None):
            together.append(row)
        else:
            yield from finished()
            together = [row]
    yield from finished()


def _rows(
    cells: Iterator[tuple[int, list[str]] | Unreadable], columns: list[str], from_line: int
) -> Iterator[Row | Unreadable]:
    for row in cells:
        number = row.line if isinstance(row, Unreadable) else row[0]
        if number < from_line:
            continue
        if isinstance(row, Unreadable):
            yield row
        elif len(row[1]) != len(columns):
            yield Unreadable(number, f"The row has {len(row[1])} cells, and the header {len(columns)}.")
        else:
            yield number, dict(zip(columns, row[1], strict=True))


def _cells(lines: Lines) -> Iterator[tuple[int, list[str]] | Unreadable]:
    """Yield the rows with the number of their first line; blank ones are passed over."""
    parser = csv.reader(_Texts(lines), strict=True)
    while True:
        number = lines.number + 1
        try:
            cells = next(parser)
        except StopIteration:
            return
        except _BadLine as error:
            yield Unreadable(number, str(error))
            continue
        except csv.Error:
            yield Unreadable(number, "The row is not CSV: its quotes do not fit, or a cell is too long.")
            continue
        if any(cell.strip() for cell in cells):
            yield number, cells


def _refusal(columns: list[str], provider: Provider) -> str:
    unknown = [name for name in columns if name not in {*own_rows.NEEDED, *own_rows.OPTIONAL}]
    missing = [name for name in own_rows.NEEDED if name not in columns]
    said = [f"missing: {', '.join(missing)}"] if missing else []
    said += [f"not known: {', '.join(name[:40] for name in unknown[:10])}"] if unknown else []
    return f"This table's columns are not understood ({'; '.join(said)}). {_understood(provider)}"


def _understood(provider: Provider) -> str:
    """Return the sentence that lists what tables are understood for a source."""
    own = f"columns {', '.join(own_rows.NEEDED)}, and if you like {', '.join(own_rows.OPTIONAL)}"
    known: Mapping[str, tuple[str, frozenset[str]]] = _TABLES
    if provider.name not in known:
        return f"Understood are: {own}."
    title, needed = known[provider.name]
    return f"Understood are: {title}, which has the columns {', '.join(sorted(needed))}; or {own}."
