"""The arithmetic of the page on growing is made from the measured sizes, and not by hand."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from house.markdown_pages import page

from benchmarks.capacity import (
    NO_RATES,
    RATES_FILE,
    SIZES_FILE,
    click_bytes,
    marks,
    rates_part,
    referral_bytes,
    rewrite,
    sizes_part,
)

SMALL = {
    "referrals": 100,
    "log": {"bytes_between_checkpoints": 5000.0, "bytes_right_after_a_checkpoint": 9000.0},
    "tables": {
        "clicks": {"rows": 1000, "table_bytes": 100_000, "index_bytes": 200_000},
        "rewards": {"rows": 200, "table_bytes": 40_000, "index_bytes": 60_000},
        "lots": {"rows": 200, "table_bytes": 20_000, "index_bytes": 0},
        "apps": {"rows": 1, "table_bytes": 8192, "index_bytes": 65_536},
    },
}


RATES = {
    "paths": {
        "postgresql": {
            "machine": {"cores": 2},
            "lines": [
                {"path": "redirect, click recorded", "figure": 1929.0, "unit": "/s"},
                {"path": "inbound webhook: signed purchase", "figure": 193.0, "unit": "/s"},
                {"path": "claim", "figure": 386.0, "unit": "/s"},
                {"path": "p99 of something", "figure": 3.0, "unit": "ms"},
            ],
        }
    }
}


def measured() -> tuple[dict[str, Any], dict[str, Any]]:
    """Sizes, and rates where there are some."""
    sizes = orjson.loads(SIZES_FILE.read_bytes())
    return sizes, orjson.loads(RATES_FILE.read_bytes()) if RATES_FILE.exists() else {}


def test_the_page_says_what_was_measured() -> None:
    text = page("docs/scaling.md").text
    assert text == rewrite(text, *measured()), "run: python -m benchmarks.capacity"


def test_every_table_that_grows_with_the_referrals_is_in_the_sum() -> None:
    assert click_bytes(SMALL) == 300
    assert referral_bytes(SMALL) == 1200


def test_the_sum_on_paper_follows() -> None:
    sizes, _ = measured()
    told = sizes_part(sizes)
    assert f"10⁹ · {click_bytes(sizes):,.0f} bytes | {click_bytes(sizes):,.0f} GB" in told
    assert "3,858 and 386 a second" in told


def test_rates_are_those_of_the_benchmark_and_the_load_is_theirs_together() -> None:
    told = rates_part(RATES)
    assert "| redirect, click recorded | 1,929 |" in told
    assert "p99" not in told
    # 3,858 clicks are two machines' work, 386 purchases two, as many claims one.
    assert told.endswith("see below | 5.0 |")
    assert rates_part({}) == NO_RATES


def test_a_page_without_its_parts_is_refused() -> None:
    whole = "\n".join(f"{begin}\nold\n{end}" for begin, end in (marks("rates"), marks("sizes")))
    sizes, rates = measured()
    assert "old" not in rewrite(whole, sizes, rates)
    with pytest.raises(ValueError, match="a marked part of sizes"):
        rewrite(whole.replace(marks("sizes")[1], ""), sizes, rates)
