"""Campaign 2 of SAFETY.md: one scenario, cut short at one moment after another; then the books are looked at."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from campaigns.crash.children import Death, Ended, in_a_child
from campaigns.crash.copies import Copies
from campaigns.crash.scenarios import Act, Scenario
from campaigns.crash.stage import Stage, gist


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """How it goes where nobody dies: what is answered, what is announced, and the moments it goes through."""

    answer: list[str]
    announced: dict[str, int]
    moments: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Die at the moments `first`, `first + every`, …; once something was wrong no more where `until_wrong`.

    From the same rows the same follows: unless it is to be `thorough`, a death that left nothing behind is followed up
    the first time only.
    """

    every: int = 1
    first: int = 1
    thorough: bool = False
    until_wrong: bool = False


def run_points(
    scenario: Scenario, copies: Copies, plan: Plan, *, plant: Callable[[], None] | None = None
) -> dict[str, Any]:
    """Die as planned, and at last not at all; gives how many moments there are, how many were died at, and what was
    wrong afterwards, in sentences. `plant` puts a bug into this process.
    """
    copies.empty()
    if plant is not None:
        plant()
    stage = Stage(copies.database)
    act = scenario.scene(stage)
    copies.keep()
    # Or every child's first collection would copy all the memory it shares with this process.
    gc.collect()
    gc.freeze()
    death = Death(copies.database)
    copies.put_back()
    stage.mailbox.clear()
    rehearsal = in_a_child(lambda: _rehearse(stage, act, death))
    if rehearsal.status:
        raise RuntimeError(rehearsal.last_words)
    whole = Undisturbed(**rehearsal.said)
    wrong: list[str] = []
    tried = without_a_trace = 0
    for at in (*range(plan.first, len(whole.moments) + 1, plan.every), None):
        if wrong and plan.until_wrong and at is not None:
            continue
        tried += at is not None
        copies.put_back()
        stage.mailbox.clear()
        died = in_a_child(lambda at=at: _perform(act, death, at))  # type: ignore[misc]
        if died.died and copies.is_as_kept():
            without_a_trace += 1
            if without_a_trace > 1 and not plan.thorough:
                continue
        after = in_a_child(lambda: _retry(stage, act, death))
        name = "undisturbed" if at is None else f"{at}, {whole.moments[at - 1]}"
        wrong += [f"{name}: {complaint}" for complaint in _judge(died, after, at, whole, scenario)]
    return {"moments": len(whole.moments), "tried": tried, "wrong": wrong}


def _rehearse(stage: Stage, act: Act, death: Death) -> dict[str, Any]:
    death.start(at=None)
    answer = gist(act())
    moments = list(death.moments)
    stage.work()
    return {"answer": answer, "announced": stage.announced(), "moments": moments}


def _perform(act: Act, death: Death, at: int | None) -> list[str]:
    death.start(at=at)
    return gist(act())


def _retry(stage: Stage, act: Act, death: Death) -> dict[str, Any]:
    """What happens next, in a process that knows nothing: the sender sends again, and the worker works."""
    death.start(at=None)
    answer = gist(act())
    failed = stage.work()
    return {
        "answer": answer,
        "failed": failed,
        "violations": stage.violations(),
        "picture": stage.picture(),
        "announced": stage.announced(),
    }


def _judge(died: Ended, after: Ended, at: int | None, whole: Undisturbed, scenario: Scenario) -> list[str]:
    if at is not None and not died.died:
        return [f"was to die and did not: {died.status} {died.last_words}"]
    if at is None and died.said != whole.answer:
        return [f"was answered {died.said}{died.last_words} and not {whole.answer}"]
    if after.status:
        return [f"cannot be done again: {after.last_words}"]
    found = after.said
    wrong = [f"the doctor says {violation}" for violation in found["violations"]]
    wrong += [f"the worker's step {step} fails" for step in found["failed"]]
    expected: dict[str, Any] = {
        "answer": whole.answer,
        "picture": sorted(scenario.ending),
        "announced": whole.announced,
    }
    wrong += [f"{name} {found[name]}, not {said}" for name, said in expected.items() if found[name] != said]
    return wrong
