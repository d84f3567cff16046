"""The harness's arithmetic: what it says follows from the rounds it saw."""

from __future__ import annotations

import pytest

from benchmarks.figures import ExitCode, Latency, Line, meets, percentile, spread, verdict


def line(figures: list[float], beside: list[float], **more: object) -> Line:
    made = Line(path="path", beside="floor", **more)  # type: ignore[arg-type]
    for figure, other in zip(figures, beside, strict=True):
        made.add(figure, other)
    return made


@pytest.mark.parametrize(("share", "expected"), [(0.5, 500), (0.99, 990), (0.999, 999), (1.0, 1000), (0.0, 1)])
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(share: float, expected: int) -> None:
    assert percentile(range(1000, 0, -1), share) == expected


def test_a_percentile_of_few_values_is_one_of_them() -> None:
    assert percentile([3.0], 0.999) == 3.0
    assert percentile([1.0, 2.0], 0.5) == 1.0
    assert percentile([1.0, 2.0], 0.51) == 2.0


def test_the_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    # The machine halved its speed in the second round: the ratio of the medians would be 1.
    measured = line([100, 50, 90], [200, 100, 60])
    assert measured.ratios == [0.5, 0.5, 1.5]
    assert measured.ratio == 0.5
    assert measured.spread == pytest.approx(2.0)
    assert measured.is_noisy


def test_a_spread_is_relative_to_the_median() -> None:
    assert spread([0.9, 1.0, 1.1]) == pytest.approx(0.2)
    assert spread([5.0]) == 0
    assert not line([90, 100, 110], [100, 100, 100]).is_noisy


def test_rates_must_reach_a_target_and_times_must_keep_below_it() -> None:
    assert meets(1.6, 1.6, less_is_better=False) is True
    assert meets(1.59, 1.6, less_is_better=False) is False
    assert meets(1.2, 1.2, less_is_better=True) is True
    assert meets(1.21, 1.2, less_is_better=True) is False
    assert meets(9.0, None, less_is_better=True) is None


def test_a_run_ends_with_what_it_has_shown() -> None:
    met = line([2.0], [1.0], target=1.6)
    missed = line([1.0], [1.0], target=1.6)
    noisy = line([1.0, 2.0], [1.0, 1.0], target=1.6)
    nobody_asks = line([1.0, 9.0], [1.0, 1.0])
    assert verdict([met, nobody_asks]) == ExitCode.MET
    assert verdict([met, noisy]) == ExitCode.TOO_NOISY
    assert verdict([noisy, missed]) == ExitCode.MISSED


def test_a_line_as_json_has_medians_and_says_whether_its_target_is_met() -> None:
    measured = line([10, 30, 20], [10, 10, 10], target=1.6, moonshot=4.0)
    measured.between["500 thousand"] = [1.0, 5.0, 3.0]
    said = measured.document()
    assert (said["figure"], said["beside_figure"], said["ratio"], said["rounds"]) == (20, 10, 2.0, 3)
    assert (said["target"], said["moonshot"], said["met"], said["noisy"]) == (1.6, 4.0, True, True)
    assert said["between"] == {"500 thousand": 3.0}


def test_a_latency_as_json_is_in_milliseconds() -> None:
    said = Latency("path", 100.0, [n / 1000 for n in range(1, 1001)]).document()
    assert (said["p50_ms"], said["p99_ms"], said["p99_9_ms"]) == pytest.approx((500, 990, 999))
    assert (said["rate"], said["requests"]) == (100.0, 1000)
