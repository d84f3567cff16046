"""The README's section about speed is made from the results, and so is its chart."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest
from house.source_tree import ROOT

from benchmarks import results
from benchmarks.chart import chart, reached
from benchmarks.figures import Latency, Line
from benchmarks.readme import BEGIN, CHART, END, NoSuchSection, rewrite, section

RESULTS = ROOT / "docs" / "benchmarks.json"


def a_line(figure: float, floor: float, **more: Any) -> Line:
    named: dict[str, Any] = {"path": "claim", "beside": "empty Flask POST", "target": 0.2}
    line = Line(**(named | more))
    line.add(figure, floor)
    return line


@pytest.fixture
def document() -> dict[str, Any]:
    grown = a_line(
        3, 2, path="stats", size="5 million", beside="at 10 thousand", unit="ms", target=1.2, less_is_better=True
    )
    grown.between["500 thousand"] = [2.5]
    latency = Latency("claim", 1500.0, [0.001, 0.002, 0.250])
    return {
        "paths": {
            "sqlite": results.part([a_line(900, 9000)], [latency]),
            "postgresql": results.part([a_line(2500, 10000)]),
        },
        "growth": {"postgresql": results.part([grown])},
    }


def test_the_section_tells_each_ratio_with_its_figure_and_target(document: dict[str, Any]) -> None:
    lines = section(document).splitlines()
    assert "| claim | empty Flask POST | 0.10 (900/s) | **0.25** (2,500/s) | ≥ 0.2 |" in lines
    assert "| claim | 2.0, 250.0, 250.0 ms at 1,500/s |" in lines
    assert "| stats, at 5 million | at 10 thousand | 1.50 (3.00 ms) | ≤ 1.2 |" in lines


def test_rewriting_changes_the_section_alone_and_again_changes_nothing(document: dict[str, Any]) -> None:
    page = f"# A page\n\n{BEGIN}\nwhat was there\n{END}\n\n## After\n"
    made = rewrite(page, document)
    assert made.startswith(f"# A page\n\n{BEGIN}\n")
    assert made.endswith(f"{END}\n\n## After\n")
    assert "what was there" not in made
    assert rewrite(made, document) == made


@pytest.mark.parametrize("page", ["# No marks\n", f"{BEGIN}\n", f"{END}\n{BEGIN}\n"])
def test_a_page_without_the_marks_is_refused(page: str) -> None:
    with pytest.raises(NoSuchSection):
        rewrite(page, {})


def test_the_readme_and_the_chart_say_what_the_results_say() -> None:
    document = results.read(RESULTS)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert rewrite(readme, document) == readme
    picture = ROOT / CHART
    assert (picture.read_text(encoding="utf-8") if picture.exists() else "") == (chart(document) if document else "")


def test_the_chart_has_a_bar_for_each_target_and_is_whole_for_light_and_dark_pages(document: dict[str, Any]) -> None:
    drawn = chart(document)
    root = ET.fromstring(drawn)
    bars = [each for each in root.iter("{http://www.w3.org/2000/svg}rect") if each.get("height") == "10"]
    assert [bar.get("class") for bar in bars] == ["sqlite", "postgresql"]
    widths = [float(str(bar.get("width"))) for bar in bars]
    # 0.10 and 0.25 of a target of 0.2.
    assert widths[1] / widths[0] == pytest.approx(2.5, rel=0.01)
    assert "prefers-color-scheme: dark" in drawn
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert [name for name in ("10 thousand", "500 thousand", "5 million", "1.50 stats") if name not in texts] == []


def test_the_chart_tells_how_much_of_a_target_is_reached() -> None:
    assert reached(a_line(1, 10).document()) == pytest.approx(0.5)
    assert reached(a_line(2.4, 1, target=1.2, less_is_better=True).document()) == pytest.approx(0.5)
