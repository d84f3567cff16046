"""python -m benchmarks.capacity: the marked parts of docs/scaling.md, made from measured sizes and rates.

Reads docs/row_sizes.json (`python -m benchmarks.row_sizes --json docs/row_sizes.json`) and docs/benchmarks.json, what
`make bench` measured, where there is one. Nothing in those parts is written by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

CLICKS, REFERRALS = 1_000_000_000, 100_000_000
DAYS = (365, 30)
PEAK = 10
# A table with fewer than one row for so many referrals does not grow with them.
FEW = 20
DAY_SECONDS = 24 * 60 * 60
SIZES, RATES = "sizes", "rates"
ROOT = Path(__file__).parent.parent
PAGE, SIZES_FILE, RATES_FILE = ROOT / "docs/scaling.md", ROOT / "docs/row_sizes.json", ROOT / "docs/benchmarks.json"
KINDS = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}
# What a peak is made of, by how the paths of `make bench` begin: one click, one claim and one purchase each.
CLICK_PATH, OTHER_PATHS = "redirect, click recorded", ("claim", "inbound webhook")
NO_RATES = "They are not measured here; `make bench` does it."
# What each referral adds rows to, in the order in which it does; the rest is told as one.
SHOWN = (
    "customers", "referrals", "touches", "inbound_events", "events", "event_results", "purchases", "purchase_aliases",
    "conversions", "qualification_facts", "rewards", "ledger_txns", "ledger_postings", "ledger_accounts", "lots",
    "notifications", "deliveries",
)  # fmt: skip


def rewrite(page: str, sizes: dict[str, Any], rates: Mapping[str, Any]) -> str:
    """Return the page with its marked parts made anew; ValueError where it lacks one."""
    for name, made in ((RATES, rates_part(rates)), (SIZES, sizes_part(sizes))):
        begin, end = marks(name)
        before, begun, rest = page.partition(begin)
        _, ended, after = rest.partition(end)
        if not begun or not ended:
            raise ValueError(f"The page must have a marked part of {name}.")
        page = f"{before}{begin}\n\n{made}\n\n{end}{after}"
    return page


def marks(name: str) -> tuple[str, str]:
    """What a marked part begins and ends with."""
    return f"<!-- {name}: made by `python -m benchmarks.capacity` -->", f"<!-- end of {name} -->"


def sizes_part(figures: dict[str, Any]) -> str:
    """Return bytes by table, and what follows from them."""
    return "\n\n".join((_by_table(figures), _on_paper(figures)))


def rates_part(document: Mapping[str, Any]) -> str:
    """Return what the machine of docs/benchmarks.json carries, and how many times that a month's campaign needs."""
    paths = document.get("paths", {})
    kinds = [kind for kind in KINDS if paths.get(kind)]
    if not kinds:
        return NO_RATES
    rates = {kind: {line["path"]: line["figure"] for line in _lines(paths[kind])} for kind in kinds}
    names = dict.fromkeys(name for kind in kinds for name in rates[kind])
    heads = [f"{KINDS[kind]}, {paths[kind]['machine']['cores']} cores" for kind in kinds]
    lines = [
        f"| a second | {' | '.join(heads)} |",
        f"|---|{'--:|' * len(kinds)}",
        *(f"| {name} | {' | '.join(_rate(rates[kind].get(name)) for kind in kinds)} |" for name in names),
        f"| machines for a month's peak, see below | {' | '.join(_machines(rates[kind]) for kind in kinds)} |",
    ]
    return "\n".join(lines)


def _lines(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [line for line in part["lines"] if line["unit"] == "/s"]


def _rate(figure: float | None) -> str:
    return "" if figure is None else f"{figure:,.0f}"


def _machines(rates: Mapping[str, float]) -> str:
    """The load of the peak, in machines like this one, which does web, worker, database and the asking."""
    clicks, referrals = (each / min(DAYS) / DAY_SECONDS * PEAK for each in (CLICKS, REFERRALS))
    asked = {CLICK_PATH: clicks, **dict.fromkeys(OTHER_PATHS, referrals)}
    found = {want: [rate for name, rate in rates.items() if name.startswith(want)][:1] for want in asked}
    if not all(found.values()):
        return ""
    return f"{sum(times / found[want][0] for want, times in asked.items()):.1f}"


def click_bytes(figures: dict[str, Any]) -> float:
    """Bytes of one click, indexes included."""
    table = figures["tables"]["clicks"]
    return _bytes(table) / float(table["rows"])


def referral_bytes(figures: dict[str, Any]) -> float:
    """Bytes of everything that one referral which converts leaves behind, but for its clicks."""
    return sum(_bytes(table) for table in _growing(figures).values()) / _referrals(figures)


def _growing(figures: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Tables that grow with the referrals; those of apps, keys and programs do not, and clicks are reckoned apart."""
    tables: dict[str, dict[str, int]] = figures["tables"]
    few = _referrals(figures) / FEW
    return {name: table for name, table in tables.items() if name != "clicks" and table["rows"] >= few}


def _bytes(table: dict[str, int]) -> int:
    return table["table_bytes"] + table["index_bytes"]


def _referrals(figures: dict[str, Any]) -> int:
    return int(figures["referrals"])


def _by_table(figures: dict[str, Any]) -> str:
    tables: dict[str, dict[str, int]] = figures["tables"]
    lines = ["| table | rows a referral | bytes a row | of these indexes | bytes a referral |", "|---|--:|--:|--:|--:|"]
    for name in ("clicks", *SHOWN):
        table = tables[name]
        rows, share = table["rows"], table["index_bytes"] / _bytes(table)
        each = "" if name == "clicks" else f"{_bytes(table) / _referrals(figures):,.0f}"
        lines.append(
            f"| `{name}` | {rows / _referrals(figures):.1f} | {_bytes(table) / rows:,.0f} | {share:.0%} | {each} |"
        )
    growing, total = _growing(figures), referral_bytes(figures)
    rest = sum(_bytes(table) for name, table in growing.items() if name not in SHOWN)
    indexes = sum(table["index_bytes"] for table in growing.values())
    as_written = sum(table["as_written_bytes"] for table in growing.values())
    lines += [
        f"| all others | | | | {rest / _referrals(figures):,.0f} |",
        f"| **all but clicks** | | | {indexes / _referrals(figures) / total:.0%} | **{total:,.0f}** |",
        f"| the same before it was packed | | | | {as_written / _referrals(figures):,.0f} |",
    ]
    return "\n".join(lines)


def _on_paper(figures: dict[str, Any]) -> str:
    log = figures["log"]
    between, after = log["bytes_between_checkpoints"], log["bytes_right_after_a_checkpoint"]
    click, referral = click_bytes(figures), referral_bytes(figures)
    rows = [
        ("1 billion clicks", f"10⁹ · {click:,.0f} bytes", f"{CLICKS * click / 1e9:,.0f} GB"),
        (
            "100 million referrals that convert",
            f"10⁸ · {referral:,.0f} bytes",
            f"{REFERRALS * referral / 1e12:,.2f} TB",
        ),
        (
            "log (WAL) of 100 million purchases",
            f"10⁸ · {between:,.0f} to {after:,.0f} bytes",
            f"{REFERRALS * between / 1e12:,.1f} to {REFERRALS * after / 1e12:,.1f} TB",
        ),
    ]
    for days in DAYS:
        clicks, referrals = CLICKS / days / DAY_SECONDS, REFERRALS / days / DAY_SECONDS
        rows += [
            (
                f"all of it in {days} days",
                f"10⁹ and 10⁸ / ({days} · 86,400 s)",
                f"{clicks:,.0f} clicks and {referrals:,.1f} claims and purchases a second",
            ),
            (
                f"at a peak of {PEAK} times that",
                f"{referrals * PEAK:,.0f} · {between:,.0f} bytes = {referrals * PEAK * between / 1e6:,.1f} MB/s of log",
                f"{clicks * PEAK:,.0f} and {referrals * PEAK:,.0f} a second",
            ),
        ]
    return "\n".join(["| | arithmetic | |", "|---|---|--:|", *(f"| {' | '.join(row)} |" for row in rows)])


def main() -> None:
    """Make the page's parts anew."""
    sizes = orjson.loads(SIZES_FILE.read_bytes())
    rates = orjson.loads(RATES_FILE.read_bytes()) if RATES_FILE.exists() else {}
    PAGE.write_text(rewrite(PAGE.read_text(encoding="utf-8"), sizes, rates), encoding="utf-8")


if __name__ == "__main__":
    main()
