"""Negative controls: the machine catches every planted bug, and lets every honest reading pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import pytest
from campaigns.broken_limits import BUGS_IN_LIMITS
from campaigns.broken_worlds import BUGS
from campaigns.machine import PLAIN_PAIRS, WHOLE_PAIRS, Stage
from campaigns.model import World
from campaigns.pictures import Reading
from campaigns.understudy import UnderstudyStage
from campaigns.whole_days import machine_for
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test


def play(stage: Stage, pairs: Sequence[tuple[str, str]], *, examples: int) -> None:
    """The same examples on every run, and no shrinking: only whether something is found is of interest."""
    run_state_machine_as_test(
        machine_for(stage, pairs),
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("reading", [Reading(), Reading(*(not getattr(Reading(), f.name) for f in fields(Reading)))])
def test_an_honest_service_passes_whichever_way_it_reads_what_is_open(reading: Reading) -> None:
    stage = UnderstudyStage(reading=reading)
    play(stage, (*PLAIN_PAIRS, *WHOLE_PAIRS), examples=90)
    assert reading in stage.readings


@pytest.mark.parametrize(
    ("bug", "pairs"), [*((bug, PLAIN_PAIRS) for bug in BUGS), *((bug, [pair]) for bug, pair in BUGS_IN_LIMITS.items())]
)
def test_a_planted_bug_is_caught(bug: type[World], pairs: Sequence[tuple[str, str]]) -> None:
    with pytest.raises(AssertionError, match="under the likeliest reading left"):
        play(UnderstudyStage(bug), pairs, examples=500)
